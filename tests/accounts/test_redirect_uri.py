"""Which redirect URI is taken, and what is none."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.accounts.redirect_uri import checked, stated_redirect_uri
from airflow_provider_pipedrive.errors import PipedriveParameterError

GIVEN, OWN, CONFIGURED = (f"https://{name}.example.com/callback" for name in ("given", "own", "configured"))


@pytest.mark.parametrize(
    ("given", "own", "configured", "taken"),
    [
        (GIVEN, OWN, CONFIGURED, GIVEN),
        ("", OWN, CONFIGURED, OWN),
        (None, None, CONFIGURED, CONFIGURED),
        (None, "", "", None),
    ],
)
def test_the_command_lines_comes_before_the_connections_before_the_configurations(
    monkeypatch: pytest.MonkeyPatch, given: str | None, own: str | None, configured: str, taken: str | None
) -> None:
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__REDIRECT_URI", configured)
    assert stated_redirect_uri(own, given) == taken


def test_one_that_is_wrong_is_named_and_no_other_taken_in_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__REDIRECT_URI", CONFIGURED)
    with pytest.raises(PipedriveParameterError, match="^The connection's redirect_uri must be a whole URL"):
        stated_redirect_uri(["no", "text"])


@pytest.mark.parametrize(
    "uri",
    [
        "airflow.example.com",
        "javascript:alert(1)",
        "ftp://localhost/",
        "http://localhost:port/",
        "https://user@localhost/",
        "https://airflow.example.com/callback#there",
        "https://airflow.example.com/a b",
    ],
)
def test_where_no_browser_can_be_sent_is_no_redirect_uri(uri: str) -> None:
    with pytest.raises(PipedriveParameterError, match="^It must be a whole URL"):
        checked(uri, "It")
