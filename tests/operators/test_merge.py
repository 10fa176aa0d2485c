"""Duplicates merged by a task."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, TaskDeferred

from airflow_provider_pipedrive.bulk import find_duplicates, write_review
from airflow_provider_pipedrive.client.limits import forget_limits
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.merge import PipedriveMergeOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, api_token_connection
from tests.support.people import EVA, AskingTask, asked
from tests.support.people import asking as asking


class TaskInstance:
    """Airflow's edge."""

    map_index = -1


def run(task: PipedriveMergeOperator) -> dict[str, Any]:
    """Run a task as a worker does."""
    context: Any = {"ti": TaskInstance(), "run_id": "manual"}
    return task.execute(context)


def pair(number: int) -> list[int]:
    body = {"name": f"Zoltan Quast{number}", "emails": [{"value": f"zq{number}@x.example", "primary": True}]}
    return [PipedriveHook().run("addPerson", body)["id"] for _ in range(2)]


def test_groups_of_another_task_are_merged(sandbox: Sandbox, tmp_path: Path) -> None:
    ids = pair(1)

    receipt = run(
        PipedriveMergeOperator(task_id="merge", groups=[{"ids": ids}], entity="persons", folder=str(tmp_path))
    )

    assert (receipt["merged"], receipt["rejected"]) == (1, 0)
    assert ids[1] not in {key for key, person in sandbox.records("persons").items() if not person["is_deleted"]}
    json.dumps(receipt)


def test_of_a_review_only_what_a_person_has_approved_is_merged(sandbox: Sandbox, tmp_path: Path) -> None:
    approved, other = pair(1), pair(2)
    groups = [
        group for group in find_duplicates(PipedriveHook().client, "persons") if group["ids"] in (approved, other)
    ]
    review = tmp_path / "review.csv"
    assert write_review(groups, review) == 2
    with review.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        row["approved"] = "yes" if int(row["id"]) in approved else "no"
        row["survivor"] = "yes" if int(row["id"]) == approved[1] else ""
    with review.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)

    receipt = run(PipedriveMergeOperator(task_id="merge", groups=str(review), entity="persons", folder=str(tmp_path)))

    assert (receipt["groups"], receipt["merged"]) == (1, 1)
    left = {key for key, person in sandbox.records("persons").items() if not person["is_deleted"]}
    assert left & {*approved, *other} == {approved[1], *other}


def test_a_dry_run_shows_and_merges_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    groups = [{"ids": pair(1)}]

    receipt = run(
        PipedriveMergeOperator(
            task_id="merge",
            groups=groups,
            entity="persons",
            dry_run=True,
            folder=str(tmp_path),
            fields={"Name": "newest"},
        )
    )

    assert (receipt["dry_run"], receipt["merged"], receipt["price"]) == (True, 1, 40)
    assert not [entry for entry in sandbox.requests if entry.method == "PUT"]


def merge_of(ids: list[int], folder: Path) -> PipedriveMergeOperator:
    return PipedriveMergeOperator(
        task_id="merge", groups=[{"ids": ids}], entity="persons", approval=True, folder=str(folder)
    )


def living(sandbox: Sandbox) -> set[int]:
    return {key for key, person in sandbox.records("persons").items() if not person["is_deleted"]}


def test_somebody_sees_what_a_merge_loses_and_approves_it(sandbox: Sandbox, asking: AskingTask, tmp_path: Path) -> None:
    ids = pair(1)
    PipedriveHook().run("updatePerson", {"id": ids[1], "name": "Z. Quast"})
    parked = asked(merge_of(ids, tmp_path), asking)

    assert parked.question.subject == "Write to Pipedrive: 1 person to merge?"
    assert f"| **merge** | [{ids[0]} · Zoltan Quast1](" in parked.question.body
    assert r" | Name \(lost\) | Z\. Quast | \- |" in parked.question.body
    assert ids[1] in living(sandbox)

    receipt = parked.answered("Approve")
    assert (receipt["merged"], receipt["approval"]["by"]) == (1, EVA)
    assert ids[1] not in living(sandbox)


def test_a_refused_merge_is_skipped(sandbox: Sandbox, asking: AskingTask, tmp_path: Path) -> None:
    ids = pair(1)
    parked = asked(merge_of(ids, tmp_path), asking)
    with pytest.raises(AirflowSkipException, match="Refused by Eva: nothing was written"):
        parked.answered("Refuse")
    assert ids[1] in living(sandbox)


def test_an_approval_counts_for_the_merge_that_was_shown_alone(
    sandbox: Sandbox, asking: AskingTask, tmp_path: Path
) -> None:
    ids = pair(1)
    parked = asked(merge_of(ids, tmp_path), asking)
    PipedriveHook().run("addActivity", {"subject": "Call", "type": "call", "participants": [{"person_id": ids[1]}]})
    PipedriveHook().run("updatePerson", {"id": ids[1], "name": "Somebody Else"})
    with pytest.raises(PipedriveError, match="no longer what was approved"):
        parked.answered("Approve")
    assert ids[1] in living(sandbox)


def test_more_merges_than_allowed_fail_the_task_for_good(sandbox: Sandbox, tmp_path: Path) -> None:
    task = PipedriveMergeOperator(
        task_id="merge", groups=[{"ids": pair(1)}], entity="persons", max_merges="0", folder=str(tmp_path)
    )
    with pytest.raises(AirflowFailException, match="more than max_merges=0 allows"):
        run(task)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"groups": None}, "groups must be a list of dicts with ids, or the path of a review, not None"),
        ({"groups": [{"ids": [1]}]}, "Group 1 has 1 records"),
        ({"entity": "leads"}, "Pipedrive does not merge 'leads'"),
        ({"survivor": "newest"}, "survivor must be one of"),
        ({"fields": {"Name": "both"}}, "fields: Name must be one of"),
        ({"max_merges": "many"}, "max_merges must be a whole number"),
    ],
)
def test_wrong_arguments_are_found_when_the_dag_is_parsed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        PipedriveMergeOperator(**{"task_id": "merge", "groups": "review.csv", "entity": "persons", **arguments})


def test_what_a_template_says_is_checked_when_the_task_runs() -> None:
    PipedriveMergeOperator(
        task_id="merge", groups="{{ params.groups }}", entity="{{ params.entity }}", max_merges="{{ n }}"
    )


def test_a_day_without_tokens_left_is_waited_for_and_each_record_is_merged_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with Sandbox(deals=3, seed=1, api_token=API_TOKEN, daily_budget=150) as poor_company:
        monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(poor_company))
        groups = [{"ids": pair(number)} for number in range(4)]
        task = PipedriveMergeOperator(
            task_id="merge", groups=groups, entity="persons", folder=str(tmp_path), deferrable=True
        )
        with pytest.raises(TaskDeferred) as deferred:
            run(task)
        some = merges(poor_company)
        poor_company.advance(deferred.value.trigger.until - time.time())  # type: ignore[attr-defined]
        forget_limits()
        context: Any = {"ti": TaskInstance(), "run_id": "manual"}
        receipt = task.execute_complete(context, event={"status": "success"})

    assert deferred.value.method_name == "execute_complete"
    assert 0 < some < 4
    assert (receipt["merged"], merges(poor_company)) == (4, 4)


def merges(sandbox: Sandbox) -> int:
    """How often Pipedrive has merged two persons."""
    return sum(entry.path.endswith("/merge") and entry.status == 200 for entry in sandbox.requests)


@pytest.mark.parametrize("name", ["max_merges", "max_tokens"])
def test_a_bound_that_is_no_number_is_refused_when_the_dag_is_parsed(name: str) -> None:
    with pytest.raises(PipedriveParameterError, match=f"{name} must be a whole number"):
        PipedriveMergeOperator(task_id="merge", groups="review.csv", entity="persons", **{name: "many"})
