"""Followers, in both versions."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def test_a_follower_is_known_by_user_in_v2_and_by_record_in_v1(api: Api, bare: int) -> None:
    path = f"deals/{bare}/followers"
    assert api.post(f"/api/v2/{path}", {"user_id": 2}).status_code == 201
    assert api.post(f"/api/v2/{path}", {"user_id": 2}).status_code == 400
    record = api.post(f"/v1/{path}", {"user_id": 2})
    assert record.status_code == 200
    assert set(api.data(f"/api/v2/{path}")[0]) == {"user_id", "add_time"}
    assert api.delete(f"/v1/{path}/{record.json()['data']['id']}").status_code == 200
    assert api.delete(f"/api/v2/{path}/2").status_code == 404
    changes = api.data(f"/api/v2/{path}/changelog")
    assert [change["action"] for change in changes] == ["removed", "added"]
