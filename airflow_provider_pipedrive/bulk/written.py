"""Which states of which records a run has written: how others tell a run's own echo from what people have done."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.bulk.journal import from_json
from airflow_provider_pipedrive.bulk.mirror import past_journal_in
from airflow_provider_pipedrive.client.times import read_time, write_time

State = tuple[str, str, str]
"""Entity, id and ``update_time`` of a record, as :attr:`airflow_provider_pipedrive.assets.Change.state` has them."""


def written_states(folder: Any) -> frozenset[State]:
    """The states that the run of a folder has left records in, as far as Pipedrive's answers have said.

    A change whose ``state`` is among them is the run's own: ``change.state in written_states(folder)``. Pipedrive's
    times are whole seconds: somebody else's edit in the same second is the same state. Removals have no state.

    :raises PipedriveParameterError: there is no run in the folder, or one that is not over
    """
    journal = past_journal_in(folder)
    try:
        done = journal.each("SELECT entity, id, note FROM operations WHERE state = 'done' AND note IS NOT NULL")
        answers = [(entity, from_json(identity), read_time(note)) for entity, identity, note in done]
    finally:
        journal.close()
    return frozenset(
        (entity, str(identity), write_time(time)) for entity, identity, time in answers if time is not None
    )
