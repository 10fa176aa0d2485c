"""Which rows of a part something newer has taken the place of."""

from __future__ import annotations

from airflow_provider_pipedrive.extraction.output.part_writer import Part
from airflow_provider_pipedrive.extraction.output.parts import FinishedPart
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome, catch_up_stream


def part(stream: str, *ids: int) -> FinishedPart:
    return FinishedPart("a", stream, [0], Part(len(ids), 1, ""), {}, ids)


def test_nothing_is_dropped_where_nothing_happened_meanwhile() -> None:
    assert list(ReadOutcome("windows", {}).dropped(part("id:0:asc", 1, 2))) == []


def test_what_a_pass_read_again_or_found_removed_is_dropped_from_the_parts_before_it() -> None:
    outcome = ReadOutcome("windows", {}, rank={2: 1, 3: 2}, removed={4: None})
    assert list(outcome.dropped(part("id:0:asc", 1, 2, 3, 4))) == [1, 2, 3]
    assert list(outcome.dropped(part(catch_up_stream(1), 2, 3))) == [1]
    assert list(outcome.dropped(part(catch_up_stream(2), 3))) == []


def test_of_two_states_in_one_pass_the_last_stays() -> None:
    assert list(ReadOutcome("windows", {}, rank={2: 1, 5: 1}).dropped(part(catch_up_stream(1), 2, 5, 2))) == [0]
