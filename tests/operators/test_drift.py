"""A task that holds back what comes after it, until somebody has looked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest
from airflow.providers.common.compat.sdk import AirflowFailException

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.operators.drift import PipedriveDriftOperator
from airflow_provider_pipedrive.sandbox import Sandbox

Look = Callable[..., dict[str, Any]]


@pytest.fixture
def reported() -> list[dict[str, Any]]:
    return []


@pytest.fixture
def look(sandbox: Sandbox, tmp_path: Path, reported: list[dict[str, Any]]) -> Look:
    """Look at the account as a task of that run."""

    def run(name: str, try_number: int = 1, **arguments: Any) -> dict[str, Any]:
        events = MagicMock()
        events.__getitem__.return_value.add = lambda asset, extra: reported.append(extra)
        context: Any = {"run_id": name, "ti": MagicMock(try_number=try_number), "outlet_events": events}
        return PipedriveDriftOperator(task_id="drift", path=tmp_path / "seen", **arguments).execute(context)

    return run


def make_field(name: str) -> str:
    return str(PipedriveHook().run("addDealField", {"field_name": name, "field_type": "double"})["field_code"])


def test_the_first_look_only_remembers_and_later_ones_report_what_is_new(
    look: Look, reported: list[dict[str, Any]]
) -> None:
    assert look("monday") == {"differences": [], "breaking": [], "first": True}
    make_field("Weather")
    sentence = "The field 'Weather' of deals is new."
    assert look("tuesday") == {"differences": [sentence], "breaking": [], "first": False}
    assert look("wednesday")["differences"] == []
    assert reported == [{"differences": [sentence]}]


def test_a_breaking_difference_holds_every_run_back_until_somebody_clears_the_task_that_found_it(
    look: Look, reported: list[dict[str, Any]]
) -> None:
    code = make_field("Weather")
    look("monday")
    PipedriveHook().run("deleteDealField", {"field_code": code})
    for name in ("tuesday", "wednesday"):
        with pytest.raises(AirflowFailException, match=r"The field 'Weather' of deals is gone\. .* clear this task"):
            look(name)
    assert reported == []
    assert look("tuesday", try_number=2)["differences"] == ["The field 'Weather' of deals is gone."]
    assert len(reported) == 1
    assert look("thursday")["differences"] == []


def test_without_hold_a_breaking_difference_is_reported_and_nothing_waits(
    look: Look, reported: list[dict[str, Any]]
) -> None:
    code = make_field("Weather")
    look("monday", hold=False)
    PipedriveHook().run("deleteDealField", {"field_code": code})
    assert look("tuesday", hold=False)["breaking"] == ["The field 'Weather' of deals is gone."]
    assert len(reported) == 1
