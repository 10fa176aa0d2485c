"""``airflow pipedrive webhooks``."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.cli.conftest import Terminal
from tests.conftest import api_token_connection

SECRET = "UnguessablePartOfTheAddress0123"
PASSWORD = "WebhookPasswordOfTheTests0123"


@pytest.fixture(autouse=True)
def connection(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {
        "webhook_url": f"https://airflow.example.com/pipedrive/webhook/{SECRET}",
        "webhook_user": "airflow",
        "webhook_password": PASSWORD,
    }
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, **extra))


def test_ensure_makes_what_is_missing_list_shows_it_and_remove_takes_it_away(terminal: Terminal) -> None:
    assert terminal.run("webhooks", "ensure", "deals", "persons") == 0
    assert "Made: deal *." in terminal.err
    assert "0 kept, 2 made, 0 removed." in terminal.err
    assert terminal.run("webhooks", "ensure", "deals", "persons") == 0
    assert "2 kept, 0 made, 0 removed." in terminal.err
    assert terminal.run("webhooks", "list") == 0
    assert [line.split("\t")[1:] for line in terminal.out.splitlines()] == [
        ["deal *", "Airflow's", "version 2.0", "well"],
        ["person *", "Airflow's", "version 2.0", "well"],
    ]
    assert SECRET not in terminal.out + terminal.err
    assert terminal.run("webhooks", "remove") == 0
    assert "2 webhooks removed." in terminal.err


def test_only_some_actions_can_be_wanted(terminal: Terminal) -> None:
    terminal.run("webhooks", "ensure", "deals", "--actions", "create,delete")
    assert "Made: deal create." in terminal.err
    assert "Made: deal delete." in terminal.err


def test_a_missing_scope_is_explained(terminal: Terminal, sandbox: Sandbox) -> None:
    sandbox.fault("/v1/webhooks", "403")
    assert terminal.run("webhooks", "ensure", "deals") == 1
    assert "admin" in terminal.err


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["ensure"], 1, "Name at least one object"),
        (["ensure", "deels"], 1, "Did you mean 'deal'"),
        (["list", "deals"], 2, "takes no objects"),
        (["make"], 2, "invalid choice"),
    ],
)
def test_a_wrong_call_is_told_what_is_right(arguments: list[str], code: int, said: str, terminal: Terminal) -> None:
    assert terminal.run("webhooks", *arguments) == code
    assert said in terminal.err


def test_a_connection_without_a_webhook_address_is_told_how_to_make_one(
    terminal: Terminal, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox))
    assert terminal.run("webhooks", "list") == 1
    assert "secrets.token_urlsafe" in terminal.err
