"""Writes what is derived from the catalog: docs/actions.md, and the action keys as a type that editors complete.

python tools/generate/reference.py            write both
python tools/generate/reference.py --check    write nothing; fail and name the files that are out of step
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # this checkout's catalog, whatever else is installed

from airflow_provider_pipedrive.catalog import ACTIONS, RESOURCES, Action, Parameter

ROOT = Path(__file__).resolve().parents[2]

INTRO = """\
# Actions

<!-- Written by tools/generate/reference.py from the catalog. Change the catalog, then run it again. -->

Everything that Pipedrive offers, under the key that goes into `action`:

```python
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator

PipedriveOperator(task_id="open_deals", action="getDeals", parameters={{"status": "open", "pipeline_id": 1}})
PipedriveHook().run("getDeals", {{"status": "open", "pipeline_id": 1}})
```

{count} actions in {resources} resources: {names}.

## How to read the tables

**Key.** Pipedrive's own name of the operation. Where its API has the operation in version 1 and in version 2, the plain
key is version 2 and the key with `V1` behind it is version 1: `getDealFields` and `getDealFieldsV1`. Use version 2,
which costs half the tokens, unless only version 1 can do what you need. Some keys are other names of an operation, with
a required parameter of their own: `getDealActivities` is `getActivities` for one deal.

**Parameters.** All of an action's parameters go into one flat dict, under Pipedrive's own names, whether they are sent
in the path, the query or the body. `*` marks the required ones. Wrong names and values are refused before anything is
sent.

| type | takes |
|---|---|
| integer, number, text | a number or text; also text that is exactly a number: `5`, or `5.0` for 5 |
| yes/no | `True` or `False` |
| date | a `date`, or `YYYY-MM-DD` |
| time of day | a `time`, or `HH:MM` or `HH:MM:SS`; the same for a duration |
| timestamp | a `datetime` or ISO 8601 text with a time zone, or v1's `2026-01-31 12:00:00` (UTC); sent in UTC |
| one of ... | one of the values named |
| list of ..., any of ... | a list, or text separated by commas |
| object | a dict; its values are converted and checked, too, if Pipedrive describes them |
| file | a path, bytes, or a binary file object |

**What templates give.** A template renders to text, `"{{{{ 5 }}}}"` to `"5"`, also inside objects and lists of objects;
with Airflow's native rendering, texts of digits become numbers. Both are converted to the type that the parameter has.
Native rendering has no way back for `+3725555`, which becomes 3725555, and `1.50`, which becomes 1.5: in such a DAG,
write a phone number with a space (`+372 5555`), or give the task's output itself (`deal.output`) instead of a template.
A value that cannot be converted exactly is refused, and the error names its place: `participants[0].person_id must be a
whole number, not 'x'`. Lists and objects may be text, as JSON or as Python writes them. Pipedrive accepts more keys in
objects than it describes, so an unknown key is sent as it is, unless it looks like a known one that is missing.

**Custom fields** are given by name, or by their keys of 40 characters: see [writing](writing.md#custom-fields). An
action for the definition of one field takes the numeric `id` that v1 has, too: looking it up costs 2 tokens.

**Paging.** A list action walks through all pages by itself and returns all records as a list; `PipedriveHook.iterate()`
gives them one after the other, without holding them all. Give `cursor` (or `start`, where the table has it) to read one
page only; `additional_data`, which `PipedriveHook.request()` returns with the answer, says where the next page is.
`limit` is the page size. By default it is the largest one, because a request costs the same whatever its page size.

**Do not use texts of the CRM as templates.** Anybody who fills in one of your forms can put `{{{{ }}}}` into a deal's
title, and a template can read Airflow's connections. A task's result is not rendered again if a later task takes it as
an argument (`parameters={{"content": deal.output}}`, `@task` functions), in `.expand(parameters=...)`, or by a template
of your own (`"{{{{ ti.xcom_pull('deal')['title'] }}}}"`). Airflow does render

- what `.expand_kwargs(...)` gets from a task, as if it were written in the DAG file: use `.expand(parameters=...)`;
- what a function under `@task.bash` returns: return a fixed command, which reads the text as `"$TITLE"` from `env`;
- arguments that a DAG file builds from texts while it is parsed (f-strings, an extraction's file): read them in a task.

In a command, a query or a web page, such a text can be code, too: pass it in `env` or as a parameter of the query, or
escape it.

**Scopes.** An OAuth app needs one of the scopes named. An API token has the rights of its user.

**Tokens.** What one request costs of the company's [daily token
budget](https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting). A list costs this for each page.

**Lifecycle.** Empty: in use. *beta*: Pipedrive may change it without notice. *deprecated*: it works, but will be
removed. *removed*: Pipedrive has removed it; an old DAG that uses the key is told since when, and what to use instead.
"""

TABLE_HEAD = """\
| key | what it does | parameters | scopes | tokens | version | lifecycle |
|---|---|---|---|---|---|---|"""

TYPE_NAMES = {
    "string": "text",
    "boolean": "yes/no",
    "flag": "yes/no",
    "datetime": "timestamp",
    "time": "time of day",
    "any": "anything",
}


def reference() -> str:
    """docs/actions.md."""
    intro = INTRO.format(
        count=len(ACTIONS),
        resources=len(RESOURCES),
        names=", ".join(f"[{title(resource)}](#{anchor(resource)})" for resource in RESOURCES),
    )
    return "\n".join([intro, *(section(resource) for resource in RESOURCES)])


def section(resource: str) -> str:
    """One resource: its heading, what is special about it, and the table of its actions."""
    doc = (import_module(f"airflow_provider_pipedrive.catalog.{resource}").__doc__ or "").strip()
    remark = "" if doc == f"{title(resource)}." else f"{doc}\n\n"
    rows = "\n".join(row(action) for action in RESOURCES[resource])
    return f"## {title(resource)}\n\n{remark}{TABLE_HEAD}\n{rows}\n"


def title(resource: str) -> str:
    """``deal_fields`` as a heading."""
    return resource.replace("_", " ").capitalize()


def anchor(resource: str) -> str:
    """The heading's anchor, as GitHub makes it."""
    return resource.replace("_", "-")


def row(action: Action) -> str:
    """One action as a line of its table."""
    endpoint = "any method and path" if action.path == "*" else f"`{action.method} {action.path}`"
    cells = [
        f"`{action.key}`",
        f"{escaped(action.summary)}<br>{endpoint}",
        "<br>".join(parameter_lines(action)),
        "<br>".join(action.scopes),
        str(action.token_cost or ""),
        "" if action.path == "*" else action.version,
        lifecycle(action),
    ]
    return f"| {' | '.join(cells)} |"


def parameter_lines(action: Action) -> Iterator[str]:
    """The parameters of an action, and what holds for several of them together."""
    shown, other_key = own_parameters(action)
    yield from map(parameter_text, shown)
    if other_key:
        yield f"and those of `{other_key}`"
    if action.custom_fields == "flat":
        yield "custom fields by their keys of 40 characters"
    if action.one_of:
        yield f"at least one of {codes(action.one_of)}"
    if action.filter_overrides:
        yield f"not with `filter_id`: {codes(action.filter_overrides)}"


def own_parameters(action: Action) -> tuple[list[Parameter], str | None]:
    """The parameters to list, and the key of the action that has all the others, where another name only adds some."""
    parameters = list(action.parameters)
    if action.alias_of is None:
        return parameters, None
    other = ACTIONS[action.alias_of].parameters
    if {parameter.name for parameter in other} - {parameter.name for parameter in parameters}:
        return parameters, None
    return [parameter for parameter in parameters if parameter not in other], action.alias_of


def parameter_text(parameter: Parameter) -> str:
    """Name, ``*`` where required, second spelling, and what it takes."""
    name = f"`{parameter.name}`" + (r"\*" if parameter.required else "")
    also = f" (or `{parameter.also}`)" if parameter.also else ""
    return f"{name}{also} {escaped(taken(parameter))}"


def taken(parameter: Parameter) -> str:
    """The values that a parameter takes, in words."""
    many = parameter.type == "array"
    if parameter.enum:
        text = f"{'any' if many else 'one'} of {', '.join(map(str, parameter.enum))}"
    else:
        kind = (parameter.items if many else parameter.type) or "any"
        text = f"{'list of ' if many else ''}{TYPE_NAMES.get(kind, kind)}"
    if parameter.parts:
        text += f" with {', '.join(part.name for part in parameter.parts)}"
    if parameter.max_items:
        text += f" (at most {parameter.max_items})"
    if parameter.maximum:
        text += f" up to {parameter.maximum}"
    return text + (", or null" if parameter.nullable else "")


def lifecycle(action: Action) -> str:
    """Empty while in use; otherwise since when, and what to use instead."""
    if action.lifecycle in ("active", "beta"):
        return action.lifecycle.replace("active", "")
    since = f" {action.since}" if action.since else ""
    successor = f"<br>use {escaped(action.successor)}" if action.successor else ""
    return f"[{action.lifecycle}]({action.source}){since}{successor}"


def codes(names: tuple[str, ...]) -> str:
    """Names as code, in a row."""
    return ", ".join(f"`{name}`" for name in names)


def escaped(text: str) -> str:
    """Text that means in a Markdown table what it says."""
    for character in r"\|*<>":
        text = text.replace(character, f"\\{character}")
    return text


def keys_module() -> str:
    """airflow_provider_pipedrive/catalog/keys.py."""
    keys = "\n".join(f'    "{key}",' for key in sorted(ACTIONS))
    return f'''\
"""The keys of all actions as a type, for editors and type checkers. Written by tools/generate/reference.py."""

from typing import Literal, TypeAlias

ActionKey: TypeAlias = Literal[
{keys}
]
"""The key of an action. Import it under ``TYPE_CHECKING``: nothing needs it when a DAG runs."""
'''


def derived() -> dict[Path, str]:
    """The files and what they must hold."""
    return {
        ROOT / "docs" / "actions.md": reference(),
        ROOT / "airflow_provider_pipedrive" / "catalog" / "keys.py": keys_module(),
    }


def out_of_step() -> list[str]:
    """The files that do not hold what the catalog says."""
    return [
        path.relative_to(ROOT).as_posix()
        for path, text in derived().items()
        if not path.exists() or path.read_text("utf-8") != text
    ]


def main() -> None:
    """Command line, see the module's docstring."""
    parser = argparse.ArgumentParser(description="Writes docs/actions.md and catalog/keys.py from the catalog.")
    parser.add_argument("--check", action="store_true", help="write nothing, fail if a file is out of step")
    if not parser.parse_args().check:
        for path, text in derived().items():
            path.parent.mkdir(exist_ok=True)
            path.write_text(text, "utf-8")
    elif stale := out_of_step():
        sys.exit(f"Out of step with the catalog: {', '.join(stale)}. Run python tools/generate/reference.py")


if __name__ == "__main__":
    main()
