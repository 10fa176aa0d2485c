"""A bulk run in bad weather: nothing is lost, nothing is doubled, and what ended it is said."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import ObjectStoragePath

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveRejectedRowsError,
    PipedriveTokenCapError,
)
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, lines
from tests.conftest import API_TOKEN
from tests.transfers.conftest import bucket as bucket


def people(number: int) -> list[dict[str, Any]]:
    return [{"email": f"bulk{n}@example.com", "name": f"Bulk {n}"} for n in range(number)]


def made(client: PipedriveClient) -> Counter[str]:
    """How often each of the people is in Pipedrive."""
    names = [person["name"] for person in client.iterate("getPersons")]
    return Counter(name for name in names if name.startswith("Bulk "))


@pytest.mark.parametrize("kind", ["reset-after", "truncate", "empty", "not-json"])
def test_a_creation_whose_answer_is_lost_is_not_made_a_second_time(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, kind: str
) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind=kind, count=3, skip=2)

    receipt = write_rows(people(10), "persons")

    assert receipt["created"] == 10
    assert set(made(client).values()) == {1}
    assert len({line["id"] for line in lines(receipt["results"])}) == 10


@pytest.mark.parametrize("kind", ["reset", "500", "503"])
def test_a_creation_that_was_not_carried_out_is_made_all_the_same(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, kind: str
) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind=kind, count=2)

    assert write_rows(people(5), "persons")["created"] == 5
    assert set(made(client).values()) == {1}


def test_equal_rows_without_a_key_are_each_made_once_though_an_answer_is_lost(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    sandbox.fault(path="/v1/notes", method="POST", kind="reset-after", count=2)

    receipt = write_rows([{"content": "Called", "deal_id": 1}] * 4, "notes", mode="create")

    assert receipt["created"] == 4
    notes = [note for note in client.iterate("getNotes", {"deal_id": 1}) if note["content"] == "Called"]
    assert len(notes) == 4


@pytest.mark.parametrize("kind", ["reset-after", "503", "truncate"])
def test_an_update_whose_answer_is_lost_is_written_again(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, kind: str
) -> None:
    sandbox.fault(path="/api/v2/deals/*", method="PATCH", kind=kind, count=2)

    receipt = write_rows([{"id": n, "title": f"T{n}"} for n in (1, 2, 3)], "deals", match_on="id")

    assert receipt["updated"] == 3
    assert client.run("getDeal", {"id": 2})["title"] == "T2"


def test_a_deletion_whose_answer_is_lost_is_done(client: PipedriveClient, sandbox: Sandbox, write_rows: Write) -> None:
    sandbox.fault(path="/api/v2/products/*", method="DELETE", kind="reset-after", count=1)

    receipt = write_rows([{"id": 1}], "products", mode="delete", match_on="id", max_deletes=1)

    assert receipt["deleted"] == 1


def test_one_row_that_pipedrive_refuses_does_not_stop_the_others(client: PipedriveClient, write_rows: Write) -> None:
    rows = [{"id": n, "title": f"Deal {n}", "visible_to": 99 if n == 7 else 3} for n in range(1, 16)]

    receipt = write_rows(rows, "deals", match_on="id", max_rejects=1)

    assert receipt["rejected"] in (0, 1)
    assert receipt["updated"] + receipt["rejected"] == 15


def test_a_record_that_vanishes_after_it_was_looked_at_is_set_aside(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fault(path="/api/v2/deals/2", method="PATCH", kind="410", count=1)
    rows = [{"id": n, "title": f"T{n}"} for n in (1, 2, 3)]

    with pytest.raises(PipedriveRejectedRowsError, match="row 2: the record was deleted after it was looked at"):
        write(client, rows, BulkJob("deals", match_on="id"), folder=tmp_path)
    receipt = write(client, rows, BulkJob("deals", match_on="id", max_rejects=1), folder=tmp_path)

    assert (receipt["updated"], receipt["rejected"]) == (2, 1)


def test_a_missing_right_ends_the_run_at_once_and_says_which(sandbox: Sandbox, write_rows: Write) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind="403", count=None)

    with pytest.raises(PipedrivePermissionError):
        write_rows(people(200), "persons")

    assert len([entry for entry in sandbox.requests if entry.method == "POST"]) <= 33  # those that were under way


def test_a_spent_day_ends_the_run_and_the_next_day_continues_it(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fault(path="/api/v2/persons", method="POST", kind="429-daily", count=None, skip=8)
    with pytest.raises(PipedriveDailyBudgetError):
        write(client, people(20), BulkJob("persons", concurrency=4), folder=tmp_path)

    sandbox.clear_faults()
    receipt = write(client, people(20), BulkJob("persons", concurrency=4), folder=tmp_path)

    assert receipt["created"] == 20
    assert set(made(client).values()) == {1}


def test_a_run_that_would_cost_more_than_it_may_writes_nothing(sandbox: Sandbox, write_rows: Write) -> None:
    with pytest.raises(PipedriveTokenCapError, match="Writing costs about 100 API tokens"):
        write_rows(people(20), "persons", max_tokens=90)

    assert all(entry.method == "GET" for entry in sandbox.requests)


def test_the_tokens_of_a_run_are_those_of_all_its_tries(client: PipedriveClient, tmp_path: Path) -> None:
    with pytest.raises(PipedriveTokenCapError, match="counts for the whole run"):
        write(client, people(20), BulkJob("persons", max_tokens=90), folder=tmp_path)
    read = client.usage.tokens

    with pytest.raises(PipedriveTokenCapError):
        write(client, people(20), BulkJob("persons", max_tokens=read + 100), folder=tmp_path)
    receipt = write(client, people(20), BulkJob("persons", max_tokens=3 * read + 100), folder=tmp_path)

    assert receipt["created"] == 20
    assert receipt["tokens"] == client.usage.tokens


def test_a_finished_run_answers_its_receipt_again_and_other_rows_need_another_folder(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    first = write(client, people(3), BulkJob("persons"), folder=tmp_path)
    sent = len(sandbox.requests)

    assert write(client, people(3), BulkJob("persons"), folder=tmp_path) == first
    assert len(sandbox.requests) == sent + 1  # whose account it is
    with pytest.raises(PipedriveParameterError, match="Give each run a folder of its own"):
        write(client, people(4), BulkJob("persons"), folder=tmp_path)


CHILD = """
import sys
from airflow_provider_pipedrive.bulk import BulkJob, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from

url, token, folder = sys.argv[1:]
client = PipedriveClient(settings_from(host=url, extra={"api_token": token, "burst_limit": 10_000}))
rows = [{"email": f"bulk{n}@example.com", "name": f"Bulk {n}", "Organization": f"Bulk org {n % 7}"} for n in range(400)]
write(client, rows, BulkJob("persons", create_related=True, concurrency=8), folder=folder)
"""


def test_a_run_that_is_killed_again_and_again_writes_each_row_once(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    moments = random.Random(5)
    command = [sys.executable, "-c", CHILD, sandbox.url, API_TOKEN, str(tmp_path)]
    ended = False
    for _ in range(12):
        before = len(sandbox.requests)
        wanted = moments.randrange(5, 40)
        with subprocess.Popen(command, env=dict(os.environ), stderr=subprocess.PIPE) as process:
            while process.poll() is None and len(sandbox.requests) - before < wanted:
                pass
            process.send_signal(signal.SIGKILL)
        ended = process.returncode == 0
    subprocess.run(command, check=True, capture_output=True)

    assert not ended
    assert made(client) == {f"Bulk {n}": 1 for n in range(400)}
    organizations = [o["name"] for o in client.iterate("getOrganizations") if o["name"].startswith("Bulk org")]
    assert sorted(organizations) == [f"Bulk org {n}" for n in range(7)]


def test_undo_brings_back_what_nobody_has_touched_since(client: PipedriveClient, tmp_path: Path) -> None:
    known = [client.run("addPerson", {"name": f"Before {n}"})["id"] for n in range(5)]
    rows = [{"id": identity, "name": "After", "email": f"after{identity}@example.com"} for identity in known]
    write(client, rows, BulkJob("persons", match_on="id"), folder=tmp_path)
    client.run("updatePerson", {"id": known[0], "name": "Typed by hand"})
    client.run("deletePerson", {"id": known[1]})

    result = undo(client, tmp_path)

    assert (result["restored"], result["kept"], result["impossible"]) == (3, 2, 0)
    assert client.run("getPerson", {"id": known[0]})["name"] == "Typed by hand"
    person = client.run("getPerson", {"id": known[4]})
    assert (person["name"], person["emails"]) == ("Before 4", [])
    assert {line["why"] for line in lines(result["details"])} == {None, "edited since: Name", "it was deleted since"}
    assert undo(client, tmp_path) == result


def test_undo_deletes_what_was_made_unless_something_hangs_on_it(client: PipedriveClient, tmp_path: Path) -> None:
    receipt = write(client, people(3), BulkJob("persons"), folder=tmp_path)
    first = lines(receipt["results"])[0]["id"]
    client.run("addDeal", {"title": "Hangs on it", "person_id": first})

    result = undo(client, tmp_path)

    assert (result["restored"], result["kept"]) == (2, 1)
    assert list(made(client)) == ["Bulk 0"]


def test_undo_brings_deals_back_and_says_what_it_cannot(client: PipedriveClient, tmp_path: Path) -> None:
    write(client, [{"id": 1}], BulkJob("deals", mode="delete", match_on="id", max_deletes=1), folder=tmp_path / "deals")
    write(
        client,
        [{"id": 1}],
        BulkJob("products", mode="delete", match_on="id", max_deletes=1),
        folder=tmp_path / "products",
    )

    assert undo(client, tmp_path / "deals")["restored"] == 1
    assert client.run("getDeal", {"id": 1})["is_deleted"] is False
    assert undo(client, tmp_path / "products")["impossible"] == 1


def test_a_folder_without_a_run_cannot_be_undone(client: PipedriveClient, tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match="holds no bulk run"):
        undo(client, tmp_path)


def test_a_record_that_somebody_edits_in_between_is_written_and_the_receipt_says_so(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.fault(path="/api/v2/deals/*", method="PATCH", kind="403", count=1)
    rows = [{"id": n, "title": f"T{n}"} for n in range(1, 26)]
    job = BulkJob("deals", match_on="id", concurrency=1)
    with pytest.raises(PipedrivePermissionError):
        write(client, rows, job, folder=tmp_path)
    sandbox.advance(5)
    client.run("updateDeal", {"id": 20, "expected_close_date": "2027-05-05"})

    receipt = write(client, rows, job, folder=tmp_path)

    assert receipt["edited_meanwhile"] == 1
    assert client.run("getDeal", {"id": 20})["title"] == "T20"


def test_a_run_whose_folder_is_in_object_storage_continues_on_another_machine(
    client: PipedriveClient, sandbox: Sandbox, bucket: str
) -> None:
    folder = ObjectStoragePath(f"{bucket}/bulk/run-1")
    sandbox.fault(path="/api/v2/persons", method="POST", kind="429-daily", count=None, skip=8)
    with pytest.raises(PipedriveDailyBudgetError):
        write(client, people(20), BulkJob("persons", concurrency=4), folder=folder)
    for stored in list(folder.iterdir()):  # as if the machine had died before its last answers were stored
        if stored.name.startswith("segment-"):
            stored.unlink()

    sandbox.clear_faults()
    receipt = write(client, people(20), BulkJob("persons"), folder=folder)

    assert receipt["created"] == 20
    assert set(made(client).values()) == {1}
    assert ObjectStoragePath(receipt["results"]).read_text().count("\n") == 20
    assert write(client, people(20), BulkJob("persons"), folder=folder) == receipt
    assert undo(client, folder)["restored"] == 20


def test_rows_whose_organization_pipedrive_does_not_make_are_set_aside_and_nothing_is_emptied(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    known = client.run("addOrganization", {"name": "Before"})["id"]
    entry = {"value": "ben@example.com", "primary": True}
    ben = client.run("addPerson", {"name": "Ben", "emails": [entry], "org_id": known})["id"]
    sandbox.fault(path="/api/v2/organizations", method="POST", kind="410", count=1)
    rows = [
        {"email": "anna@example.com", "name": "Anna", "organization": "Refused"},
        {"email": "ben@example.com", "name": "Ben", "organization": "refused"},
        {"email": "cleo@example.com", "name": "Cleo"},
    ]

    receipt = write_rows(rows, "persons", create_related=True, max_rejects=2)

    assert (receipt["created"], receipt["updated"], receipt["rejected"]) == (1, 0, 2)
    assert "'Refused' that it names could not be made" in lines(receipt["rejects"])[0]["reason"]
    assert client.run("getPerson", {"id": ben})["org_id"] == known


def test_what_was_edited_in_the_second_before_it_was_looked_at_counts_as_seen(
    client: PipedriveClient, write_rows: Write
) -> None:
    rows = [{"id": n, "title": f"T{n}"} for n in range(1, 26)]
    write_rows(rows, "deals", folder="first", match_on="id")

    receipt = write_rows(
        [{**row, "title": f"{row['title']}!"} for row in rows], "deals", folder="second", match_on="id"
    )

    assert (receipt["updated"], receipt["edited_meanwhile"]) == (25, 0)
