"""Files: bytes go in and come out."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.sandbox_api import Api

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


def test_a_file_in_google_drive_redirects_to_a_page(api: Api) -> None:
    form = {"item_type": "deal", "item_id": 1, "remote_id": "abc", "remote_location": "googledrive"}
    file = api("POST", "/v1/files/remoteLink", data=form).json()["data"]
    assert (file["remote_location"], file["remote_id"], file["deal_id"]) == ("googledrive", "abc", 1)
    assert api.get(f"/v1/files/{file['id']}/download").status_code == 302
