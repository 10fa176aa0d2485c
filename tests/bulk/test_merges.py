"""Groups become one record each, once, whatever happens meanwhile."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import MergeJob, find_duplicates, merge, undo
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import (
    PipedriveConnectionError,
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import lines, writes
from tests.conftest import API_TOKEN

JOB = MergeJob("persons")


def add(client: PipedriveClient, mail: str, **more: Any) -> int:
    body = {"name": "Zoltan Quast", "emails": [{"value": mail, "primary": True, "label": "work"}], **more}
    return int(client.run("addPerson", body)["id"])


def pair(client: PipedriveClient, number: int = 1) -> list[int]:
    """A person twice, under two addresses."""
    return [add(client, f"z{number}@x.example"), add(client, f"zoltan{number}@x.example")]


def lives(client: PipedriveClient, identity: int) -> bool:
    try:
        return not client.run("getPerson", {"id": identity})["is_deleted"]
    except PipedriveNotFoundError:
        return False


def mails(client: PipedriveClient, identity: int) -> list[str]:
    return [entry["value"] for entry in client.run("getPerson", {"id": identity})["emails"]]


def merged(sandbox: Sandbox) -> Counter[str]:
    return Counter(path for method, path in writes(sandbox) if method == "PUT" and path.endswith("/merge"))


def test_what_was_found_is_merged_into_the_oldest_which_has_all_addresses_afterwards(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids = [add(client, "zq@x.example"), add(client, "zq+crm@x.example"), add(client, "zq+old@x.example")]
    groups = [group for group in find_duplicates(client, "persons") if ids[0] in group["ids"]]

    receipt = merge(client, groups, JOB, folder=tmp_path / "run")

    assert (receipt["groups"], receipt["merged"], receipt["updated"], receipt["rejected"]) == (1, 2, 1, 0)
    assert [lives(client, identity) for identity in ids] == [True, False, False]
    assert mails(client, ids[0]) == ["zq@x.example", "zq+crm@x.example", "zq+old@x.example"]
    methods = [method for method, _ in writes(sandbox)]
    assert methods == ["POST"] * 3 + ["PATCH", "PUT", "PUT"]  # written before it is merged
    first = lines(receipt["results"])[0]
    assert (first["id"], first["outcome"], first["into"]) == (ids[1], "merged", ids[0])
    assert first["before"]["emails"][0]["value"] == "zq+crm@x.example"
    assert first["link"] == f"{client.origin}/person/{ids[0]}"


@pytest.mark.parametrize(
    ("entity", "create", "read", "body"),
    [
        ("organizations", "addOrganization", "getOrganization", {"name": "Quast"}),
        ("deals", "addDeal", "getDeal", {"title": "Quast"}),
    ],
)
def test_organizations_and_deals_are_merged_too(
    client: PipedriveClient, tmp_path: Path, entity: str, create: str, read: str, body: dict[str, Any]
) -> None:
    one, other = (client.run(create, body)["id"] for _ in range(2))

    receipt = merge(client, [{"ids": [one, other], "survivor": other}], MergeJob(entity), folder=tmp_path / "run")

    assert receipt["merged"] == 1
    assert client.run(read, {"id": other})["id"] == other
    with pytest.raises(PipedriveNotFoundError):
        client.run(read, {"id": one})


def test_a_dry_run_merges_nothing_and_says_what_would_be_lost_and_what_it_costs(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids = pair(client)
    client.run("updatePerson", {"id": ids[1], "name": "Z. Quast"})
    before = writes(sandbox)

    receipt = merge(client, [{"ids": ids}], MergeJob("persons", dry_run=True), folder=tmp_path / "run")

    assert writes(sandbox) == before
    assert (receipt["merged"], receipt["dry_run"], receipt["results"]) == (1, True, None)
    assert receipt["price"] == 45  # a merge of 40 tokens, an update of 5
    (line,) = lines(receipt["diff"])
    assert (line["id"], line["merged"], line["lost"]) == (ids[0], [ids[1]], {"Name": ["Z. Quast"]})
    assert (line["before"]["Records"], line["after"]["Records"]) == (ids, ids[:1])
    assert line["before"]["Name (lost)"] == ["Z. Quast"]
    assert [entry["value"] for entry in line["after"]["Email"]] == ["z1@x.example", "zoltan1@x.example"]


def test_before_the_first_merge_the_log_says_that_it_cannot_be_undone(
    client: PipedriveClient, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    merge(client, [{"ids": pair(client)}], JOB, folder=tmp_path / "run")

    assert "persons: 1 record in 1 group will be merged away. A merge cannot be undone" in caplog.text
    with pytest.raises(PipedriveParameterError, match="has merged records, which Pipedrive does not undo"):
        undo(client, tmp_path / "run")


def test_a_run_that_has_ended_answers_its_receipt_again(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    groups = [{"ids": pair(client)}]

    first = merge(client, groups, JOB, folder=tmp_path / "run")

    assert merge(client, groups, JOB, folder=tmp_path / "run") == first
    assert merged(sandbox).total() == 1
    with pytest.raises(PipedriveParameterError, match="holds the journal of another run"):
        merge(client, [{"ids": pair(client, 2)}], JOB, folder=tmp_path / "run")


def test_a_record_that_vanished_before_the_run_is_left_out(client: PipedriveClient, tmp_path: Path) -> None:
    ids = [*pair(client), add(client, "third@x.example")]
    client.run("deletePerson", {"id": ids[1]})

    receipt = merge(client, [{"ids": ids}], JOB, folder=tmp_path / "run")

    assert (receipt["merged"], receipt["vanished"], receipt["rejected"]) == (1, 1, 0)
    assert [line["outcome"] for line in lines(receipt["results"])] == ["merged", "vanished"]


def test_a_record_that_vanishes_between_plan_and_merge_does_not_stop_the_others(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids, others = pair(client), pair(client, 2)
    sandbox.plan("delete", entity="persons", id=ids[1], after_reads=4)  # the plan reads each of the four once

    receipt = merge(client, [{"ids": ids}, {"ids": others}], JOB, folder=tmp_path / "run")

    assert (receipt["merged"], receipt["vanished"], receipt["rejected"]) == (1, 1, 0)
    assert [lives(client, identity) for identity in (*ids, *others)] == [True, False, True, False]


def test_a_survivor_that_vanishes_sets_its_group_aside(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids, others = pair(client), pair(client, 2)
    sandbox.plan("delete", entity="persons", id=ids[0], after_reads=4)

    receipt = merge(client, [{"ids": ids}, {"ids": others}], JOB, folder=tmp_path / "run")

    assert (receipt["merged"], receipt["rejected"]) == (1, 1)
    assert lines(receipt["rejects"])[0]["reason"] == f"the record that was to stay, {ids[0]}, was removed meanwhile"
    assert lives(client, ids[1])


def test_a_merge_that_was_done_and_not_answered_is_not_sent_again(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    groups = [{"ids": pair(client)}, {"ids": pair(client, 2)}]
    sandbox.fault(path="/v1/persons/*/merge", kind="reset-after", count=1)
    with pytest.raises(PipedriveConnectionError):
        merge(client, groups, JOB, folder=tmp_path / "run")

    receipt = merge(client, groups, JOB, folder=tmp_path / "run")

    assert receipt["merged"] == 2
    assert set(merged(sandbox).values()) == {1}


CHILD = """
import json, sys
from airflow_provider_pipedrive.bulk import MergeJob, merge
from airflow_provider_pipedrive.client import PipedriveClient, settings_from

url, token, groups, folder = sys.argv[1:]
with PipedriveClient(settings_from(host=url, extra={"api_token": token, "burst_limit": 10_000})) as client:
    merge(client, json.loads(groups), MergeJob("persons"), folder=folder)
"""


def test_a_run_that_is_killed_in_the_middle_is_continued_and_merges_each_record_once(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    groups = [{"ids": pair(client, number)} for number in range(12)]
    arguments = [sandbox.url, API_TOKEN, json.dumps(groups), str(tmp_path / "run")]
    child = subprocess.Popen([sys.executable, "-c", CHILD, *arguments])
    while merged(sandbox).total() < 4 and child.poll() is None:
        time.sleep(0.01)
    child.kill()
    child.wait()
    assert merged(sandbox).total() < 12  # in the middle of it

    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as other:
        receipt = merge(other, groups, JOB, folder=tmp_path / "run")

    assert (receipt["merged"], receipt["rejected"], receipt["vanished"]) == (12, 0, 0)
    assert [lives(client, identity) for group in groups for identity in group["ids"]] == [True, False] * 12
    assert len(merged(sandbox)) == 12


def test_more_merges_than_allowed_are_refused_before_the_first(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    job = MergeJob("persons", max_merges=1)
    with pytest.raises(
        PipedriveTokenCapError, match="2 records of persons would be merged away, more than max_merges=1"
    ):
        merge(client, [{"ids": pair(client)}, {"ids": pair(client, 2)}], job, folder=tmp_path / "run")
    assert merged(sandbox).total() == 0


def test_the_tokens_of_a_run_are_those_of_all_its_tries(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    groups = [{"ids": pair(client, number)} for number in range(3)]
    before = client.usage.tokens
    for _ in range(2):
        with pytest.raises(PipedriveTokenCapError, match=r"Merging costs about \d+ API tokens, more than is left of"):
            merge(client, groups, MergeJob("persons", max_tokens=130), folder=tmp_path)
    assert merged(sandbox).total() == 0

    receipt = merge(client, groups, MergeJob("persons", max_tokens=600), folder=tmp_path)

    assert receipt["merged"] == 3
    assert receipt["tokens"] == client.usage.tokens - before
    assert client.token_cap is None


def test_a_group_of_two_visibilities_is_set_aside(client: PipedriveClient, sandbox: Sandbox, tmp_path: Path) -> None:
    ids = [add(client, "z@x.example", visible_to=3), add(client, "zq@x.example", visible_to=1)]

    receipt = merge(client, [{"ids": ids}], JOB, folder=tmp_path / "run")

    assert (receipt["merged"], receipt["rejected"]) == (0, 1)
    assert "differ in visibility (3 and 1)" in lines(receipt["rejects"])[0]["reason"]


def test_groups_of_another_account_or_with_a_record_twice_are_refused(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    ids = pair(client)
    foreign = {"ids": ids, "records": [{"id": ids[0], "link": f"https://other.example/person/{ids[0]}"}]}
    with pytest.raises(PipedriveParameterError, match="Group 1 was found in another account"):
        merge(client, [foreign], JOB, folder=tmp_path / "run")
    with pytest.raises(PipedriveParameterError, match=f"Record {ids[0]} is in the groups 1 and 2"):
        merge(client, [{"ids": ids}, {"ids": ids}], JOB, folder=tmp_path / "run")
    assert merged(sandbox).total() == 0
