"""Which scopes an app needs, and what it may not do with those it was granted."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.accounts.scopes import lacking, least_scopes, scopes_in
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize(
    ("text", "scopes"),
    [
        ("base,deals:read", ("base", "deals:read")),
        ("base deals:read", ("base", "deals:read")),
        ("base, deals:read,,base", ("base", "deals:read")),
        ("", ()),
        (None, ()),
    ],
)
def test_scopes_are_separated_by_commas_or_spaces(text: str | None, scopes: tuple[str, ...]):
    assert scopes_in(text) == scopes


@pytest.mark.parametrize(
    ("keys", "scopes"),
    [
        ([], ["base"]),
        (["getCurrentUser"], ["base"]),
        (["getDeals"], ["base", "deals:read"]),
        (["getDeals", "addDeal"], ["base", "deals:full"]),
        (["getDeals", "getPersons"], ["base", "contacts:read", "deals:read"]),
        # Notes and files may be written with any of three scopes: the one that is needed anyway is taken.
        (["addNote"], ["base", "deals:full"]),
        (["addNote", "addPerson"], ["base", "contacts:full"]),
        (["addNote", "addPerson", "addDeal"], ["base", "contacts:full", "deals:full"]),
        # Reading fields goes with reading deals; defining them needs one more, or admin, which is the last resort.
        (["getDealFields", "getDeals"], ["base", "deals:read"]),
        (["addDealField", "getDealFields"], ["base", "deal-fields:full"]),
        # Pipelines can only be made with admin, and then it covers the fields too.
        (["addPipeline", "addDealField", "getStages"], ["base", "admin"]),
        (["rawRequest"], ["base"]),
    ],
)
def test_the_least_scopes_for_actions(keys: list[str], scopes: list[str]):
    assert list(least_scopes(keys)) == scopes
    assert list(least_scopes(reversed(keys))) == scopes


def test_removed_actions_need_no_scopes():
    removed = [action.key for action in ACTIONS.values() if action.lifecycle == "removed"]
    assert removed
    assert least_scopes(removed) == ("base",)


def test_the_least_scopes_of_all_actions_allow_them_all_and_leaving_out_any_forbids_some():
    scopes = least_scopes(ACTIONS)
    assert lacking(ACTIONS, scopes) == []
    for scope in scopes[1:]:
        assert lacking(ACTIONS, [other for other in scopes if other != scope])


def test_an_unknown_action_is_told_with_the_nearest_one():
    with pytest.raises(PipedriveParameterError, match="Did you mean getDeals"):
        least_scopes(["getDeels"])


def test_actions_that_the_granted_scopes_do_not_allow_are_named():
    assert lacking(["addDeal", "getDeals", "getCurrentUser", "getPersons"], ["base", "deals:read"]) == [
        "addDeal",
        "getPersons",
    ]
