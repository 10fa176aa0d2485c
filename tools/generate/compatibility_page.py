"""Writes docs/compatibility.md: what this package has on each Airflow, as the code itself says there.

    python3 tools/generate/compatibility_page.py

Asks the environment of each Airflow (tools/environment.py; one that is missing is made). A test on each of them
compares the page with the code: tests/test_compatibility.py. Standard library only, but for what is asked.
"""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from environment import BETWEEN, NEWEST, OLDEST, ROOT, clean_environ, ready

PAGE = ROOT / "docs" / "compatibility.md"
SETS = ROOT / "tools" / "constraints" / "sets.json"
PACKAGE = "airflow_provider_pipedrive"
VERSIONS = (OLDEST, *BETWEEN, NEWEST)
PYTHONS = ("3.11", "3.12", "3.13")


def _imports(module: str) -> bool:
    try:
        importlib.import_module(module)
    except ImportError:
        return False
    return True


def _of(module: str, name: str) -> Any:
    return getattr(importlib.import_module(module), name, None)


def _can_ask() -> bool:
    from airflow_provider_pipedrive.errors import PipedriveParameterError
    from airflow_provider_pipedrive.operators.people import check_can_ask

    try:
        check_can_ask("This page")
    except PipedriveParameterError:
        return False
    return True


def _each_change() -> bool:
    module = f"{PACKAGE}.plugin.asset_events"
    return _imports(module) and bool(_of(module, "AIRFLOW_V_3_2_PLUS"))


def _keeps_values() -> bool:
    from airflow.providers.common.compat.sdk import Context

    return "task_state_store" in Context.__annotations__


def _shows_examples() -> bool:
    module = "airflow.dag_processing.bundles.manager"
    return _imports(module) and _of(module, "_add_provider_example_dags_to_bundle") is not None


FEATURES: dict[str, Callable[[], bool]] = {
    "hook, operators, transfers, sensors, notifier, OAuth": lambda: all(
        _imports(f"{PACKAGE}.{room}")
        for room in ("hooks.pipedrive", "operators.pipedrive", "transfers", "sensors.pipedrive", "accounts.oauth")
    ),
    "[watchers](events.md) that start a DAG when something changes": lambda: bool(
        _of(f"{PACKAGE}.triggers.pipedrive", "PipedriveChangeEventTrigger")
    ),
    "watchers that continue where the [stored events](events.md) end, whatever was killed": lambda: _imports(
        f"{PACKAGE}.triggers.acknowledged"
    ),
    "[pages](connecting-in-the-browser.md) in the web UI, and [webhooks](webhooks.md)": lambda: bool(
        _of(f"{PACKAGE}.plugin", "PipedrivePlugin").fastapi_apps
    ),
    "[a DAG run for each change](webhooks.md) that a webhook reports": _each_change,
    "[choices and approvals](people.md) by people": _can_ask,
    "waiting for people without a triggerer; [agents](agents.md) that ask for approval": lambda: bool(
        _imports("airflow.sdk.exceptions") and _of("airflow.sdk.exceptions", "TaskAwaitingInput")
    ),
    "`airflow pipedrive ...`; elsewhere `python -m airflow_provider_pipedrive ...`": lambda: _of(
        f"{PACKAGE}.catalog.advice", "own_command"
    )("check").startswith("airflow "),
    "[`PipedriveRetryPolicy`](errors.md)": lambda: _imports(f"{PACKAGE}.policies.retry"),
    "a [conversion](people.md) that is repeated by its id after a kill": _keeps_values,
    "example DAGs in Airflow's own list, with `[core] load_examples`": _shows_examples,
}
"""What people look for, and whether the Airflow that runs this has it."""


def here() -> dict[str, bool]:
    """What there is on the Airflow that runs this."""
    return {feature: bool(has()) for feature, has in FEATURES.items()}


TEXT = """\
# Which Airflow and which Python

<!-- Written by tools/generate/compatibility_page.py. -->

One package serves Airflow 2.11 to 3.3. What a newer Airflow has brought is absent on older ones: an import, an error
when the DAG is parsed, or a page that is not there says so.

{features}

## What is tested where

`python3 tools/test.py --every` runs all of it, on the versions in `tools/constraints/`. *All*: every test, but on other
Pythons than 3.11 neither what starts an Airflow nor long trials. *Differing*: the tests of what Airflow's versions
differ in: triggers, sensors, assets, pages and hooks.

{pythons}

Two more sets are of other dependencies: the lowest versions that `pyproject.toml` allows, and the newest that a package
index has on the day.

{others}
"""


def page(found: dict[str, dict[str, bool]]) -> str:
    """The page, of what each Airflow has."""
    heads = [".".join(version.split(".")[:2]) for version in VERSIONS]
    features = [[feature, *("yes" if found[version][feature] else "-" for version in VERSIONS)] for feature in FEATURES]
    pythons = [[version, *(_tested(version, python) for python in PYTHONS)] for version in VERSIONS]
    others = [
        [f"`airflow-{one['airflow']}.txt`", one["python"], one["tests"]]
        for one in _sets()
        if one["airflow"] not in VERSIONS
    ]
    return TEXT.format(
        features=_table(["", *heads], features),
        pythons=_table(["Airflow", *(f"Python {python}" for python in PYTHONS)], pythons),
        others=_table(["set of versions", "Python", "tests"], others),
    )


def _tested(airflow: str, python: str) -> str:
    if python == PYTHONS[0]:
        return "all" if airflow in (NEWEST, OLDEST) else "differing"
    return next(
        (one["tests"] for one in _sets() if (one["airflow"], one["python"]) == (airflow, python)), "does not install"
    )


def _sets() -> list[dict[str, str]]:
    found: list[dict[str, str]] = json.loads(SETS.read_text(encoding="utf-8"))
    return found


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [heads, *rows]
    written = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([written[0], "|" + "---|" * len(heads), *written[1:]])


def ask(version: str) -> dict[str, bool]:
    """What there is on an Airflow: its own Python answers."""
    with tempfile.TemporaryDirectory(prefix="pipedrive-compatibility-") as home:
        done = subprocess.run(
            [ready(version, "airflow-test"), __file__, "--here"],
            env=clean_environ() | {"AIRFLOW_HOME": home},
            check=True,
            capture_output=True,
            text=True,
        )
    found: dict[str, bool] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> None:
    """Write the page, or print what there is here."""
    if sys.argv[1:] == ["--here"]:
        print(json.dumps(here()))
    else:
        PAGE.write_text(page({version: ask(version) for version in VERSIONS}), encoding="utf-8")


if __name__ == "__main__":
    main()
