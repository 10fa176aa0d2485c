"""Which states of which records a run has written: how others tell a run's own echo from what people have done."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.bulk.journal import FILE, from_json
from airflow_provider_pipedrive.bulk.mirror import journal_in
from airflow_provider_pipedrive.client.times import read_time, write_time
from airflow_provider_pipedrive.errors import PipedriveParameterError

State = tuple[str, str, str]
"""Entity, id and ``update_time`` of a record, as :attr:`airflow_provider_pipedrive.assets.Change.state` has them."""


def written_states(folder: Any) -> frozenset[State]:
    """The states that the run of a folder has left records in, as far as Pipedrive's answers have said.

    A change whose ``state`` is among them is the run's own: ``change.state in written_states(folder)``. Pipedrive's
    times are whole seconds: somebody else's edit in the same second is the same state. Removals have no state.

    :raises PipedriveParameterError: there is no run in the folder, or one that is not over
    """
    place = Path(folder) if isinstance(folder, str) else folder
    if not (place / FILE).exists():
        raise PipedriveParameterError(f"{folder} has no bulk run: there is no {FILE} in it.")
    journal = journal_in(place)
    try:
        done = journal.each("SELECT entity, id, note FROM operations WHERE state = 'done' AND note IS NOT NULL")
        answers = [(entity, from_json(identity), read_time(note)) for entity, identity, note in done]
    finally:
        journal.close()
    return frozenset(
        (entity, str(identity), write_time(time)) for entity, identity, time in answers if time is not None
    )
