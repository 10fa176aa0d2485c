"""What is remembered of an authorization, in a connection that people can edit."""

from __future__ import annotations

import json
from typing import Any

import pytest

from airflow_provider_pipedrive.accounts.status import (
    KEY,
    AuthorizationStatus,
    consume_attempt,
    forget_tokens,
    remember,
)
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize("given", [None, "connected", [], {"state": 1, "scopes": "base", "company_id": "7"}])
def test_what_people_have_edited_into_nonsense_counts_as_unknown(given: Any) -> None:
    assert AuthorizationStatus.of({KEY: given}) == AuthorizationStatus()


def test_what_is_remembered_is_read_again() -> None:
    status = AuthorizationStatus("connected", user="Ada", company_id=7, scopes=("base", "deals:read"))
    stored = json.loads(json.dumps(remember({"timeout": 7}, status)))
    assert AuthorizationStatus.of(stored) == status
    assert stored["timeout"] == 7


def test_an_idle_authorization_dies_sixty_days_after_its_last_renewal() -> None:
    expires = AuthorizationStatus(renewed="2026-01-01T00:00:00+00:00").expires
    assert expires is not None
    assert expires.isoformat() == "2026-03-02T00:00:00+00:00"
    assert AuthorizationStatus(renewed="yesterday").expires is None


def test_an_attempt_is_good_once_whatever_is_remembered_between() -> None:
    used = remember(consume_attempt({}, "an-attempt"), AuthorizationStatus("connected"))
    with pytest.raises(PipedriveParameterError, match="has been used already"):
        consume_attempt(used, "an-attempt")
    assert "another" in consume_attempt(used, "another")[KEY]["used"]


def test_forgetting_takes_every_token_and_nothing_else() -> None:
    extra = {"access_token": "a", "refresh_token": "r", "api_token": "t", "timeout": 7, KEY: {"user": "Ada"}}
    left = forget_tokens(extra)
    assert sorted(left) == [KEY, "timeout"]
    assert (left[KEY]["state"], left[KEY]["user"]) == ("disconnected", "Ada")
