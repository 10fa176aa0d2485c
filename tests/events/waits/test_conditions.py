"""Conditions on a record."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.conditions import Condition, conditions, fault_of

DEAL = {
    "status": "won",
    "value": 1200,
    "is_archived": False,
    "label_ids": [3, 7],
    "person_id": None,
    "title": "Ada's engine",
    "won_time": "2026-05-04T10:20:30Z",
    "custom_fields": {"abc": {"value": 5}},
    "emails": [{"value": "ada@example.com"}],
}


@pytest.mark.parametrize(
    "condition",
    [
        ("status", "==", "won"),
        ("status", "!=", "lost"),
        ("value", ">=", 1200),
        ("value", ">=", "1200"),
        ("value", "<", " 1200.5 "),
        ("value", "==", "1200"),
        ("value", "in", ["1", "1200"]),
        ("is_archived", "==", "False"),
        ("is_archived", "!=", "true"),
        ("value", "<", 1200.5),
        ("status", "in", ["won", "lost"]),
        ("status", "not in", ("open",)),
        ("label_ids", "contains", 7),
        ("title", "contains", "engine"),
        ("title", "matches", "^Ada.s"),
        ("won_time", "is set"),
        ("person_id", "is empty"),
        ("no_such_field", "is empty"),
        ("custom_fields.abc.value", "==", 5),
        ("emails.0.value", "==", "ada@example.com"),
        ("won_time", ">", "2026-05-04T12:20:29+02:00"),
        ("won_time", "<=", datetime(2026, 5, 4, 10, 20, 30, tzinfo=UTC)),
        ("won_time", ">", date(2026, 5, 4)),
        ("value", ">=", Decimal(1200)),
        ("value", "in", {Decimal("1200.0"), Decimal(7)}),
    ],
)
def test_it_holds(condition: Any) -> None:
    (read,) = conditions("success", condition)
    assert read.holds(DEAL)


def test_a_value_of_any_type_that_tables_have_can_be_written_down_for_a_trigger() -> None:
    numpy = pytest.importorskip("numpy")
    given = [numpy.int64(5), Decimal("0.5"), date(2026, 5, 4), datetime(2026, 5, 4, tzinfo=UTC), (1, 2)]

    read = conditions("success", [("value", "==", value) for value in given])

    assert [json.loads(json.dumps(each.value)) for each in read] == [
        5, 0.5, "2026-05-04", "2026-05-04T00:00:00+00:00", [1, 2],
    ]  # fmt: skip


@pytest.mark.parametrize(
    "condition",
    [
        ("status", "==", "open"),
        ("person_id", ">", 5),
        ("value", ">", "1200"),
        ("value", ">", "many"),
        ("value", ">", "nan"),
        ("is_archived", "==", "0"),
        ("title", "matches", "^engine"),
        ("status", "is empty"),
        ("emails.5.value", "is set"),
        ("title.deeper", "is set"),
        ("won_time", "<", "2026-05-04T12:20:30+02:00"),
    ],
)
def test_it_does_not_hold(condition: Any) -> None:
    (read,) = conditions("success", condition)
    assert not read.holds(DEAL)


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        ("status == won", r"must be a condition such as \('status', '==', 'won'\)"),
        ({"status": "won"}, "must be a condition such as"),
        ([("status", "won")], "'won' is not a valid operator"),
        ([("status", "equals", "won")], "is not a valid operator. Operators are ==, !="),
        ([("status", "contain", "w")], "Did you mean 'contains'"),
        ([("", "==", "won")], "a path is a text"),
        ([("status", "==")], "'==' needs a value"),
        ([("status", "is set", 5)], "'is set' takes no value"),
        ([("status", "in", "won")], "give a list of values"),
        ([("title", "==", b"x")], "title ==: the value must be made of JSON's types"),
        ([("title", "matches", "(")], "this is not a valid regular expression"),
    ],
)
def test_what_cannot_be_read_is_refused_with_advice(given: Any, advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        conditions("success", given)


def test_one_condition_and_a_list_of_them_are_read_alike() -> None:
    assert conditions("success", ("status", "==", "won")) == (Condition("status", "==", "won"),)
    assert conditions("success", [["status", "==", "won"]]) == (Condition("status", "==", "won"),)
    assert conditions("failure", None) == ()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("statuss", "'statuss' leads nowhere: the record has no 'statuss'. Did you mean 'status'?"),
        ("Size", "'Size' leads nowhere: the record has no 'Size'. Custom fields are at custom_fields.<key>."),
        ("custom_fields.abd", "'custom_fields.abd' leads nowhere: custom_fields has no 'abd'. Did you mean 'abc'?"),
        ("emails.value", "'emails.value' leads nowhere: emails is a list. Did you mean 'emails.0.value'?"),
        ("status.name", "'status.name' leads nowhere: status is 'won', which has no parts."),
    ],
)
def test_a_path_that_leads_nowhere_is_explained(path: str, said: str) -> None:
    assert fault_of(path, DEAL) == said


@pytest.mark.parametrize("path", ["status", "person_id", "person_id.name", "emails.5.value", "custom_fields.abc.value"])
def test_a_path_to_something_or_to_what_is_null_or_empty_is_right(path: str) -> None:
    assert fault_of(path, DEAL) == ""
