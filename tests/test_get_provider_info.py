"""What Airflow learns about this provider."""

from __future__ import annotations

import ast
import importlib
import json
import re
import subprocess
import sys
from importlib import metadata, resources
from pathlib import Path
from types import ModuleType
from typing import Any

import jsonschema
import pytest
from airflow.configuration import conf
from airflow.providers_manager import ProvidersManager

from airflow_provider_pipedrive import __version__, operators, transfers, triggers
from airflow_provider_pipedrive.get_provider_info import get_provider_info

DISTRIBUTION = "airflow-provider-pipedrive"


def imported(dotted: str) -> Any:
    module, _, name = dotted.rpartition(".")
    return getattr(importlib.import_module(module), name)


def test_airflow_finds_the_metadata_by_the_entry_point():
    (entry_point,) = [
        found for found in metadata.entry_points(group="apache_airflow_provider") if found.dist.name == DISTRIBUTION
    ]
    assert entry_point.load()() == get_provider_info()


def test_the_metadata_fits_the_schema_of_the_installed_airflow():
    schema = json.loads((resources.files("airflow") / "provider_info.schema.json").read_text())
    jsonschema.validate(get_provider_info(), schema)


def test_the_metadata_names_the_distribution_and_its_version_is_the_packages():
    assert get_provider_info()["package-name"] == metadata.metadata(DISTRIBUTION)["Name"] == DISTRIBUTION
    assert metadata.version(DISTRIBUTION) == __version__


def test_the_metadata_is_plain_data():
    assert ast.literal_eval(repr(get_provider_info())) == get_provider_info()


def test_reading_the_metadata_imports_neither_airflow_nor_requests():
    code = (
        "import sys; from airflow_provider_pipedrive.get_provider_info import get_provider_info; get_provider_info();"
        "print({'airflow', 'requests', 'msgspec'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout == "set()\n"


def test_the_connection_type_is_that_of_its_hook():
    (declared,) = get_provider_info()["connection-types"]
    hook = imported(declared["hook-class-name"])
    assert (hook.conn_type, hook.hook_name) == (declared["connection-type"], declared["hook-name"])


def modules_with(room: ModuleType, kind: str) -> set[str]:
    """The modules of a room that define what users see of a kind: ``Pipedrive...Operator``, for ``Operator``."""
    return {
        f"{room.__name__}.{file.stem}"
        for file in Path(*room.__path__).glob("*.py")
        if re.search(rf"^class (\w+To)?Pipedrive\w*{kind}\(", file.read_text(encoding="utf-8"), re.MULTILINE)
    }


def test_every_operator_and_transfer_is_in_a_module_that_the_metadata_names():
    info = get_provider_info()
    named = {module for integration in info["operators"] for module in integration["python-modules"]}
    named |= {transfer["python-module"] for transfer in info["transfers"]}
    assert modules_with(operators, "Operator") | modules_with(transfers, "Operator") == named


def test_every_trigger_is_in_a_module_that_the_metadata_names():
    (shared, *others) = [
        module for integration in get_provider_info()["triggers"] for module in integration["python-modules"]
    ]
    # Watchers of changes: the first module has them from there, where Airflow has watchers.
    assert modules_with(triggers, "Trigger") - {"airflow_provider_pipedrive.triggers.changes"} == {shared, *others}


def test_every_module_and_link_that_the_metadata_names_can_be_imported():
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for integration in info.get(kind, []):
            for module in integration["python-modules"]:
                importlib.import_module(module)
    for transfer in info.get("transfers", []):
        importlib.import_module(transfer["python-module"])
    for link in info["extra-links"] + info["notifications"]:
        assert imported(link)


def test_the_redirect_uri_of_the_configuration_is_known_and_empty_until_it_is_set(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    option = get_provider_info()["config"]["pipedrive"]["options"]["redirect_uri"]
    assert (option["type"], option["default"]) == ("string", None)
    assert not conf.get("pipedrive", "redirect_uri", fallback="")
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__REDIRECT_URI", "https://airflow.example.com/callback")
    assert conf.get("pipedrive", "redirect_uri", fallback="") == "https://airflow.example.com/callback"


def test_airflow_offers_the_operators_link_to_the_record():
    assert "airflow_provider_pipedrive.operators.record_links.PipedriveRecordLink" in (
        ProvidersManager().extra_links_class_names
    )


def test_the_allowed_paths_of_the_configuration_are_known_and_empty_until_they_are_set() -> None:
    option = get_provider_info()["config"]["pipedrive"]["options"]["allowed_paths"]
    assert (option["type"], option["default"]) == ("string", None)
    assert not conf.get("pipedrive", "allowed_paths", fallback="")
