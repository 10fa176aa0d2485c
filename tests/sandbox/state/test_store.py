"""Tables, their indexes, and what is remembered of their changes."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox.state.clock import Clock
from airflow_provider_pipedrive.sandbox.state.settings import Settings
from airflow_provider_pipedrive.sandbox.state.store import Actor, Event, State

ACTOR = Actor(7, "request-1")
ADA = {"id": 1, "name": "Ada", "org_id": 5, "update_time": None}
BEN = {"id": 2, "name": "Ben", "org_id": 6, "update_time": None}


@pytest.fixture
def state() -> State:
    return State({"persons": {1: ADA, 2: BEN}, "changes": {}, "leads": {}}, Clock(), Settings())


def names(state: State, org_id: int) -> list[str]:
    return [row["name"] for row in state["persons"].where("org_id", org_id)]


def test_an_index_follows_every_change(state: State) -> None:
    assert names(state, 5) == ["Ada"]
    state.update("persons", 2, {"org_id": 5}, ACTOR)
    assert (names(state, 5), names(state, 6)) == (["Ada", "Ben"], [])
    state.remove("persons", 1, ACTOR)
    state.insert("persons", {"name": "Cid", "org_id": 5}, ACTOR)
    assert names(state, 5) == ["Ben", "Cid"]


def test_a_reset_brings_back_records_ids_and_indexes(state: State) -> None:
    state.update("persons", 1, {"org_id": 6}, ACTOR)
    state.insert("persons", {"name": "Cid"}, ACTOR)
    state.reset()
    assert state["persons"].records == {1: ADA, 2: BEN}
    assert names(state, 6) == ["Ben"]
    assert state.insert("persons", {"name": "Dan"}, ACTOR)["id"] == 3


def test_an_id_is_not_given_twice_even_if_its_record_is_gone(state: State) -> None:
    state.remove("persons", 2, ACTOR)
    assert state.insert("persons", {"name": "Cid"}, ACTOR)["id"] == 3


def test_ids_of_leads_are_uuids_and_the_same_in_every_run(state: State) -> None:
    first, second = (state.insert("leads", {"title": "x"}, ACTOR)["id"] for _ in range(2))
    assert first != second
    state.reset()
    assert state.insert("leads", {"title": "x"}, ACTOR)["id"] == first


def test_a_change_is_logged_field_by_field_custom_ones_with_their_own_keys(state: State) -> None:
    code = "a" * 40
    state.update("persons", 1, {"name": "Eve", "custom_fields": {code: 5}}, ACTOR)
    logged = [(row["field_key"], row["old_value"], row["new_value"]) for row in state["changes"]]
    assert logged == [("name", "Ada", "Eve"), (code, None, 5)]
    assert state["persons"].records[1]["update_time"] is not None


def test_what_changes_nothing_leaves_no_trace(state: State) -> None:
    heard: list[Event] = []
    state.listeners.append(heard.append)
    assert state.update("persons", 1, {"name": "Ada"}, ACTOR) is ADA
    assert (heard, len(state["changes"])) == ([], 0)


def test_listeners_hear_of_both_sides_of_a_merge(state: State) -> None:
    heard: list[Event] = []
    state.listeners.append(heard.append)
    state.merged("persons", 1, 2, {"org_id": 5}, ACTOR)
    assert [(e.action, e.merged_to, e.merged_from) for e in heard] == [("delete", 2, None), ("change", None, 1)]
    assert [(table, key) for table, key, _ in state.removed] == [("persons", 1)]


def test_a_serialised_record_holds_until_the_record_changes(state: State) -> None:
    viewed: list[int] = []

    def view(record: dict[str, Any]) -> dict[str, Any]:
        viewed.append(record["id"])
        return {"name": record["name"]}

    assert state.encode("persons", state["persons"], view) == b'[{"name":"Ada"},{"name":"Ben"}]'
    state.update("persons", 1, {"name": "Eve"}, ACTOR)
    assert state.encode("persons", state["persons"], view) == b'[{"name":"Eve"},{"name":"Ben"}]'
    assert viewed == [1, 2, 1]
