"""Proof that windows of last updates have brought a whole list: a record without ``update_time`` is in none of them."""

from __future__ import annotations

from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog import ACTIONS, Entity
from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.extraction.reading.ids import Ids
from airflow_provider_pipedrive.extraction.reading.ranges import PAGE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow_provider_pipedrive.extraction.reading.catch_up import CatchUp
    from airflow_provider_pipedrive.extraction.reading.entity_read import EntityRead
    from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
    from airflow_provider_pipedrive.extraction.reading.range_reader import RangeReader

_ROUNDS = 3  # of catching up, until the count agrees


def is_counted(reading: EntityRead) -> bool:
    """Whether Pipedrive says how many records the list has: it does for whole lists only."""
    return reading.entity.counted_by is not None and not reading.parameters


def count_records(reading: EntityRead) -> int:
    """How many records Pipedrive says there are.

    :raises PipedriveResponseError: it does not say so
    """
    action = ACTIONS[str(reading.entity.counted_by)]
    data = reading.pool.client.run(action.key)
    reading.stats.tokens += action.token_cost
    found = (data or {}).get("total_count")
    if type(found) is not int:
        raise PipedriveResponseError(f"{action.key}: no total_count came.", action=action.key)
    return found


def read_and_count(reading: EntityRead, reader: RangeReader, catch_up: CatchUp) -> int | None:
    """Read the windows, and see meanwhile whether the account is at rest: then nothing has to be asked afterwards.

    Where nothing was updated, archived or deleted from before the walk until a moment near its end, the count that
    Pipedrive gave in between holds for that moment. All that the windows bring was there at that moment, even what
    they bring later, since they end before the walk. So they have brought everything if they bring as many.

    :returns: the count, None where the account was not at rest
    """
    count = reading.pool.submit(partial(count_records, reading))
    looks: list[Future[bool]] = []

    def look() -> None:
        looks.extend(
            reading.pool.submit(partial(_is_empty_after, count, reading, entity, parameters))
            for entity, parameters in catch_up.lists
        )

    reader.run(at_last=look)
    return count.result() if looks and all(empty.result() for empty in looks) else None


def _is_empty_after(earlier: Future[int], reading: EntityRead, entity: Entity, parameters: Mapping[str, Any]) -> bool:
    # A look made before the count would not see what changed between the two.
    earlier.result()
    return not any(len(page) for page in reading.pages(parameters, entity))


def prove(
    reading: EntityRead, outcome: ReadOutcome, catch_up: CatchUp, highest: int, count_at_rest: int | None
) -> dict[str, Any] | None:
    """Show that windows brought everything, or bring what they can't.

    :param highest: the greatest id when the walk began
    :param count_at_rest: as :func:`read_and_count` found it
    :returns: why the list is whole; None where records are missing that cannot be asked for cheaply
    """
    counted = is_counted(reading)
    counter = partial(count_records, reading) if counted else None
    if count_at_rest is not None and count_at_rest == _present(reading, outcome).count:
        return {"kind": "count", "records": count_at_rest}
    for number in range(1, _ROUNDS + 1):
        # Without the archived ones, a count would agree where one was archived and another is missing.
        count = catch_up.read(number, archived=True, count=counter)
        have = _present(reading, outcome)
        if counted and count == have.count:
            return {"kind": "count", "records": count}
        missing = have.missing(highest)
        if len(missing) / 100 <= have.count / PAGE and (not counted or count > have.count or number == _ROUNDS):
            catch_up.read_by_ids(number, missing)
            present = _present(reading, outcome).count
            if not counted or count == present or (number == _ROUNDS and count < present):
                catch_up.read_created(_ROUNDS + 1, highest)
                return {"kind": "ids", "asked": len(missing)}
        elif not counted or (number > 1 and count > have.count):
            break
    return None


def _present(reading: EntityRead, outcome: ReadOutcome) -> Ids:
    have = Ids()
    for part in reading.sink.finished:
        have.add(part.ids)
    have.remove(outcome.removed)
    return have
