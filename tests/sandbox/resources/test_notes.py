"""Notes and their comments."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def test_a_note_has_comments_and_stays_readable_after_its_deletion(api: Api) -> None:
    note = api.post("/v1/notes", {"content": "<b>x</b>", "deal_id": 1}).json()["data"]
    path = f"/v1/notes/{note['id']}"
    comment = api.post(f"{path}/comments", {"content": "y"}).json()["data"]
    api.put(f"{path}/comments/{comment['uuid']}", {"content": "z"})
    assert [row["content"] for row in api.data(f"{path}/comments")] == ["z"]
    assert api.delete(path).json()["data"] is True
    assert api.data(path)["active_flag"] is False
    assert note["id"] not in [row["id"] for row in api.data("/v1/notes", deal_id=1) or []]
