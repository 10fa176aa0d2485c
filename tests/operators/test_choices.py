"""Choices by people: what is listed, what comes of an answer, and the list of the form that starts a DAG."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, Variable
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.operators.choices import (
    PipedriveChoiceOperator,
    PipedriveRefreshChoicesOperator,
    choice_param,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.people import EVA, AskingTask, asked
from tests.support.people import asking as asking


def choose(**arguments: Any) -> PipedriveChoiceOperator:
    return PipedriveChoiceOperator(task_id="choose", **{"source": "selectDeal", **arguments})


def field(parked: Any) -> dict[str, Any]:
    """The form's field as Airflow gets it."""
    found: dict[str, Any] = parked.question.params["choice"]
    return {**found["schema"], "value": found["value"]}


def test_a_person_picks_a_deal_by_its_title_and_the_task_returns_its_key(sandbox: Sandbox, asking: AskingTask) -> None:
    sandbox.update("deals", 3, title="Solar roof")
    parked = asked(choose(most=500), asking)

    assert (parked.question.subject, parked.question.options) == ("Which deal?", ["Choose"])
    status = sandbox.records("deals")[3]["status"]
    assert field(parked)["values_display"]["3"] == f"Solar roof - {status}"
    assert (field(parked)["enum"][0], field(parked)["value"]) == ("none", "none")
    assert parked.answered("Choose", choice="3") == {
        "key": "3",
        "keys": ["3"],
        "labels": [f"Solar roof - {status}"],
        "outcome": "chosen",
        "by": EVA,
        "at": "2026-05-04T12:00:00+00:00",
    }


def test_several_may_be_picked_and_their_records_read(sandbox: Sandbox, asking: AskingTask) -> None:
    parked = asked(choose(multiple=True, record=True, most=500), asking)
    assert (field(parked)["type"], field(parked)["value"]) == ("array", [])
    result = parked.answered("Choose", choice=["2", "1"])
    assert (result["key"], result["keys"]) == ("2", ["2", "1"])
    assert [record["id"] for record in result["records"]] == [2, 1]


def test_none_of_these_is_an_answer(sandbox: Sandbox, asking: AskingTask) -> None:
    result = asked(choose(), asking).answered("Choose", choice="none")
    assert (result["key"], result["keys"], result["outcome"], result["by"]) == (None, [], "none", EVA)
    for given in ([], ["none"]):
        assert asked(choose(multiple=True), asking).answered("Choose", choice=given)["outcome"] == "none"


def test_the_newest_are_listed_and_a_person_learns_that_there_are_more(sandbox: Sandbox, asking: AskingTask) -> None:
    deals = [deal for deal in sandbox.records("deals").values() if not deal["is_deleted"] and not deal["is_archived"]]
    newest = sorted(deals, key=lambda deal: (deal["add_time"], deal["id"]), reverse=True)[:5]
    before = len(sandbox.requests)
    parked = asked(choose(most=5), asking)

    assert set(field(parked)["enum"]) == {"none", *(str(deal["id"]) for deal in newest)}
    assert parked.question.body == "The list has the 5 newest; there are more."
    assert len(sandbox.requests) == before + 1, "a list of any length costs one page"


def test_own_records_come_first(sandbox: Sandbox, asking: AskingTask) -> None:
    listed = field(asked(choose(own_first=True, most=500), asking))["enum"][1:]
    deals = sandbox.records("deals")
    own = [deals[int(key)]["owner_id"] == 1 for key in listed]
    assert any(own)
    assert own == sorted(own, reverse=True)


def test_a_list_can_be_searched_and_narrowed_down(sandbox: Sandbox, asking: AskingTask) -> None:
    sandbox.update("deals", 3, title="Solar roof")
    assert field(asked(choose(term="Solar roof"), asking))["enum"] == ["none", "3"]
    owner = sandbox.records("deals")[3]["owner_id"]
    owned = field(asked(choose(parameters={"owner_id": owner}, most=500), asking))["enum"][1:]
    assert {sandbox.records("deals")[int(key)]["owner_id"] for key in owned} == {owner}


def test_nothing_to_choose_from_asks_nobody(sandbox: Sandbox, asking: AskingTask) -> None:
    result = choose(term="nothing like this").execute({"ti": asking})  # type: ignore[typeddict-item]
    assert (result["key"], result["outcome"], asking.question) == (None, "empty", None)


def test_a_default_is_taken_when_time_is_up_and_without_one_the_task_fails(
    sandbox: Sandbox, asking: AskingTask
) -> None:
    parked = asked(choose(default=3, timeout=timedelta(hours=1), most=500), asking)
    assert (parked.question.defaults, field(parked)["value"]) == (["Choose"], "3")
    result = parked.answered("Choose", by=None, choice="3")  # type: ignore[arg-type]
    assert (result["key"], result["outcome"], result["by"]) == ("3", "default", None)

    with pytest.raises(AirflowFailException, match="Nobody has chosen within 1:00:00"):
        asked(choose(timeout=timedelta(hours=1)), asking).timed_out()


def test_a_default_of_none_of_these_is_one(sandbox: Sandbox, asking: AskingTask) -> None:
    parked = asked(choose(default="none", multiple=True, timeout=timedelta(hours=1)), asking)
    assert (parked.question.defaults, field(parked)["value"]) == (["Choose"], [])


def test_a_default_that_is_not_listed_fails_before_anybody_is_asked(sandbox: Sandbox, asking: AskingTask) -> None:
    with pytest.raises(AirflowFailException, match="default: 99999 is not among the choices"):
        choose(default=99999).execute({"ti": asking})  # type: ignore[typeddict-item]
    assert asking.question is None


@pytest.mark.parametrize("sent", ["99999", "1; drop", 3, ["3"], {"a": 1}])
def test_what_was_not_offered_is_asked_for_again(sandbox: Sandbox, asking: AskingTask, sent: Any) -> None:
    parked = asked(choose(most=500), asking)
    with pytest.raises(BaseException) as raised:  # noqa: PT011 - Airflow's ways to wait are no exceptions
        parked.answered("Choose", choice=sent)
    assert raised.value.method_name == "execute_complete"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"source": "deals"}, "no options of 'deals'"),
        ({"most": 0}, "most must be a number from 1 to 1000"),
        ({"default": ["1"]}, "default must be one key, unless multiple=True"),
    ],
)
def test_wrong_arguments_are_found_when_the_dag_is_parsed(
    asking: AskingTask, arguments: dict[str, Any], advice: str
) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        choose(**arguments)


@pytest.mark.skipif(AIRFLOW_V_3_1_PLUS, reason="this Airflow asks people")
def test_an_airflow_that_cannot_ask_says_what_to_use_instead() -> None:
    with pytest.raises(PipedriveParameterError, match=r"PipedriveHook\(\)\.options\(\) lists what can be chosen"):
        choose()


def test_the_form_that_starts_a_dag_has_the_kept_choices_and_asks_pipedrive_nothing(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept: dict[str, str] = {}
    monkeypatch.setattr(Variable, "set", lambda key, value: kept.update({key: value}))
    monkeypatch.setattr(Variable, "get", lambda key, default: kept.get(key, default))
    sandbox.update("deals", 3, title="Solar roof")

    refresh = PipedriveRefreshChoicesOperator(task_id="refresh", name="roofs", source="selectDeal", term="Solar roof")
    assert refresh.execute({}) == 1
    requests = len(sandbox.requests)
    param = choice_param("roofs", title="Roof")
    assert (param.schema["enum"], param.schema["title"], param.value) == (["none", "3"], "Roof", "none")
    assert param.schema["values_display"]["3"].startswith("Solar roof - ")
    assert len(sandbox.requests) == requests


def test_the_form_offers_none_of_these_until_a_list_was_kept() -> None:
    assert choice_param("never_kept").schema["enum"] == ["none"]
    assert choice_param("never_kept", multiple=True).schema["examples"] == ["none"]
