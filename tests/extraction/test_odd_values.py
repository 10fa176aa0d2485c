"""One odd value in one record stops no list: what cannot be kept is null or left out, counted, named."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.job import extract
from airflow_provider_pipedrive.extraction.output.formats import read_rows
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

FORMATS = ("jsonl", "jsonl.gz", "csv", "parquet")
Odd = Callable[[bytes, bytes], None]


@pytest.fixture
def box() -> Iterator[Sandbox]:
    with Sandbox(deals=20, seed=3, api_token=API_TOKEN) as sandbox:
        yield sandbox


@pytest.fixture
def between(box: Sandbox) -> Iterator[tuple[str, dict[bytes, bytes]]]:
    """Answers as the sandbox does, but for what the test has it replace: its address, and what by what."""
    replaced: dict[bytes, bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = Request(box.url + self.path, headers={"x-api-token": API_TOKEN})
            try:
                with urlopen(asked, timeout=10) as answer:
                    status, body = answer.status, answer.read()
            except HTTPError as error:
                status, body = error.code, error.read()
            for plain, odd in replaced.items():
                body = body.replace(plain, odd)
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", replaced
        server.shutdown()


@pytest.fixture
def odd(between: tuple[str, dict[bytes, bytes]]) -> dict[bytes, bytes]:
    """What the server replaces by what."""
    return between[1]


@pytest.fixture
def client(between: tuple[str, dict[bytes, bytes]]) -> Iterator[PipedriveClient]:
    with PipedriveClient(settings_from(host=between[0], extra={"api_token": API_TOKEN, "max_attempts": 1})) as client:
        yield client


def rows_of(receipt: dict[str, Any], entity: str, format: str) -> dict[Any, dict[str, Any]]:  # noqa: A002
    """The landed rows by id, as text."""
    manifest = Path(receipt["entities"][entity]["manifest"])
    parts = [manifest.parent / part["name"] for part in json.loads(manifest.read_text())["parts"]]
    return {str(row["id"]): row for part in parts for row in read_rows(part, format)}


HALF, ZERO, BEYOND = rb"cut \ud83d", rb"a\u0000b", b"1e999"


@pytest.mark.parametrize(("format", "columns"), [*((each, "readable") for each in FORMATS), ("jsonl", "raw")])
@pytest.mark.parametrize(("came", "landed"), [(HALF, "cut \ufffd"), (rb"\ude00 tail", "\ufffd tail"), (ZERO, "ab")])
def test_a_text_that_nothing_can_hold_is_landed_without_it_and_counted(
    box: Sandbox,
    client: PipedriveClient,
    odd: dict[bytes, bytes],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    format: str,  # noqa: A002
    columns: Any,
    came: bytes,
    landed: str,
) -> None:
    box.update("deals", 2, title="This one")
    odd[b"This one"] = came
    with caplog.at_level(logging.WARNING):
        receipt = extract(client, tmp_path, ExtractionJob(["deals"], format=format, columns=columns))
    found = rows_of(receipt, "deals", format)
    assert found["2"]["title"] == landed
    assert found.keys() == {str(deal["id"]) for deal in client.iterate("getDeals", {"status": "open,won,lost"})}
    assert receipt["entities"]["deals"]["nulled_values"] == {"title": 1}
    assert json.loads(Path(receipt["entities"]["deals"]["manifest"]).read_text())["nulled_values"] == {"title": 1}
    assert (
        "deals: id 2 (title): replaced, since no text or number can hold it (half a character by U+FFFD" in caplog.text
    )


def test_an_emoji_and_a_backslash_before_what_looks_like_half_of_one_stay_as_they_are(
    box: Sandbox, client: PipedriveClient, odd: dict[bytes, bytes], tmp_path: Path
) -> None:
    box.update("deals", 2, title="This one")
    odd[b"This one"] = rb"\ud83d\ude00 \\ud83d \\u0000"
    receipt = extract(client, tmp_path, ExtractionJob(["deals"]))
    assert rows_of(receipt, "deals", "jsonl")["2"]["title"] == "\U0001f600 \\ud83d \\u0000"
    assert receipt["entities"]["deals"]["nulled_values"] == {}


@pytest.mark.parametrize("format", FORMATS)
def test_numbers_beyond_what_a_column_holds_are_null_counted_and_kept_beside(
    box: Sandbox,
    client: PipedriveClient,
    odd: dict[bytes, bytes],
    tmp_path: Path,
    format: str,  # noqa: A002
) -> None:
    box.update("deals", 2, value=777001, person_id=None)
    odd |= {b'"value":777001': b'"value":1e999', b'"probability":null': b'"probability":18446744073709551616'}
    box.update("deals", 2, probability=None)
    receipt = extract(client, tmp_path, ExtractionJob(["deals"], format=format))
    row = rows_of(receipt, "deals", format)["2"]
    assert row["value"] is None
    nulled_values = receipt["entities"]["deals"]["nulled_values"]
    assert nulled_values.pop("value") == 1
    assert set(nulled_values) <= {"probability"}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("zero", ["0000-00-00 00:00:00", "0000-00-00T00:00:00Z", "0000-00-00"])
def test_a_zero_time_is_null_and_counted_in_every_format(
    client: PipedriveClient,
    odd: dict[bytes, bytes],
    tmp_path: Path,
    format: str,  # noqa: A002
    zero: str,
) -> None:
    [user, *_] = client.run("getUsers")
    odd[f'"last_login":"{user["last_login"]}"'.encode()] = f'"last_login":"{zero}"'.encode()
    receipt = extract(client, tmp_path, ExtractionJob(["users"], format=format))
    row = rows_of(receipt, "users", format)[str(user["id"])]
    assert (row["last_login"], row["other"] and "last_login" in row["other"]) in ((None, None), (None, False))
    assert receipt["entities"]["users"]["nulled_values"]["last_login"] >= 1


def test_a_zero_date_of_a_lead_is_null_and_counted(
    client: PipedriveClient, odd: dict[bytes, bytes], tmp_path: Path
) -> None:
    [lead, *_] = client.run("getLeads")
    dated = json.dumps(lead["expected_close_date"]).encode()
    odd[b'"expected_close_date":' + dated] = b'"expected_close_date":"0000-00-00"'
    receipt = extract(client, tmp_path, ExtractionJob(["leads"]))
    assert rows_of(receipt, "leads", "jsonl")[lead["id"]]["expected_close_date"] is None
    assert receipt["entities"]["leads"]["nulled_values"]["expected_close_date"] >= 1


@pytest.mark.parametrize("format", FORMATS)
def test_an_object_where_a_definition_has_yes_or_no_is_kept_beside_its_column(
    client: PipedriveClient,
    odd: dict[bytes, bytes],
    tmp_path: Path,
    format: str,  # noqa: A002
) -> None:
    odd[b'"mandatory_flag":false'] = b'"mandatory_flag":{"org_id":"<=0"}'
    receipt = extract(client, tmp_path, ExtractionJob(["lead_fields"], format=format))
    rows = rows_of(receipt, "lead_fields", format).values()
    lost = [row for row in rows if row["mandatory_flag"] is None]
    assert lost
    assert receipt["entities"]["lead_fields"]["nulled_values"] == {"mandatory_flag": len(lost)}
    for row in lost:
        other = json.loads(row["other"]) if isinstance(row["other"], str) else row["other"]
        assert other["mandatory_flag"] == {"org_id": "<=0"}


@pytest.mark.parametrize("columns", ["readable", "raw"])
@pytest.mark.parametrize("no_record", [b"null", b"{}", b'{"id":null,"name":"x"}', b'{"id":18446744073709551616}'])
def test_what_is_no_record_or_cannot_be_told_apart_is_left_out_counted_and_named(
    client: PipedriveClient,
    odd: dict[bytes, bytes],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    columns: Any,
    no_record: bytes,
) -> None:
    whole = client.run("getPipelines")
    odd[b'"data":['] = b'"data":[' + no_record + b","
    receipt = extract(client, tmp_path, ExtractionJob(["pipelines"], columns=columns))
    assert len(rows_of(receipt, "pipelines", "jsonl")) == len(whole)
    assert receipt["entities"]["pipelines"]["set_aside"] == 1
    assert "pipelines: left out 1 of a page of " in caplog.text
    assert "number 1, " in caplog.text
