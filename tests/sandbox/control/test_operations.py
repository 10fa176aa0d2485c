"""What a test does to the company from outside."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.sandbox_api import Api


def test_a_record_is_changed_and_deleted_as_a_person_would(api: Api, sandbox: Sandbox, deal: dict[str, Any]) -> None:
    sandbox.advance(5)
    sandbox.update("deals", deal["id"], title="Changed")
    after = api.data(f"/api/v2/deals/{deal['id']}")
    assert after["title"] == "Changed"
    assert after["update_time"] > deal["update_time"]
    change = api.data(f"/v1/deals/{deal['id']}/changelog")[0]
    assert (change["field_key"], change["change_source"]) == ("title", "app")
    sandbox.delete("deals", deal["id"])
    assert api.data(f"/api/v2/deals/{deal['id']}")["is_deleted"] is True


def test_what_is_not_there_is_an_error_that_says_what_is(sandbox: Sandbox) -> None:
    with pytest.raises(LookupError, match="deals"):
        sandbox.records("deal")
    with pytest.raises(LookupError, match="999999"):
        sandbox.update("deals", 999_999, title="x")
    with pytest.raises(ValueError, match="forward"):
        sandbox.advance(-1)
