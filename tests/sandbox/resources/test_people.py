"""Users, roles, permission sets."""

from __future__ import annotations

from datetime import datetime

from tests.support.sandbox_api import Api


def test_a_user_has_the_time_of_his_last_change_and_the_apps_he_may_use(api: Api) -> None:
    user = api.data("/v1/users")[0]
    datetime.strptime(user["modified"], "%Y-%m-%d %H:%M:%S")
    assert [access["app"] for access in user["access"]] == ["sales", "global", "account_settings"]
