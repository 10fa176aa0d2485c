"""Arguments that are switches."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.client.switches import check_switches
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize("given", ["no", "False", 0, 1, None, {}, {"a": 1}])
def test_what_is_neither_true_nor_false_is_refused(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="^sweep must be True or False, not "):
        check_switches(SimpleNamespace(deletes=True, sweep=given), "deletes", "sweep")


def test_true_and_false_are_switches() -> None:
    check_switches(SimpleNamespace(deletes=True, sweep=False), "deletes", "sweep")
