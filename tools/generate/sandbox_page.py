"""Write ``docs/sandbox.md``: how to use the sandbox, and what each operation does in it.

python tools/generate/sandbox_page.py            write it
python tools/generate/sandbox_page.py --check    write nothing; fail if it is out of step with the code
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from dataclasses import fields
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout's code, whatever else is installed

from airflow_provider_pipedrive.catalog import ACTIONS, RESOURCES
from airflow_provider_pipedrive.sandbox.__main__ import COMMAND_DEFAULTS
from airflow_provider_pipedrive.sandbox.control.api import CONTROL_OPERATIONS
from airflow_provider_pipedrive.sandbox.control.faults import AFTER, BEFORE
from airflow_provider_pipedrive.sandbox.resources import BY_SHAPE, HANDLERS
from airflow_provider_pipedrive.sandbox.server.routes import OUT_OF_SUPPORT
from airflow_provider_pipedrive.sandbox.state.settings import Settings

PAGE = Path(__file__).resolve().parents[2] / "docs" / "sandbox.md"

HEAD = """\
# The sandbox: Pipedrive in a box

<!-- Written by tools/generate/sandbox_page.py. Do not edit. -->

A local server that behaves like Pipedrive, so that tests and demos run without an account. It knows the operations from
the package's catalog and the rest from Pipedrive's documentation and from recordings of the live API that others have
published; it was never compared with a live account by us. Singer's tap-pipedrive 2.1.0, Airbyte's source-pipedrive
2.3.7 and n8n's node 2.41.2 read all of it, the first two with `v1_out_of_support="answer"`.

Install it in a clone, until the first release, and start it:

```sh
pip install '.[sandbox]'
python -m airflow_provider_pipedrive.sandbox --port 8765 --deals 5000
```

The command prints the sandbox's URL and an `AIRFLOW_CONN_PIPEDRIVE_DEFAULT` to paste. The sandbox listens on loopback
only, and refuses what a web page in a browser on the machine sends to it (by `Host`, `Origin` and `Sec-Fetch-Site`).

In tests:

```python
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox

with Sandbox(deals=50, seed=1) as sandbox:
    sandbox.fault("/api/v2/deals/1", "429", count=1)
    with PipedriveClient(settings_from(host=sandbox.url, extra={"api_token": sandbox.api_token})) as client:
        assert client.run("getDeal", {"id": 1})["id"] == 1
    assert [request.status for request in sandbox.requests] == [429, 200]
    sandbox.reset()  # milliseconds; everything is as in the beginning
```
"""

ATTRIBUTES = (
    (
        "`url`, `api_token`, `client_id`, `client_secret`, `refresh_token`",
        "what a client needs; the refresh token is authorized already",
    ),
    (
        "`access_token(scopes=None)`, `expire_access_tokens()`",
        "a new grant's access token; let all access tokens be expired",
    ),
    ("`reset()`", "records, limits, faults, scheduled actions, tokens, log and clock as in the beginning"),
    ("`fault(path, kind, ...)`, `clear_faults()`", "let requests fail, see below"),
    (
        "`advance(seconds)`",
        "move the clock on: windows pass, tokens expire, scheduled actions and webhooks come due",
    ),
    ("`repeat_deliveries(count)`", "deliver each of the next so many webhook events twice"),
    ("`settle()`", "wait until all webhook deliveries that are due were answered"),
    (
        "`move_deal(deal_id, stage_id)`, `update(entity, id, **fields)`, `delete(entity, id)`, "
        "`merge(entity, id, into)`, `add_file(name, content, **links)`",
        "what a person does in Pipedrive's web interface",
    ),
    (
        '`plan(do, after_reads=3, path="/api/v2/deals*", **options)`, `plan(do, after_seconds=60, **options)`',
        "one of these, done later: so many reads see what was before, or when so much of the sandbox's time has passed",
    ),
    ("`requests`, `counters()`, `records(entity)`", "the log, numbers, the stored records by id"),
)

DECISIONS = (
    (
        "limits",
        "`Sandbox()` has none, the command has the smallest plan's burst limit",
    ),
    (
        "tokens of refused requests",
        "counted, except those that get 401, 403 (scope), 404 or 405 (path), 410 (operation) or 429",
    ),
    ("a request that got 429", "does not count in the window"),
    (
        "unknown names in a query, as `sort_by` for followers",
        "400 in v2 (setting `unknown_query`), ignored in v1",
    ),
    ("`True` and `False` in queries of v2", "400 (setting `boolean_spelling`)"),
    ("a page size over the maximum", "400 in v2; v1 takes its maximum and echoes it"),
    ("`null` for an optional field of a v2 body", "taken"),
    ("removed operations", "410"),
    (
        "v1 operations out of support since 2026-08-01",
        "410; with the setting `v1_out_of_support` lists and single records are answered in v1's shape, writes and "
        "searches never",
    ),
    (
        "custom fields without a value",
        "v2, and v1 but for leads: null for every field that is defined, as the account had it that others have "
        "measured (setting `unset_custom_fields`); webhooks: only what has a value",
    ),
    ("options of a custom field of type set in v1", "text, `12,1` (setting `v1_sets`)"),
    ("elements of recents without `data`", "those of records that are gone for good, as after a merge"),
    (
        "a deleted deal, person, organization, activity or product",
        "readable by its id for 30 days with `is_deleted: true`, then 404; a lead is gone at once",
    ),
    ("`stage_change_time` of a deal that never moved", "null, where the seeded company does not say otherwise"),
    ("archived deals and leads", "take nothing but `is_archived: false`"),
    ("`value` of a deal with products", "what is written is ignored, the products decide"),
    ("`updated_since` together with `filter_id`", "both hold"),
    ("an order by `update_time`", "records without one come first"),
    ("a merge", "moves all that hangs on the loser at once; the loser gives 404"),
    ("a conversion", "is completed at the third reading of its status"),
    ("`since_timestamp` of recents more than a month ago", "400 (setting `old_since_timestamp`)"),
    ("visibility", "every user sees everything; `permittedUsers` is narrower where `visible_to` is 1"),
    ("search", "finds at once what was written; Pipedrive's index lags behind"),
    (
        "paging of v1",
        "nested in `pagination`, flat for archived deals and leads and the deals of pipelines and stages; "
        "`next_start` wherever more is promised; threads of the mailbox have it though no schema says so",
    ),
    (
        "webhooks",
        "loopback addresses are called, by http too; public https addresses are taken and never called; nothing is "
        "probed on creation",
    ),
    ("the body of an error of the OAuth host", "`error`, `error_description`, `message`"),
    ("`GET /v1/deals/timeline`", "`data` is a list of periods; the specification shows a single one"),
)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, tuple("---" for _ in head), *rows)]


def _attributes() -> list[str]:
    return [*_table(("attribute or method", "what it is"), ATTRIBUTES), ""]


def _settings() -> list[str]:
    intro = "Keyword arguments of `Sandbox` and options of the command (`burst_limit` is `--burst-limit`)."
    rows = [(f"`{s.name}`", _default(s.name, s.default), s.metadata["meaning"]) for s in fields(Settings)]
    return ["## Settings", "", intro, "", *_table(("setting", "default", "meaning"), rows), ""]


def _default(name: str, value: object) -> str:
    of_command = f" (of the command: `{COMMAND_DEFAULTS[name]!r}`)" if name in COMMAND_DEFAULTS else ""
    return f"`{value!r}`{of_command}"


def _decisions() -> list[str]:
    intro = (
        "Where Pipedrive's documentation is silent or contradicts itself, the sandbox takes one side; a setting that "
        "is named takes the other:"
    )
    return ["## Decisions", "", intro, "", *_table(("question", "here"), DECISIONS), ""]


def _faults() -> list[str]:
    aims = (
        "`path` is the request's path, `*` matches anything in it. Aim with `method`, `count` (default 1), `every` "
        "(each so-many-th), `skip` (so many pass first), `probability` with `seed`; `headers` adds headers or, "
        "with `None`, takes them away. OAuth and storage paths can fail too."
    )
    rows = [(f"`{kind}`", what) for kind, what in (BEFORE | AFTER).items()]
    return ["## Faults", "", *_table(("kind", "what the client sees"), rows), "", aims, ""]


def _control() -> list[str]:
    intro = (
        "The same for another process: JSON, no credentials. A `GET` takes its options from the query, a `POST` from "
        "its body."
    )
    rows = [(f"`{method} {path}`", operation.options) for (method, path), operation in CONTROL_OPERATIONS.items()]
    return ["## Control API", "", intro, "", *_table(("request", "options"), rows), ""]


def behaviour(key: str) -> str:
    """What an operation does here, in a word or two."""
    action = ACTIONS[key]
    if action.lifecycle == "removed":
        return "refuses: 410"
    if key in BY_SHAPE:
        return "answers by shape"
    return "behaves" if key in HANDLERS else "missing"


def _operations() -> list[str]:
    keys = [a.key for actions in RESOURCES.values() for a in actions if not a.alias_of and a.path.startswith("/")]
    counted = {word: sum(1 for key in keys if behaviour(key) == word) for word in map(behaviour, keys)}
    lines = [
        "## Operations",
        "",
        "**behaves**: reads and changes the company's state. **answers by shape**: always the same plausible answer. "
        "**refuses**: as Pipedrive does since it took the operation away.",
        "",
        f"Of {len(keys)} operations, {counted['behaves']} behave, {counted['answers by shape']} answer by shape and "
        f"{counted['refuses: 410']} refuse. {sum(len(m.split()) for m in OUT_OF_SUPPORT.values())} more are not "
        "listed: v1's that are out of support. They refuse too, unless the setting `v1_out_of_support` says otherwise.",
        "",
    ]
    for resource, actions in RESOURCES.items():
        own = [action for action in actions if action.key in keys]
        if not own:
            continue
        rows = [(f"`{a.key}`", f"`{a.method} {a.path}`", behaviour(a.key)) for a in own]
        lines += [
            f"### {resource.replace('_', ' ').capitalize()}",
            "",
            *_table(("action", "request", "here"), rows),
            "",
        ]
    return lines


def page() -> str:
    """The page's text."""
    parts = [HEAD, *_attributes(), *_settings(), *_faults(), *_control(), *_decisions(), *_operations()]
    return "\n".join(parts).rstrip() + "\n"


def main() -> None:
    """Command line: writes the page, or looks whether it is as it should be."""
    parser = argparse.ArgumentParser(description="Write docs/sandbox.md.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is out of step")
    if not parser.parse_args().check:
        PAGE.write_text(page(), encoding="utf-8")
    elif PAGE.read_text(encoding="utf-8") != page():
        sys.exit("docs/sandbox.md is out of step with the code. Run python tools/generate/sandbox_page.py")


if __name__ == "__main__":
    main()
