"""Settings that a sandbox is started with."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox


@pytest.mark.parametrize(
    ("setting", "reason"),
    [
        ({"v1_sets": "tuple"}, "v1_sets='tuple' is not one of text, list."),
        ({"custom_fields": 3}, "custom_fields=3 is too few: give 16 or more."),
    ],
)
def test_a_setting_that_there_is_not_is_refused(setting: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        Sandbox(**setting)
