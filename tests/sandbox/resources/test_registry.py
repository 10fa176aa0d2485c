"""Which function answers which action."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.resources.registry import HANDLERS, keyed
from airflow_provider_pipedrive.sandbox.server.old_reads import OLD_LISTS, OLD_RECORDS
from airflow_provider_pipedrive.sandbox.server.routes import operations
from tests.support.sandbox_api import Api


def test_every_action_has_a_function_and_no_function_answers_what_there_is_not() -> None:
    assert set(HANDLERS) == {action.key for action in operations()} | set(OLD_LISTS) | set(OLD_RECORDS)


def test_a_pattern_gives_the_keys_of_one_action_for_several_kinds() -> None:
    assert keyed("get{}Fields", {"Deal": 1, "Person": 2}) == {"getDealFields": 1, "getPersonFields": 2}


def test_one_function_for_several_kinds_answers_with_the_kind_that_was_asked_for(api: Api) -> None:
    codes = {
        kind: {f["field_code"] for f in api.data(f"/api/v2/{kind}Fields", limit=500)} for kind in ("deal", "person")
    }
    assert "stage_id" in codes["deal"] - codes["person"]
    assert "emails" in codes["person"] - codes["deal"]
