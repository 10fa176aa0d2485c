"""Approval: what a person is shown before a task writes, and what becomes of their answer."""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.operators.approval import Approval, PipedriveApprovalOperator
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.people import EVA, AskingTask, asked
from tests.support.people import asking as asking

RECORDS = [{"id": 1, "key": "a@example.com", "before": {"Name": "A|B"}, "after": {"Name": "<b>Ada</b>"}}]


def write_titles(folder: Path, **arguments: Any) -> PipedriveBulkOperator:
    """A task that gives the deals 1 and 2 other titles, when somebody approves it."""
    rows = [{"id": 1, "title": "First"}, {"id": 2, "title": "Second"}]
    given: dict[str, Any] = {"rows": rows, "entity": "deals", "mode": "update", "match_on": "id", "approval": True}
    return PipedriveBulkOperator(task_id="write", folder=folder, **{**given, **arguments})


def titles(sandbox: Sandbox) -> list[str]:
    return [sandbox.records("deals")[number]["title"] for number in (1, 2)]


def test_the_changes_are_shown_and_written_when_somebody_approves_them(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    before = titles(sandbox)
    parked = asked(write_titles(tmp_path), asking)

    assert titles(sandbox) == before
    assert (parked.question.subject, parked.question.options) == (
        "Write to Pipedrive: 2 deals to update?",
        ["Approve", "Refuse"],
    )
    assert "2 deals to update; about 10 API tokens." in parked.question.body
    assert f"| **update** | [1]({sandbox.url}/deal/1) | Title |" in parked.question.body
    assert "| First |" in parked.question.body

    receipt = parked.answered("Approve")
    assert titles(sandbox) == ["First", "Second"]
    assert receipt["updated"] == 2
    assert receipt["approval"] == {**receipt["approval"], "by": EVA, "at": "2026-05-04T12:00:00+00:00"}
    assert asking.pushed["pipedrive_approval"]["outcome"] == "approved"
    journal = Journal(tmp_path)
    assert journal.get("approval") == receipt["approval"]
    journal.close()


def test_a_refusal_writes_nothing_and_skips_the_task(sandbox: Sandbox, asking: AskingTask, tmp_path: Path) -> None:
    before = titles(sandbox)
    parked = asked(write_titles(tmp_path), asking)

    with pytest.raises(AirflowSkipException, match="Refused by Eva: nothing was written"):
        parked.answered("Refuse")
    assert titles(sandbox) == before
    assert asking.pushed["pipedrive_approval"] == {
        "outcome": "refused",
        "by": EVA,
        "at": "2026-05-04T12:00:00+00:00",
    }


def test_time_that_is_up_fails_the_task_or_skips_it_as_the_settings_say(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    hour = timedelta(hours=1)
    for settings, ending in (
        (Approval(timeout=hour), AirflowFailException),
        (Approval(timeout=hour, on_timeout="skip"), AirflowSkipException),
    ):
        parked = asked(write_titles(tmp_path, approval=settings), asking)
        with pytest.raises(ending, match="Nobody answered in 1:00:00: nothing was written"):
            parked.timed_out()
        assert asking.pushed["pipedrive_approval"]["outcome"] == "timed out"


def test_what_has_changed_since_it_was_approved_is_not_written_and_the_next_try_asks_again(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    task = write_titles(tmp_path)
    parked = asked(task, asking)
    sandbox.update("deals", 1, title="Edited meanwhile")

    with pytest.raises(PipedriveError, match="no longer what was approved") as raised:
        parked.answered("Approve")
    assert raised.value.retryable
    assert titles(sandbox)[0] == "Edited meanwhile"
    assert "Edited meanwhile" in asked(task, asking).question.body


def test_an_edit_of_another_field_does_not_void_an_approval(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    parked = asked(write_titles(tmp_path), asking)
    sandbox.update("deals", 1, value=12345)
    assert parked.answered("Approve")["updated"] == 2


def test_an_approval_counts_on_another_machine_that_has_no_journal(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    parked = asked(write_titles(tmp_path / "one"), asking)
    parked.task = write_titles(tmp_path / "other")
    assert parked.answered("Approve")["updated"] == 2


def test_a_run_that_died_while_it_wrote_what_was_approved_continues_without_asking(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    task = write_titles(tmp_path, concurrency=1)
    parked = asked(task, asking)
    sandbox.fault(path="/api/v2/deals/2", kind="503", method="PATCH", count=50)
    with pytest.raises(Exception, match="503"):
        parked.answered("Approve")
    sandbox.clear_faults()

    receipt = task.execute(parked.context)
    assert (receipt["updated"], receipt["approval"]["by"]) == (2, EVA)


def test_nothing_to_write_asks_nobody(sandbox: Sandbox, asking: AskingTask, tmp_path: Path) -> None:
    rows = [{"id": 1, "title": titles(sandbox)[0]}]
    receipt = write_titles(tmp_path, rows=rows).execute({"ti": asking, "run_id": "manual"})  # type: ignore[typeddict-item]
    assert (receipt["unchanged"], receipt["approval"], asking.question) == (1, None, None)


def test_a_bound_that_would_be_exceeded_is_found_before_anybody_is_asked(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    with pytest.raises(AirflowFailException, match="more than max_writes=1 allows"):
        write_titles(tmp_path, max_writes=1).execute({"ti": asking, "run_id": "manual"})  # type: ignore[typeddict-item]
    assert asking.question is None


def test_a_plan_of_ones_own_is_shown_with_its_markup_as_text(asking: AskingTask) -> None:
    task = PipedriveApprovalOperator(task_id="ask", subject="Go on?", plan=RECORDS, text="Read *this*.", users=["eva"])
    parked = asked(task, asking)

    assert parked.question.body.startswith("Read *this*.\n\n| ")
    assert r"| Name | A\|B | \<b\>Ada\</b\> |" in parked.question.body
    assert [user.id for user in parked.question.assigned_users] == ["eva"]
    assert parked.answered("Approve") == {"outcome": "approved", "by": EVA, "at": "2026-05-04T12:00:00+00:00"}


def test_a_plan_may_be_the_receipt_of_a_dry_run(sandbox: Sandbox, asking: AskingTask, tmp_path: Path) -> None:
    dry = write_titles(tmp_path, dry_run=True).execute({"ti": asking, "run_id": "manual"})  # type: ignore[typeddict-item]
    parked = asked(PipedriveApprovalOperator(task_id="ask", subject="Go on?", plan=json.loads(json.dumps(dry))), asking)

    assert "2 updated; about 10 API tokens." in parked.question.body
    assert "| First |" in parked.question.body
    with pytest.raises(AirflowSkipException):
        parked.answered("Refuse")


@pytest.mark.parametrize(("plan", "advice"), [({"id": 1}, "give a receipt"), ([1], "list of dicts"), (7, "not int")])
def test_a_plan_that_cannot_be_shown_is_an_error(asking: AskingTask, plan: Any, advice: str) -> None:
    with pytest.raises(AirflowFailException, match=advice):
        PipedriveApprovalOperator(task_id="ask", subject="Go on?", plan=plan).execute({"ti": asking})  # type: ignore[typeddict-item]


@pytest.mark.skipif(AIRFLOW_V_3_1_PLUS, reason="this Airflow asks people")
def test_an_airflow_that_cannot_ask_says_so_when_the_dag_is_parsed(tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match=r"since version 3\.1, and this is Airflow"):
        write_titles(tmp_path)
    with pytest.raises(PipedriveParameterError, match="PipedriveApprovalOperator asks a person"):
        PipedriveApprovalOperator(task_id="ask", subject="Go on?")


@pytest.mark.parametrize("wrong", ["yes", None, 1])
def test_approval_must_be_true_false_or_settings(tmp_path: Path, wrong: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="approval must be True, False or an Approval"):
        write_titles(tmp_path, approval=wrong)
    with pytest.raises(PipedriveParameterError, match="on_refusal must be skip or fail"):
        Approval(on_refusal="stop")  # type: ignore[arg-type]


def test_the_log_says_what_is_asked_and_who_has_answered(
    sandbox: Sandbox, asking: AskingTask, caplog: pytest.LogCaptureFixture
) -> None:
    task = PipedriveApprovalOperator(task_id="look", subject="Give these deals another owner?")
    with caplog.at_level(logging.INFO):
        asked(task, asking).answered("Approve")
        with pytest.raises(AirflowSkipException):
            asked(task, asking).answered("Refuse")

    messages = [record.getMessage() for record in caplog.records]
    question = 'Asked "Give these deals another owner?" on the page Required Actions; waiting for as long as it takes, '
    assert messages.count(f"{question}without a worker.") == 2
    assert "Approved by Eva." in messages
    assert "Refused by Eva: nothing is written." in messages
