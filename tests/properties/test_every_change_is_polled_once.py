"""Every change is polled once: watchers walk by turns, edits are seen late, clocks differ, processes are killed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.events.changes.model import CREATED, Change
from airflow_provider_pipedrive.events.changes.reading import MARGIN, ChangeReader, WatchRequest, closed
from airflow_provider_pipedrive.events.changes.watch import LOOKBACK, Position, change_watch
from tests.support.company_in_memory import BEGIN

LATE = int(LOOKBACK.total_seconds())
"""Seconds after which an edit is seen at the latest."""
OFF = 3
"""Seconds by which Pipedrive's clock is taken for another time than it is."""
CLOSED = int(MARGIN.total_seconds()) + 1
"""Seconds after which a second is over for all that read."""
WATCHERS = 2


class Deals:
    """A list of deals in Pipedrive's place: of each deal it shows the last state that is seen already.

    :ivar states: of all deals, in the order of their edits, each with the second at which it is seen
    """

    server_ahead = 0.0

    def __init__(self) -> None:
        self.now = BEGIN
        self.states: list[tuple[int, dict[str, Any]]] = []

    def edit(self, deal: int, late: int) -> None:
        """Edit a deal, or make it."""
        text = write_time(moment(self.now))
        made = next((state["add_time"] for _, state in self.states if state["id"] == deal), text)
        state = {"id": deal, "title": f"Edit {len(self.states)}", "update_time": text, "add_time": made}
        self.states.append((self.now + late, state))

    @property
    def seen(self) -> dict[int, dict[str, Any]]:
        return {state["id"]: state for seen_at, state in self.states if seen_at <= self.now}

    def iterate(self, action: str, parameters: Mapping[str, Any]) -> Iterator[Any]:
        assert (action, parameters["sort_by"]) == ("getDeals", "update_time")
        since = parameters["updated_since"]
        listed = [state for state in self.seen.values() if datetime.fromisoformat(state["update_time"]) >= since]
        yield from sorted(listed, key=lambda state: str(state["update_time"]))


class Edit(NamedTuple):
    """An edit of a deal, which is seen so many seconds later."""

    deal: int
    late: int


class Walk(NamedTuple):
    """One walk for some of the watchers, so many seconds later.

    :ivar off: seconds by which Pipedrive's clock is taken for another time than it is
    :ivar killed: whether the process is killed meanwhile, and reports nothing
    """

    seconds: int
    watchers: frozenset[int] = frozenset(range(WATCHERS))
    off: int = 0
    killed: bool = False


STEPS = st.one_of(
    st.builds(Edit, deal=st.integers(1, 3), late=st.sampled_from([0, CLOSED, LATE])),
    st.builds(
        Walk,
        seconds=st.sampled_from([1, CLOSED, LATE, 300]),
        watchers=st.sets(st.integers(0, WATCHERS - 1), min_size=1).map(frozenset),
        off=st.integers(-OFF, OFF),
        killed=st.booleans(),
    ),
)


class Polled:
    """Watchers of a list that others edit.

    :ivar found: what each of them has reported
    """

    def __init__(self) -> None:
        self.deals = Deals()
        self.found: list[list[Change]] = [[] for _ in range(WATCHERS)]
        self._reader = ChangeReader(self.deals, "deals")  # type: ignore[arg-type]
        self._positions = [Position.start(moment(BEGIN)).to_json() for _ in range(WATCHERS)]

    def do(self, step: Edit | Walk) -> None:
        if isinstance(step, Walk):
            self.walk(step)
        else:  # two edits of one second could not be told apart once the first is reported
            self.deals.now += 1
            self.deals.edit(step.deal, step.late)

    def walk(self, walk: Walk) -> None:
        self.deals.now += walk.seconds
        watchers = sorted(walk.watchers)
        requests = [WatchRequest(change_watch("deals"), Position.from_json(self._positions[each])) for each in watchers]
        emitted: list[tuple[int, Change]] = []
        until = closed(moment(self.deals.now + walk.off))
        walked = self._reader.walk(requests, lambda number, change: emitted.append((watchers[number], change)), until)
        if walk.killed:
            return
        for watcher, change in emitted:
            self.found[watcher].append(change)
        for watcher, request in zip(watchers, requests, strict=True):
            position = request.position.after(walked.until, walked.seen)
            self._positions[watcher] = json.loads(json.dumps(position.to_json()))


@given(steps=st.lists(STEPS, min_size=10, max_size=40))
def test_each_watcher_reports_every_creation_and_every_last_state_once(steps: list[Edit | Walk]) -> None:
    polled = Polled()
    for step in steps:
        polled.do(step)
    polled.walk(Walk(LATE + OFF))
    last = {deal: (state["update_time"], state["title"]) for deal, state in polled.deals.seen.items()}
    for found in polled.found:
        assert sorted(change.id for change in found if CREATED in change.kinds) == sorted(last)
        assert len({change.event_id for change in found}) == len(found)
        assert {change.id: (change.update_time, change.values["title"]) for change in found} == last


def moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
