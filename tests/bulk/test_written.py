"""A run's own echo is told from what people have done."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, write, written_states
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.model import Change
from airflow_provider_pipedrive.events.changes.reading import ChangeReader, WatchRequest, closed
from airflow_provider_pipedrive.events.changes.watch import Position, change_watch
from airflow_provider_pipedrive.sandbox import Sandbox


def test_a_polled_change_that_a_run_made_is_among_the_states_that_it_wrote(
    client: PipedriveClient, sandbox: Sandbox, tmp_path: Path
) -> None:
    sandbox.advance(3600)
    reader = ChangeReader(client, "persons")
    start = Position.start(closed(reader.now()))
    edited, other = sorted(sandbox.records("persons"))[:2]
    rows = [{"id": edited, "name": "By the run"}, {"name": "New by the run"}]
    write(client, rows[:1], BulkJob("persons", mode="update", match_on="id"), folder=tmp_path / "update")
    write(client, rows[1:], BulkJob("persons", mode="create"), folder=tmp_path / "create")
    sandbox.update("persons", other, name="By somebody")
    sandbox.advance(6)

    changes: list[Change] = []
    reader.walk([WatchRequest(change_watch("persons"), start)], lambda _, change: changes.append(change))
    written = written_states(tmp_path / "update") | written_states(str(tmp_path / "create"))
    assert len(changes) == 3
    assert [change.id for change in changes if change.state not in written] == [other]


def test_a_folder_without_a_run_is_refused(tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match="does not hold a bulk run"):
        written_states(tmp_path)
