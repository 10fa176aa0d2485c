"""Lists by offset that others edit while they are read: every record that stays comes, and comes once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from hypothesis import event, given
from hypothesis import strategies as st

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.paging import look_at, walk_pages

NOTES = get_action("getNotes")
MOST = 40
"""Records at the beginning."""


class Deed(NamedTuple):
    """What happens to a list before it answers.

    :ivar what: ``created``, ``edited`` or ``deleted``
    :ivar number: of the record that it happens to, in the list's order
    """

    what: str
    number: int


def deeds(*what: str) -> st.SearchStrategy[list[list[Deed]]]:
    """What happens, by the number of the request, from the second one on; then the list is at rest."""
    deed = st.builds(Deed, st.sampled_from(what), st.integers(0, 2 * MOST))
    return st.lists(st.lists(deed, max_size=3), max_size=12)


HISTORIES = st.one_of(
    st.tuples(st.just(False), deeds("created", "edited", "deleted")),
    st.tuples(st.just(True), deeds("created", "edited")),
)
"""Whether an edit moves a record, and what happens until the last page has come. Where it does, a deletion between the
same two pages would make up for it, and nothing that the list shows could tell; nor is anything sure of a list that
goes on moving while its front is looked at again."""


class Notes:
    """A list of notes in Pipedrive's place.

    :param newest_first: whether new ones come first, or last
    :param by_time: whether an edit moves a note to where new ones come
    :ivar stayed: those of the beginning that are there
    """

    def __init__(self, count: int, *, newest_first: bool, by_time: bool) -> None:
        self.records = [{"id": number, "update_time": "0"} for number in range(count)]
        self.stayed = set(range(count))
        self._newest_first = newest_first
        self._by_time = by_time
        self._given = count
        self._asked = 0
        self._ended = False

    def happen(self, deed: Deed) -> None:
        if deed.what == "created":
            self._put({"id": self._given})
            self._given += 1
        elif self.records:
            at = deed.number % len(self.records)
            record = self.records.pop(at)
            if deed.what == "deleted":
                self.stayed.discard(record["id"])
            elif self._by_time:
                self._put(record)
            else:
                self.records.insert(at, {**record, "update_time": str(self._asked)})

    def _put(self, record: dict[str, Any]) -> None:
        at = 0 if self._newest_first else len(self.records)
        self.records.insert(at, {**record, "update_time": str(self._asked)})

    def read(self, limit: int, happens: list[list[Deed]]) -> Iterator[int]:
        """The ids as a walk brings them."""

        def page(position: dict[str, Any]) -> dict[str, Any]:
            if 0 < self._asked <= len(happens) and not self._ended:
                for deed in happens[self._asked - 1]:
                    self.happen(deed)
            self._asked += 1
            start, size = int(position.get("start", 0)), int(position.get("limit", limit))
            more = start + size < len(self.records)
            self._ended = self._ended or not more
            paging = {"start": start, "limit": size, "more_items_in_collection": more}
            return {"data": self.records[start : start + size] or None, "additional_data": {"pagination": paging}}

        pages = walk_pages(NOTES, limit, page, lambda found: look_at(NOTES, found), by_id=not self._by_time)
        for found, places in pages:
            yield from (found["data"][at]["id"] for at in places)
        event(f"asked {min(self._asked, 20)} times")


@given(
    count=st.integers(0, MOST),
    limit=st.integers(2, 9),
    newest_first=st.booleans(),
    history=HISTORIES,
)
def test_every_record_that_stays_comes_once(
    count: int, limit: int, newest_first: bool, history: tuple[bool, list[list[Deed]]]
) -> None:
    by_time, happens = history
    notes = Notes(count, newest_first=newest_first, by_time=by_time)
    found = [*notes.read(limit, happens)]
    assert len(set(found)) == len(found)
    assert notes.stayed <= set(found)
