"""What someone could try with the receiver, which is open to the whole internet, and that it fails."""

from __future__ import annotations

import asyncio
import base64
import hmac
import json
import re
import socket
import threading
from types import SimpleNamespace
from typing import Any

import pytest
from airflow.models import Connection, Variable
from airflow.utils.session import create_session
from pytest_mock import MockerFixture
from sqlalchemy import select

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.companies import learn_company
from airflow_provider_pipedrive.plugin import disconnecting, event_writer, webhooks
from airflow_provider_pipedrive.plugin.webhooks import LONGEST_BODY, Endpoints
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.web_app import add_connection, change
from tests.support.webhook_receiver import (
    AUTH,
    PASSWORD,
    PATH,
    SECRET,
    USER,
    WEBHOOK,
    Receiver,
    add_asset,
    delivery,
    listening,
    stored_changes,
    stored_events,
)


def basic(text: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(text.encode()).decode()}


@pytest.mark.parametrize(
    "headers",
    [
        basic(f"{USER}:wrong"),
        basic(f"wrong:{PASSWORD}"),
        basic(f"{USER}:{PASSWORD}x"),
        basic(f"{USER}:{PASSWORD[:-1]}"),
        basic(f"{USER.upper()}:{PASSWORD}"),
        basic(USER + PASSWORD),
        basic(":"),
        basic(""),
        {"Authorization": ""},
        {"Authorization": "Basic"},
        {"Authorization": "Basic ###"},
        {"Authorization": f"Bearer {PASSWORD}"},
        {"Authorization": f"Digest {PASSWORD}"},
    ],
    ids=str,
)
def test_a_wrong_user_or_password_is_refused(headers: dict[str, str], receiver: Receiver) -> None:
    answer = receiver.post(delivery(), headers=headers)
    assert answer.status_code == 401
    assert stored_events() == []


@pytest.mark.parametrize(
    "path",
    [
        "/pipedrive/webhook/",
        "/pipedrive/webhook/wrong",
        f"/pipedrive/webhook/{SECRET[:-1]}",
        f"/pipedrive/webhook/{SECRET}x",
        f"/pipedrive/webhook/{SECRET.lower()}",
        f"/pipedrive/webhook/{SECRET}/",
        f"/pipedrive/webhook/x/{SECRET}",
        f"/pipedrive/webhook/%2e%2e/{SECRET}",
        f"/pipedrive/webhook/{SECRET}%00",
        "/pipedrive/webhook/***",
        "/pipedrive/webhook/None",
    ],
)
def test_a_guessed_address_is_not_there_even_with_the_right_password(path: str, receiver: Receiver) -> None:
    answer = receiver.post(delivery(), path)
    assert (answer.status_code, answer.json()) == (404, {"error": "There is nothing here."})
    assert stored_events() == []


@pytest.mark.parametrize("missing", sorted(WEBHOOK))
def test_a_connection_whose_webhook_settings_are_not_whole_takes_nothing(missing: str, receiver: Receiver) -> None:
    """An empty password above all must not be one that anybody has."""
    change("crm", **{missing: ""})
    webhooks.endpoints.forget()
    assert receiver.post(delivery()).status_code == 404
    assert receiver.post(delivery(), headers=basic(f"{USER}:")).status_code == 404


def test_a_connection_with_a_short_secret_in_its_address_takes_nothing(receiver: Receiver) -> None:
    change("crm", webhook_url="https://airflow.example.com/pipedrive/webhook/short")
    webhooks.endpoints.forget()
    assert receiver.post(delivery(), "/pipedrive/webhook/short").status_code == 404


def test_secrets_are_compared_in_constant_time_and_all_of_them(receiver: Receiver, mocker: MockerFixture) -> None:
    """A comparison that ends at the first wrong sign tells with its time how much was right."""
    compared: list[tuple[int, int]] = []
    real = hmac.compare_digest

    def compare(one: Any, other: Any) -> bool:
        compared.append((len(one), len(other)))
        return real(one, other)

    mocker.patch.object(webhooks.hmac, "compare_digest", compare)
    assert receiver.post(delivery(), "/pipedrive/webhook/x").status_code == 404
    assert receiver.post(delivery(), headers=basic("x")).status_code == 401
    assert compared == [(32, 32)] * 3, "digests: not even the length of a secret can be told"


def test_a_strangers_body_is_not_read(receiver: Receiver) -> None:
    """Neither its size nor what it is changes the answer."""
    huge = b"x" * (LONGEST_BODY + 1)
    assert receiver.post(content=huge, headers=basic("x")).status_code == 401
    assert receiver.post(path="/pipedrive/webhook/x", content=huge).status_code == 404


def test_a_body_that_says_it_is_too_long_is_not_read(receiver: Receiver) -> None:
    assert receiver.post(content=b"x" * (LONGEST_BODY + 1)).status_code == 413


def test_a_body_in_chunks_without_an_end_is_cut_off(receiver: Receiver) -> None:
    with listening(receiver.app) as address:
        host, port = address.split(":")
        with socket.create_connection((host, int(port)), 20) as line:
            line.sendall(_head(address, "Transfer-Encoding: chunked"))
            sent, chunk = 0, b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
            try:
                while sent < 100 * LONGEST_BODY:
                    line.sendall(chunk)
                    sent += len(chunk)
            except OSError:  # the server has hung up
                pass
            assert sent < 100 * LONGEST_BODY
    assert stored_events() == []


def test_a_body_that_does_not_come_to_an_end_is_given_up(receiver: Receiver, mocker: MockerFixture) -> None:
    mocker.patch.object(webhooks, "READ_SECONDS", 0.2)
    with listening(receiver.app) as address:
        assert _answer_to(address, _head(address, "Content-Length: 1000") + b"{").startswith("HTTP/1.1 408")


def test_two_lengths_are_no_request(receiver: Receiver) -> None:
    """Two servers that read them differently could be made to see two requests."""
    with listening(receiver.app) as address:
        head = _head(address, "Content-Length: 2", "Transfer-Encoding: chunked")
        answer = _answer_to(address, head + b"0\r\n\r\n")
    assert not answer.startswith("HTTP/1.1 200")
    assert stored_events() == []


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "multipart/form-data; boundary=x"},
        {"Content-Type": ""},
        {"Content-Encoding": "gzip"},
    ],
    ids=str,
)
def test_another_type_of_content_is_refused(headers: dict[str, str], receiver: Receiver) -> None:
    """A form of some page in a browser that knows the password could send the others."""
    assert receiver.post(content=json.dumps(delivery()).encode(), headers=headers).status_code == 415


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
def test_only_posts_are_taken(method: str, receiver: Receiver) -> None:
    assert receiver.http.request(method, PATH, headers=AUTH).status_code == 405


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"meta": {"entity": NaN}}',
        b'{"meta": {"entity": "deal", "entity_id": "1", "action": "change", "timestamp": 1e999}}',
        json.dumps(delivery(entity_id="1" * 10_000)).encode(),
        json.dumps(delivery(entity_id="1\r\nSet-Cookie: x=1")).encode(),
        json.dumps(delivery(host="acme.pipedrive.com/../../x")).encode(),
        json.dumps(delivery(host="acme\r\nSet-Cookie: x=1")).encode(),
        json.dumps(delivery(action="<script>")).encode(),
        json.dumps(delivery(entity={"$ne": 1})).encode(),
    ],
    ids=lambda body: repr(body[:40]),
)
def test_a_body_that_is_made_to_hurt_is_refused_and_not_repeated(body: bytes, receiver: Receiver) -> None:
    answer = receiver.post(content=body)
    assert answer.status_code in (200, 422)
    assert "x=1" not in answer.text + str(answer.headers)
    assert "script" not in answer.text
    assert stored_events() == []


def test_script_in_names_stays_data(receiver: Receiver) -> None:
    script = '<script>alert(1)</script>"; DROP TABLE deal; {{ 7*7 }} \x00 \u2028'
    document = delivery()
    document["data"]["title"] = script
    assert receiver.post(document).status_code == 200
    (change,) = stored_changes()
    assert change["values"]["title"] == script.replace("\x00", "")  # which no database holds


def test_a_line_break_in_what_is_sent_makes_no_line_in_the_log(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    receiver.post(delivery(host="acme\nERROR forged line"))
    receiver.post(delivery(action="x\nERROR forged line"))
    assert not any(re.search(r"^ERROR forged", line) for line in caplog.text.splitlines())


def test_a_replayed_delivery_is_known_by_its_event_id(receiver: Receiver) -> None:
    """Whoever could record one has both secrets; still, it makes no second change."""
    for _ in range(5):
        assert receiver.post(delivery()).status_code == 200
    assert len({change["event_id"] for change in stored_changes()}) == 1


def test_neither_secret_reaches_a_log_or_an_answer(
    receiver: Receiver, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level("DEBUG")
    answers = [receiver.post(delivery()), receiver.post(delivery(), headers=basic("x")), receiver.post({})]
    answers += [receiver.http.get(PATH), receiver.post(delivery(), f"{PATH}/")]
    shown = "".join(capfd.readouterr())
    for text in (shown, *(answer.text + str(answer.headers) for answer in answers)):
        assert SECRET not in text
        assert PASSWORD not in text
    assert SECRET not in repr(webhooks.endpoints._endpoints)


def test_strangers_make_the_server_read_its_connections_only_now_and_then() -> None:
    reads, now = [], [100.0]
    endpoints = Endpoints(lambda: reads.append(1) or [], lambda: now[0])
    for _ in range(50):
        endpoints.matching("x")
    assert len(reads) == 1
    now[0] += webhooks.FRESH_SECONDS
    endpoints.matching("x")
    assert len(reads) == 2


# The company


@pytest.mark.parametrize(
    "meta",
    [
        {"host": "umbrella.pipedrive.com", "company_id": "901"},
        {"host": "umbrella.pipedrive.com"},
        {"company_id": "901"},
        {"company_id": None},
        {"company_id": ["900"]},
        {"host": "acme.pipedrive.com.evil.example"},
        {"host": "acme.example.com"},
        {"host": "api.pipedrive.com"},
        {"host": "acme.pipedrive.com:8443"},
        {"host": "acme.pipedrive.com/x"},
        {"host": "user@acme.pipedrive.com"},
        {"host": "acme.pipedr\u0131ve.com"},
        {"host": "127.0.0.2"},
        {"host": ""},
        {"host": None},
        {"host": ["acme.pipedrive.com"]},
    ],
    ids=str,
)
def test_a_delivery_of_another_company_is_refused(meta: dict[str, Any], receiver: Receiver) -> None:
    """Its sender has the secrets of acme's connection, and umbrella has an asset here too."""
    add_asset("pipedrive://umbrella/deals")
    assert receiver.post(delivery(**meta)).status_code == 422
    assert stored_events() + stored_events("pipedrive://umbrella/deals") == []


def test_a_connection_of_an_unknown_company_takes_nothing_and_says_what_to_do(
    receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    change("crm", oauth_status={})
    on_pipedrives_shared_host()
    assert receiver.post(delivery()).status_code == 422
    assert "Press Test on the Pipedrive page, or run `airflow pipedrive webhooks ensure`" in caplog.text
    assert stored_events() == []


def test_ensuring_webhooks_tells_the_receiver_whose_they_are(receiver: Receiver) -> None:
    """By a Variable, since a task can write no connection."""
    change("crm", oauth_status={})
    client = SimpleNamespace(run=lambda action: {"id": 7, "company_id": 900, "company_domain": "acme"})
    on_pipedrives_shared_host()
    assert receiver.post(delivery()).status_code == 422
    learn_company(client, store.find("crm").connection, Variable, "2026-11-02T08:00:00+00:00")
    webhooks.endpoints.forget()
    assert receiver.post(delivery()).status_code == 200
    assert receiver.post(delivery(host="umbrella.pipedrive.com")).status_code == 422
    assert receiver.post(delivery(company_id="901")).status_code == 422


def on_pipedrives_shared_host() -> None:
    """The connection's host says nothing of its company."""
    with create_session() as session:
        session.scalar(select(Connection).where(Connection.conn_id == "crm")).host = None


def test_two_companies_that_share_the_secrets_are_told_apart(receiver: Receiver, pipedrive: Sandbox) -> None:
    add_asset("pipedrive://umbrella/deals")
    umbrella = {"state": "connected", "company_id": 901, "domain": "umbrella"}
    add_connection(pipedrive, "umbrella", **WEBHOOK, oauth_status=umbrella)
    assert receiver.post(delivery(host="umbrella.pipedrive.com", company_id="901")).status_code == 200
    assert receiver.post(delivery(host="umbrella.pipedrive.com", company_id="900")).status_code == 422
    (event,) = stored_events("pipedrive://umbrella/deals")
    assert event.extra["pipedrive"]["connection"] == "umbrella"
    assert stored_events() == []


@pytest.mark.parametrize("password", ["tiny", "fifteen-letters", "with spaces in it, long enough"])
def test_a_password_that_is_too_short_is_none(
    password: str, receiver: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    change("crm", webhook_password=password)
    assert receiver.post(delivery(), headers=basic(f"{USER}:{password}")).status_code == 404
    assert "Connection crm takes no webhooks: its webhook_password" in caplog.text
    assert password not in caplog.text


# Too much of everything


def test_waiting_deliveries_are_bounded_by_their_bytes(receiver: Receiver, mocker: MockerFixture) -> None:
    mocker.patch.object(event_writer, "MOST_BYTES", 100_000)
    large = delivery()
    large["data"]["note"] = "x" * 100_000
    assert receiver.post(large).status_code == 503
    assert receiver.post(delivery()).status_code == 200
    assert webhooks.event_writer._bytes == 0


def test_a_large_body_is_parsed_beside_the_event_loop(receiver: Receiver, mocker: MockerFixture) -> None:
    threads: list[bool] = []
    real = webhooks._received

    def told(*arguments: Any) -> Any:
        try:
            asyncio.get_running_loop()
            threads.append(False)
        except RuntimeError:
            threads.append(True)
        return real(*arguments)

    mocker.patch.object(webhooks, "_received", told)
    large = delivery()
    large["data"]["note"] = "x" * 100_000
    assert [receiver.post(document).status_code for document in (large, delivery())] == [200, 200]
    assert threads == [True, False]


def test_a_flood_reads_the_connections_once_and_decrypts_none_again(
    receiver: Receiver, pipedrive: Sandbox, mocker: MockerFixture
) -> None:
    for number in range(20):
        add_connection(pipedrive, f"other_{number}", login=f"app-{number}")
    assert receiver.post(delivery()).status_code == 200
    decrypted: list[str] = []
    judged = store._decrypted
    mocker.patch.object(store, "_decrypted", lambda row, source: decrypted.append(row.conn_id) or judged(row, source))
    load = mocker.patch.object(webhooks.endpoints, "_load", side_effect=webhooks.endpoints._load)
    for _ in range(20):
        assert receiver.post(delivery(), "/pipedrive/webhook/wrong").status_code == 404
        assert receiver.http.request("DELETE", "/pipedrive/callback").status_code == 401
        assert receiver.http.request("DELETE", "/pipedrive/callback", auth=("app-1", "wrong")).status_code == 401
    webhooks.endpoints.forget()
    assert receiver.post(delivery(), "/pipedrive/webhook/wrong").status_code == 404
    assert (load.call_count, decrypted) == (1, [])


def test_while_one_reads_the_connections_the_others_take_what_was_known() -> None:
    now, reading, go_on, done = [100.0], threading.Event(), threading.Event(), threading.Event()

    def load() -> list[Any]:
        if now[0] > 100:
            reading.set()
            go_on.wait(10)
            done.set()
        return []

    endpoints = Endpoints(load, lambda: now[0])
    endpoints.matching("x")
    now[0] += webhooks.FRESH_SECONDS
    reader = threading.Thread(target=endpoints.matching, args=["x"])
    reader.start()
    assert reading.wait(30)
    assert endpoints.matching("x") == []
    assert not done.is_set()  # nobody has waited for it
    go_on.set()
    reader.join(30)


def test_an_uninstallation_without_credentials_is_refused_before_anything_is_read(
    receiver: Receiver, mocker: MockerFixture
) -> None:
    """Neither its body, nor any connection."""

    def read(*_: Any) -> None:
        raise AssertionError("something was read")

    mocker.patch.object(webhooks.endpoints, "connections_of_app", read)
    mocker.patch.object(disconnecting, "body_of", read)
    for headers in ({}, basic(""), {"Authorization": "Bearer x"}):
        answer = receiver.http.request("DELETE", "/pipedrive/callback", content=b"{}", headers=headers)
        assert answer.status_code == 401


def _head(address: str, *headers: str) -> bytes:
    lines = [f"POST {PATH} HTTP/1.1", f"Host: {address}", f"Authorization: {AUTH['Authorization']}"]
    return "\r\n".join([*lines, "Content-Type: application/json", *headers, "", ""]).encode()


def _answer_to(address: str, request: bytes) -> str:
    host, port = address.split(":")
    with socket.create_connection((host, int(port)), 20) as line:
        line.sendall(request)
        return line.recv(65536).decode()
