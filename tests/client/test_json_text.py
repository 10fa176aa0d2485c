"""What one client reads although a value in it can be held by no text and no number, and what it refuses."""

from __future__ import annotations

import logging

import pytest

from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.responses import read_json
from tests.support.scripted_server import ScriptedServer, http


def page(records: bytes) -> bytes:
    return http(200, b'{"success":true,"data":' + records + b',"additional_data":{"next_cursor":null}}')


@pytest.mark.parametrize(
    ("came", "read"),
    [
        (rb'"cut \ud83d"', "cut \ufffd"),
        (rb'"\ude00 tail"', "\ufffd tail"),
        (rb'"\ud83d\ud83d\ude00"', "\ufffd\U0001f600"),
        (rb'"a\u0000b"', "ab"),
        (b"1e999", None),
        (b"-1e999", None),
        (b"1" * 5000, None),
        (rb'{"deep":["\ud83d"]}', {"deep": ["\ufffd"]}),
        (rb'{"key \ud83d":1}', {"key \ufffd": 1}),
    ],
)
def test_an_odd_value_in_one_record_is_mended_and_told_and_takes_one_attempt(
    client: PipedriveClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture, came: bytes, read: object
) -> None:
    server.script = [page(b'[{"id":1,"title":"whole"},{"id":2,"title":' + came + b"}]")]
    with caplog.at_level(logging.WARNING):
        found = list(client.iterate("getDeals"))
    assert found == [{"id": 1, "title": "whole"}, {"id": 2, "title": read}]
    assert len(server.requests) == 1
    assert "getDeals: id 2 (title): " in caplog.text


def test_a_custom_field_is_told_by_its_code(
    client: PipedriveClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [http(200, rb'{"success":true,"data":{"id":7,"custom_fields":{"ab12":"\ud83d"}}}')]
    assert client.run("getDeal", {"id": 7}) == {"id": 7, "custom_fields": {"ab12": "\ufffd"}}
    assert "getDeal: id 7 (custom_fields.ab12): " in caplog.text


def test_null_where_a_record_stands_is_left_out_and_told(
    client: PipedriveClient, server: ScriptedServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.script = [page(b'[null,{"id":1},null]')]
    assert list(client.iterate("getDeals")) == [{"id": 1}]
    assert "getDeals: left out 2 of 3 records, which came as null." in caplog.text


def test_what_looks_like_half_a_character_behind_a_backslash_is_text() -> None:
    assert read_json(rb'{"data":[{"id":1,"t":"\\ud83d \\u0000 \ud83d\ude00"}]}') == {
        "data": [{"id": 1, "t": "\\ud83d \\u0000 \U0001f600"}]
    }


@pytest.mark.parametrize("body", [b'{"data":[{"id":1,"v":NaN}]}', b'{"data":[{"t":"\xff"}]}', rb'{"data":[{"t":"\ud83'])
def test_what_is_no_json_is_an_answer_that_went_wrong(body: bytes) -> None:
    with pytest.raises(ValueError, match="not valid JSON"):
        read_json(body)
