"""The connection form: as it is declared, and as Airflow shows it."""

from __future__ import annotations

import pytest
from airflow.providers_manager import ProvidersManager

from airflow_provider_pipedrive.connection_form import CONN_FIELDS, ui_field_behaviour
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

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
    "reserved_share",
    "dag_shares",
    "verify",
    "proxies",
    "hash_key",
    "webhook_url",
    "webhook_user",
    "webhook_password",
]
SECRETS = ["refresh_token", "access_token", "api_token", "hash_key", "webhook_password"]


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


def test_the_behaviour_for_older_airflows_is_the_same_data_in_their_spelling():
    assert ui_field_behaviour()["hidden_fields"] == ["port", "schema"]
    assert ui_field_behaviour()["relabeling"] == {"login": "OAuth client id", "password": "OAuth client secret"}
    assert ui_field_behaviour()["placeholders"]["timeout"] == "30"


def test_the_hooks_form_methods_hand_on_the_declared_form():
    assert PipedriveHook.get_ui_field_behaviour() == ui_field_behaviour()
    pytest.importorskip("flask_appbuilder", reason="only Airflow 2.11 draws forms with it")
    assert list(PipedriveHook.get_connection_form_widgets()) == FIELDS
