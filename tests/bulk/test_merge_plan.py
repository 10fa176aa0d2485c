"""Who stays in a group, what is written before, and what would be lost."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import MergeJob
from airflow_provider_pipedrive.bulk.merge_plan import GroupPlan, plan_group
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.fields import FieldBook


@pytest.fixture
def book(client: PipedriveClient) -> Iterator[FieldBook]:
    return FieldBook(client, "persons", "updatePerson", Directory(client))


def person(identity: int, **more: Any) -> dict[str, Any]:
    return {
        "id": identity,
        "name": "Zoltan",
        "owner_id": 1,
        "visible_to": 3,
        "add_time": f"2026-01-0{identity}",
        **more,
    }


def entry(value: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "primary": True, "label": "work", **more}


def planned(book: FieldBook, *records: dict[str, Any], chosen: int | None = None, **job: Any) -> GroupPlan:
    plan = plan_group(MergeJob("persons", **job), book, records, chosen, lambda identity: frozenset())
    assert isinstance(plan, GroupPlan), plan
    return plan


@pytest.mark.parametrize(
    ("survivor", "chosen", "stays"),
    [("oldest", None, 1), ("most_complete", None, 2), ("most_deals", None, 3), ("oldest", 3, 3)],
)
def test_the_survivor_is_the_one_that_was_chosen_or_that_the_rule_says(
    book: FieldBook, survivor: str, chosen: int | None, stays: int
) -> None:
    records = [
        person(2, org_id=7, emails=[entry("z@x.example")], open_deals_count=1),
        person(1),
        person(3, open_deals_count=1, closed_deals_count=4),
    ]

    plan = planned(book, *records, survivor=survivor, chosen=chosen)

    assert plan.survivor["id"] == stays
    assert [record["id"] for record in plan.losers] == [number for number in (1, 2, 3) if number != stays]


def test_addresses_numbers_and_labels_of_all_are_written_to_the_survivor_before(book: FieldBook) -> None:
    plan = planned(
        book,
        person(1, emails=[entry("a@x.example")], phones=[entry("1")], label_ids=[1]),
        person(2, emails=[entry("A@x.example"), entry("b@x.example")], label_ids=[2]),
    )

    assert plan.written == {
        "emails": [entry("a@x.example"), entry("b@x.example", primary=False)],
        "label_ids": [1, 2],
    }
    assert plan.lost == {}


def test_what_the_survivor_does_not_have_is_left_to_pipedrive_which_fills_it(book: FieldBook) -> None:
    plan = planned(book, person(1), person(2, org_id=7, phones=[entry("1")]))

    assert (plan.written, plan.lost) == ({}, {})


def test_a_value_that_the_survivor_has_otherwise_is_lost_and_is_said_to_be(book: FieldBook) -> None:
    plan = planned(book, person(1, org_id=7), person(2, org_id=8, name="Z. Quast"))

    assert plan.written == {}
    assert set(plan.lost) == {str(book.find("org_id")), str(book.find("name"))}


@pytest.mark.parametrize(
    ("kept", "other", "lost"), [("Ann Marie", "Ann", []), ("Joann", "ann", ["ann"]), ("Quast1", "Quast", ["Quast"])]
)
def test_a_text_is_kept_where_its_words_are_in_what_stays(
    book: FieldBook, kept: str, other: str, lost: list[str]
) -> None:
    plan = planned(book, person(1, name=kept), person(2, name=other))

    assert list(plan.lost.values()) == ([lost] if lost else [])


def test_a_rule_for_a_field_saves_what_would_be_lost(book: FieldBook) -> None:
    plan = planned(
        book,
        person(1, org_id=7, name="Zoltan", update_time="2026-01-05"),
        person(2, org_id=8, name="Zoltan Quast", update_time="2026-02-05"),
        fields={"organization": "newest", "name": "all"},
    )

    assert plan.written == {"org_id": 8, "name": "Zoltan\nZoltan Quast"}


def test_the_largest_number_is_kept_where_that_is_the_rule() -> None:
    from airflow_provider_pipedrive.bulk.merge_plan import _size

    assert max([9, 10.5, {"value": 10}], key=_size) == 10.5
    assert max(["2026-01-31", "2025-12-31"], key=_size) == "2026-01-31"


@pytest.mark.parametrize(
    ("records", "chosen", "why"),
    [
        ([person(1)], None, "fewer than two of its records are left"),
        ([person(1), person(2)], 9, "the record that is to stay, 9, is gone"),
        ([person(1), person(2, visible_to=1)], None, "1 and 2 differ in visibility (3 and 1)"),
        ([person(1), person(2, owner_id=5)], None, "not everybody who may see one of its records may see the others"),
    ],
)
def test_a_group_that_is_not_to_be_merged_is_set_aside_with_the_reason(
    book: FieldBook, records: list[dict[str, Any]], chosen: int | None, why: str
) -> None:
    watchers = {1: frozenset({1, 2}), 2: frozenset({2, 5})}

    assert plan_group(MergeJob("persons"), book, records, chosen, watchers.__getitem__) == why
