"""What an Airflow has found of this provider, as one line of JSON; for tools/release.py, in a bare environment."""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import pkgutil
import runpy
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

NAME = "airflow-provider-pipedrive"
PACKAGE = "airflow_provider_pipedrive"
OF_EXTRAS = ("sandbox", "toolsets", "warehouse")
"""Rooms whose own extra has what they import."""


def main() -> None:
    """Print the answers."""
    examples = Path(importlib.import_module(PACKAGE).__path__[0]) / "example_dags"
    providers = {provider["package_name"]: provider for provider in _command("providers", "list")}
    hooks = {hook["connection_type"]: hook for hook in _command("providers", "hooks")}
    answers = {
        "version": providers.get(NAME, {}).get("version"),
        "provider": hooks.get("pipedrive", {}).get("package_name"),
        "hook": hooks.get("pipedrive", {}).get("class"),
        "plugin": next((found.name for found in _entry_points("airflow.plugins")), None),
        "modules_that_need_more": dict(_that_need_more()),
        "examples": sorted(path.stem for path in examples.glob("*.py")),
        "broken_examples": _broken(examples),
        "examples_found": _is_bundle(examples),
    }
    print(json.dumps(answers))


def _command(*arguments: str) -> Any:
    command = [Path(sys.executable).with_name("airflow"), *arguments, "--output", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return json.loads(done.stdout[done.stdout.index("[") :])


def _entry_points(group: str) -> list[importlib.metadata.EntryPoint]:
    points = importlib.metadata.distribution(NAME).entry_points.select(group=group)
    return [point for point in points if point.load()]


def _that_need_more() -> Iterator[tuple[str, str]]:
    """Modules, outside the rooms that have an extra, that do not import here, each with the module that it lacks."""
    for module in pkgutil.walk_packages(importlib.import_module(PACKAGE).__path__, f"{PACKAGE}."):
        room = module.name.split(".")[1]
        if room in (*OF_EXTRAS, "__main__", "example_dags"):
            continue
        try:
            importlib.import_module(module.name)
        except ImportError as error:
            yield module.name, error.name or str(error)


def _broken(examples: Path) -> dict[str, str]:
    """Examples that fail where an Airflow parses them, each with why."""
    found = {}
    for file in sorted(examples.glob("*.py")):
        try:
            runpy.run_path(str(file))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is what is asked for
            found[file.stem] = f"{type(error).__name__}: {error}"
    return found


def _is_bundle(examples: Path) -> bool:
    """Whether Airflow reads the examples by itself, as 3.3 does with ``[core] load_examples``."""
    try:
        from airflow.dag_processing.bundles.manager import DagBundlesManager
    except ImportError:  # Airflow 2.11 has no bundles
        return False
    return examples in {bundle.path for bundle in DagBundlesManager().get_all_dag_bundles()}


if __name__ == "__main__":
    main()
