"""Plans that are to be approved: what tells two of them apart."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.bulk import BulkJob
from airflow_provider_pipedrive.bulk.approval import PlanApproval, Proposal
from airflow_provider_pipedrive.bulk.engine import write_when_approved
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox

JOB = BulkJob("deals", mode="update", match_on="id")


def done(folder: Path, rows: list[dict[str, Any]], approval: PlanApproval | None = None) -> Any:
    return write_when_approved(PipedriveHook().client, rows, JOB, folder=folder, approval=approval)


def test_a_plan_says_what_it_would_do_to_how_many_and_at_which_price(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [{"id": 1, "title": "First"}, {"id": 2, "title": "Second"}, {"id": 99999, "title": "Nothing"}]
    job = BulkJob("deals", mode="update", match_on="id", max_rejects=1)
    proposal = write_when_approved(PipedriveHook().client, rows, job, folder=tmp_path, approval=None)

    assert isinstance(proposal, Proposal)
    assert (proposal.operations, proposal.price, proposal.rejected) == ({("deals", "update"): 2}, 10, 1)
    assert [record["after"] for record in proposal.records] == [{"Title": "First"}, {"Title": "Second"}]
    assert proposal.diff == str(tmp_path / "diff.jsonl")


def test_records_that_others_refer_to_are_shown_by_name_and_id_and_new_ones_as_new(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    organizations = sandbox.records("organizations")
    sandbox.update("deals", 1, org_id=1, person_id=None)
    sandbox.update("deals", 2, org_id=1)
    rows = [{"id": 1, "organization": organizations[2]["name"]}, {"id": 2, "organization": "Brand-New Ltd"}]
    job = BulkJob("deals", mode="update", match_on="id", create_related=True)
    proposal = write_when_approved(PipedriveHook().client, rows, job, folder=tmp_path, approval=None)

    assert isinstance(proposal, Proposal)
    before = {"Organization": f"{organizations[1]['name']} (1)"}
    assert [(record["before"], record["after"]) for record in proposal.records] == [
        (before, {"Organization": f"{organizations[2]['name']} (2)"}),
        (before, {"Organization": "Brand-New Ltd (new)"}),
    ]


def test_the_same_plan_made_again_elsewhere_is_the_same_and_another_one_is_not(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    rows = [{"id": 1, "title": "First"}]
    plans = [done(tmp_path / name, rows).plan for name in ("one", "other")]
    assert plans[0] == plans[1]
    assert done(tmp_path / "third", [{"id": 1, "title": "Other"}]).plan != plans[0]


def test_a_plan_is_carried_out_by_its_own_approval_alone(sandbox: Sandbox, tmp_path: Path) -> None:
    rows = [{"id": 1, "title": "First"}]
    proposal = done(tmp_path, rows)
    wrong = PlanApproval("another plan", {"id": "7", "name": "Eva"}, "2026-05-04T12:00:00+00:00")
    assert isinstance(done(tmp_path, rows, wrong), Proposal)
    assert sandbox.records("deals")[1]["title"] != "First"

    right = PlanApproval(proposal.plan, {"id": "7", "name": "Eva"}, "2026-05-04T12:00:00+00:00")
    assert done(tmp_path, rows, right)["updated"] == 1
    assert done(tmp_path, rows)["approval"]["by"] == {"id": "7", "name": "Eva"}
