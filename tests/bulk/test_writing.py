"""The order of writes: what others refer to first, what is removed last, and of a deal's links never two at once."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.bulk.writing import OperationWriter
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.bulk.conftest import Write, made, people, writes


def test_what_rows_refer_to_is_made_before_the_rows(sandbox: Sandbox, write_rows: Write) -> None:
    rows = [{**row, "organization": f"Harbour {number % 5}"} for number, row in enumerate(people(20))]

    write_rows(rows, "persons", create_related=True)

    assert [path for _method, path in writes(sandbox)] == ["/api/v2/organizations"] * 5 + ["/api/v2/persons"] * 20


def test_what_a_mirror_removes_is_removed_when_everything_else_is_written(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write
) -> None:
    products = [{"code": f"M{number}", "name": f"Mirrored {number}", "unit": "mirror"} for number in range(6)]
    write_rows(products, "products", folder="first", match_on="code")
    before = len(writes(sandbox))
    changed = [{**row, "name": "Renamed"} for row in products[:3]]
    new = [{"code": "N", "name": "New", "unit": "mirror"}]

    receipt = write_rows(
        [*changed, *new], "products", mode="mirror", match_on="code", within={"unit": "mirror"}, max_deletes=3
    )

    methods = [method for method, _path in writes(sandbox)[before:]]
    assert (receipt["updated"], receipt["created"], receipt["deleted"]) == (3, 1, 3)
    assert sorted(methods[:4]) == ["PATCH"] * 3 + ["POST"]
    assert methods[4:] == ["DELETE"] * 3


def test_the_links_of_one_deal_are_all_written_though_none_may_be_written_with_another(
    client: PipedriveClient, write_rows: Write
) -> None:
    known = [person["id"] for person in client.iterate("getPersons")][:8]
    has = {link["person_id"]["value"] for link in client.iterate("getDealParticipants", {"id": 7})}

    receipt = write_rows([{"deal": 7, "person": person} for person in known], "deal_participants", concurrency=8)

    assert receipt["created"] == len(set(known) - has)
    assert {link["person_id"]["value"] for link in client.iterate("getDealParticipants", {"id": 7})} == has | set(known)


def test_a_task_that_is_ended_sends_no_refused_request_again_and_the_next_try_writes_the_rest(
    client: PipedriveClient, sandbox: Sandbox, write_rows: Write, mocker: MockerFixture
) -> None:
    sent: list[int] = []

    def ended(self: Any) -> None:
        sent.append(len(writes(sandbox)))
        raise KeyboardInterrupt

    sandbox.fault(path="/api/v2/persons", method="POST", kind="429", count=None, skip=3)
    report = mocker.patch.object(OperationWriter, "_report", ended)
    with pytest.raises(KeyboardInterrupt):
        write_rows(people(12), "persons", concurrency=2)

    assert len(writes(sandbox)) - sent[0] <= 2  # two were perhaps on their way
    mocker.stop(report)
    sandbox.clear_faults()
    assert write_rows(people(12), "persons", concurrency=2)["created"] == 12
    assert dict(made(client)) == {f"Bulk {n}": 1 for n in range(12)}
