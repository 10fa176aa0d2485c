"""Files, mail, call logs: bytes go in and come out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.sandbox.conftest import Api

BYTES = bytes(range(256)) + b"\r\n--boundary\r\n\r\n"


def upload(api: Api, name: str = "data.bin", **links: Any) -> dict[str, Any]:
    answer = api("POST", "/v1/files", files={"file": (name, BYTES)}, data=links)
    assert answer.status_code == 200, answer.text
    record: dict[str, Any] = answer.json()["data"]
    return record


@pytest.mark.parametrize("name", ["data.bin", "Angebot für Äpfel.pdf", 'a "quoted" name.txt', "日本.txt"])
def test_an_uploaded_file_keeps_its_name_and_its_bytes(name: str, api: Api) -> None:
    file = upload(api, name, deal_id=1)
    assert file["name"] == name
    assert (file["file_size"], file["deal_id"], file["remote_location"]) == (len(BYTES), 1, "s3")
    download = api.get(f"/v1/files/{file['id']}/download")
    assert download.content == BYTES
    assert download.headers["content-type"] == "application/octet-stream"


def test_a_file_hangs_on_its_records_and_is_renamed_by_a_form(api: Api) -> None:
    file = upload(api, deal_id=1, person_id=2)
    assert api.data("/v1/deals/1/files", sort="id DESC", limit=1)[0]["id"] == file["id"]
    assert api.data("/v1/persons/2/files", sort="id DESC", limit=1)[0]["id"] == file["id"]
    api("PUT", f"/v1/files/{file['id']}", data={"name": "new.bin", "description": "d"})
    after = api.data(f"/v1/files/{file['id']}")
    assert (after["name"], after["description"], after["file_name"]) == ("new.bin", "d", file["file_name"])


def test_a_deleted_file_leaves_the_lists_and_cannot_be_downloaded(api: Api) -> None:
    file = upload(api)
    assert api.delete(f"/v1/files/{file['id']}").json()["data"] == {"id": file["id"]}
    assert api.data(f"/v1/files/{file['id']}")["active_flag"] is False
    assert file["id"] not in [row["id"] for row in api.data("/v1/files", sort="id DESC", limit=1) or []]
    assert api.get(f"/v1/files/{file['id']}/download").status_code == 404


def test_an_upload_needs_a_file_and_records_that_exist(api: Api) -> None:
    assert api("POST", "/v1/files", files={"other": ("a.txt", b"x")}).status_code == 400
    assert api("POST", "/v1/files", data={"deal_id": "1"}).status_code == 400
    assert api("POST", "/v1/files", files={"file": ("a", b"x")}, data={"deal_id": "999999"}).status_code == 400


@pytest.fixture(scope="module")
def redirecting() -> Iterator[Sandbox]:
    with Sandbox(deals=3, download_redirect=True) as sandbox:
        yield sandbox


def test_a_download_may_redirect_to_a_storage_that_refuses_credentials(redirecting: Sandbox) -> None:
    api = Api(redirecting)
    file = upload(api)
    answer = api.get(f"/v1/files/{file['id']}/download")
    assert answer.status_code == 302
    location = answer.headers["location"]
    assert requests.get(location, timeout=10).content == BYTES
    with_token = requests.get(location, headers={"x-api-token": "sandbox-token"}, timeout=10)
    assert (with_token.status_code, "Only one auth mechanism allowed" in with_token.text) == (400, True)
    assert requests.get(location.split("?")[0], timeout=10).status_code == 403


def test_a_file_in_google_drive_redirects_to_a_page(api: Api) -> None:
    form = {"item_type": "deal", "item_id": 1, "remote_id": "abc", "remote_location": "googledrive"}
    file = api("POST", "/v1/files/remoteLink", data=form).json()["data"]
    assert (file["remote_location"], file["remote_id"], file["deal_id"]) == ("googledrive", "abc", 1)
    assert api.get(f"/v1/files/{file['id']}/download").status_code == 302


def test_a_call_log_takes_one_recording(api: Api) -> None:
    body = {
        "to_phone_number": "+372555",
        "outcome": "connected",
        "start_time": "2026-11-20 10:00:00",
        "end_time": "2026-11-20 10:05:00",
    }
    log = api.post("/v1/callLogs", body).json()["data"]
    assert (log["start_time"], log["has_recording"]) == ("2026-11-20T10:00:00.000Z", False)
    path = f"/v1/callLogs/{log['id']}"
    assert api("POST", f"{path}/recordings", files={"file": ("a.mp3", b"x")}).status_code == 200
    assert api("POST", f"{path}/recordings", files={"file": ("a.mp3", b"x")}).status_code == 409
    assert api.data(path)["has_recording"] is True
    assert api.delete(path).status_code == 200
    assert api.delete(path).status_code == 410


def test_an_archived_thread_moves_to_the_archive(api: Api) -> None:
    thread = api.data("/v1/mailbox/mailThreads", folder="inbox")[0]
    api("PUT", f"/v1/mailbox/mailThreads/{thread['id']}", data={"archived_flag": "1", "deal_id": "2"})
    assert thread["id"] in [row["id"] for row in api.data("/v1/mailbox/mailThreads", folder="archive")]
    mails = api.data("/v1/deals/2/mailMessages", include_body=1)
    assert {mail["object"] for mail in mails} == {"mailMessage"}
    assert all(mail["data"]["body"] for mail in mails)


def test_a_note_has_comments_and_stays_readable_after_its_deletion(api: Api) -> None:
    note = api.post("/v1/notes", {"content": "<b>x</b>", "deal_id": 1}).json()["data"]
    path = f"/v1/notes/{note['id']}"
    comment = api.post(f"{path}/comments", {"content": "y"}).json()["data"]
    api.put(f"{path}/comments/{comment['uuid']}", {"content": "z"})
    assert [row["content"] for row in api.data(f"{path}/comments")] == ["z"]
    assert api.delete(path).json()["data"] is True
    assert api.data(path)["active_flag"] is False
    assert note["id"] not in [row["id"] for row in api.data("/v1/notes", deal_id=1) or []]
