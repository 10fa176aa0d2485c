"""What Airflow learns about this provider, and the connection form that comes of it."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from importlib import metadata, resources
from typing import Any

import jsonschema
import pytest
from airflow.configuration import conf
from airflow.providers_manager import ProvidersManager

from airflow_provider_pipedrive import __version__
from airflow_provider_pipedrive.connection_form import CONN_FIELDS, ui_field_behaviour
from airflow_provider_pipedrive.get_provider_info import get_provider_info

DISTRIBUTION = "airflow-provider-pipedrive"

FIELDS = [
    "refresh_token",
    "access_token",
    "api_token",
    "oauth_host",
    "redirect_uri",
    "timeout",
    "max_attempts",
    "burst_limit",
    "daily_token_budget",
    "verify",
    "proxies",
    "webhook_url",
    "webhook_user",
    "webhook_password",
]
SECRETS = ["refresh_token", "access_token", "api_token", "webhook_password"]


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


def test_every_module_and_link_that_the_metadata_names_can_be_imported():
    info = get_provider_info()
    for kind in ("hooks", "operators", "sensors", "triggers"):
        for integration in info.get(kind, []):
            for module in integration["python-modules"]:
                importlib.import_module(module)
    for transfer in info.get("transfers", []):
        importlib.import_module(transfer["python-module"])
    for link in info["extra-links"]:
        assert imported(link)


def test_the_form_has_the_documented_fields_in_order():
    assert list(CONN_FIELDS) == FIELDS


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_is_a_password_exactly_if_it_is_a_secret(name):
    assert (CONN_FIELDS[name]["schema"].get("format") == "password") == (name in SECRETS)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_may_stay_empty_and_says_what_it_means(name):
    field = CONN_FIELDS[name]
    assert "null" in field["schema"]["type"]
    assert field["label"]
    assert field["description"].endswith(".")
    # The form would store a default, and then a later version's better one would not count.
    assert "default" not in field["schema"]


def test_airflow_shows_every_field_in_the_connection_form():
    widgets = ProvidersManager().connection_form_widgets
    shown = {name: widget for name, widget in widgets.items() if name.startswith("extra__pipedrive__")}
    assert sorted(shown) == sorted(f"extra__pipedrive__{name}" for name in FIELDS)
    assert sorted(name for name in FIELDS if shown[f"extra__pipedrive__{name}"].is_sensitive) == sorted(SECRETS)


def test_airflow_hides_and_renames_standard_fields_in_the_connection_form():
    behaviour = ProvidersManager().field_behaviours["pipedrive"]
    hidden, renamed = (
        ("hidden-fields", "relabeling") if "hidden-fields" in behaviour else ("hidden_fields", "relabeling")
    )
    assert behaviour[hidden] == ["port", "schema"]
    assert behaviour[renamed] == {"login": "OAuth client id", "password": "OAuth client secret"}


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


def test_the_behaviour_for_older_airflows_is_the_same_data_in_their_spelling():
    assert ui_field_behaviour()["hidden_fields"] == ["port", "schema"]
    assert ui_field_behaviour()["relabeling"] == {"login": "OAuth client id", "password": "OAuth client secret"}
    assert ui_field_behaviour()["placeholders"]["timeout"] == "30"


def test_the_hooks_form_methods_hand_on_the_declared_form():
    (declared,) = get_provider_info()["connection-types"]
    hook = imported(declared["hook-class-name"])
    assert hook.get_ui_field_behaviour() == ui_field_behaviour()
    pytest.importorskip("flask_appbuilder", reason="only Airflow 2.11 draws forms with it")
    assert list(hook.get_connection_form_widgets()) == FIELDS


def test_the_allowed_paths_of_the_configuration_are_known_and_empty_until_they_are_set() -> None:
    option = get_provider_info()["config"]["pipedrive"]["options"]["allowed_paths"]
    assert (option["type"], option["default"]) == ("string", None)
    assert not conf.get("pipedrive", "allowed_paths", fallback="")
