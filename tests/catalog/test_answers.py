"""What a caller gets of an answer to each operation, whatever the answer leaves out, has as null, or has that nobody
knows: all of it, and nothing else."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client import PipedriveClient
from tests.catalog.test_requests import CALLED, one_by_one
from tests.support.scripted_server import ScriptedServer, http

RECORD = {"id": 1, "name": None, "of_the_future": {"a": [None]}}
RECORDS = [RECORD, {"id": 2}, {"name": ""}]
LISTS = [key for key in CALLED if ACTIONS[key].result == "records" and ACTIONS[key].is_read]
SINGLE = [key for key in CALLED if ACTIONS[key].result in ("record", "upload") or not ACTIONS[key].is_read]
CHANGES = [key for key in SINGLE if ACTIONS[key].method not in ("GET", "POST") and ACTIONS[key].result != "upload"]


def answer(data: Any, **more: Any) -> bytes:
    return http(200, json.dumps({"data": data, **more}).encode(), Content_Type="application/json")


def least(key: str) -> dict[str, Any]:
    return next(one_by_one(key))


def test_a_list_gives_every_record_as_it_came(client: PipedriveClient, server: ScriptedServer) -> None:
    for key in LISTS:
        path = ACTIONS[key].records_path
        found, nothing = ({path: records} if path else records for records in (RECORDS, []))
        server.script = [answer(found, success=True, additional_data=None), answer(found, of_the_future=1)]
        assert client.run(key, least(key)) == RECORDS, key
        assert list(client.iterate(key, least(key))) == RECORDS, key
        server.script = [answer(nothing, success=True, additional_data={})]
        assert client.run(key, least(key)) == [], key


def test_a_record_is_given_as_it_came(client: PipedriveClient, server: ScriptedServer) -> None:
    for key in SINGLE:
        server.script = [answer(RECORD, success=True, additional_data=None, of_the_future=1), answer({"name": ""})]
        assert [client.run(key, least(key)) for _ in range(2)] == [RECORD, {"name": ""}], key


def test_a_change_that_is_answered_by_nothing_gives_nothing(client: PipedriveClient, server: ScriptedServer) -> None:
    for key in CHANGES:
        server.script = [http(204), answer(None, success=True)]
        assert [client.run(key, least(key)) for _ in range(2)] == [None, None], key
