"""From a method and a path to an operation."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def test_the_old_base_of_v1_is_the_same_api(api: Api) -> None:
    assert api.data("/api/v1/users/me") == api.data("/v1/users/me")
