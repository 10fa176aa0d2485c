"""New records."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def test_nothing_is_unique_but_ids(api: Api) -> None:
    for body in ({"name": "Ada Twin", "emails": [{"value": "ada@example.com"}]}, {"name": "Ada Twin"}):
        assert api.post("/api/v2/persons", body).json()["success"]
        assert api.post("/api/v2/persons", body).json()["success"]
    for table, body in (("organizations", {"name": "Twin Ltd"}), ("products", {"name": "Twin", "code": "T-1"})):
        first, second = (api.post(f"/api/v2/{table}", body).json()["data"]["id"] for _ in range(2))
        assert second == first + 1


def test_parts_of_an_address_that_are_left_out_become_null(api: Api) -> None:
    address = api.patch("/api/v2/organizations/1", {"address": {"value": "Main Street 1"}}).json()["data"]["address"]
    assert address["value"] == "Main Street 1"
    assert address["postal_code"] is None
