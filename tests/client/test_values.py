"""One value, brought exactly into the type that a parameter declares."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from airflow_provider_pipedrive.catalog.model import Parameter, body, query
from airflow_provider_pipedrive.client.values import InvalidValue, convert

HELSINKI = timezone(timedelta(hours=2))
NOON = datetime(2026, 1, 31, 12, 0, 0, 999_999, tzinfo=UTC)


@pytest.mark.parametrize(
    ("declared", "given", "sent"),
    [
        ("integer", 5, 5),
        ("integer", "5", 5),
        ("integer", " 5 ", 5),
        ("integer", "-5", -5),
        ("integer", 5.0, 5),
        ("integer", Decimal("5.00"), 5),
        ("integer", "5.0", 5),  # as a table with gaps writes an id
        ("integer", "123456789012345678901234567890", 123456789012345678901234567890),
        ("number", "12.5", 12.5),
        ("number", "12", 12),
        ("number", Decimal("0.1"), 0.1),
        ("number", Decimal(12), 12),
        ("number", 10**30, 10**30),
        ("boolean", "true", True),
        ("boolean", "False", False),
        ("boolean", 1, True),
        ("boolean", "0", False),
        ("boolean", 1.0, True),
        ("boolean", "0.0", False),
        ("flag", True, 1),
        ("flag", "0", 0),
        ("string", "text", "text"),
        ("string", 5, "5"),
        ("string", 10**400, "1" + "0" * 400),
        ("string", date(2026, 1, 31), "2026-01-31"),
        ("date", "2026-01-31", "2026-01-31"),
        ("date", date(2026, 1, 31), "2026-01-31"),
        ("date", datetime(2026, 1, 31, 1, 0, tzinfo=HELSINKI), "2026-01-31"),
        ("date", "2026-01-31T01:00:00+02:00", "2026-01-31"),
        ("time", "09:30", "09:30"),
        ("time", time(9, 30), "09:30"),
        ("time", time(9, 30, 5), "09:30:05"),
        ("time", time(9, 30, tzinfo=UTC), "09:30"),
        ("time", "9:30", "09:30"),
        ("time", timedelta(hours=9, seconds=5), "09:00:05"),
        ("time", timedelta(hours=100), "100:00"),
        ("string", UUID(int=5), "00000000-0000-0000-0000-000000000005"),
        ("object", {"a": 1}, {"a": 1}),
        ("object", '{"a": 1}', {"a": 1}),
        (
            "object",
            {"when": NOON, "much": Decimal("0.5"), "of": (1, 2)},
            {"when": "2026-01-31T12:00:00Z", "much": 0.5, "of": [1, 2]},
        ),
        ("any", {"day": date(2026, 1, 31)}, {"day": "2026-01-31"}),
        ("any", {"time": timedelta(hours=9, minutes=5)}, {"time": "09:05"}),
        ("any", None, None),
    ],
)
def test_a_value_that_says_exactly_what_is_meant_is_taken(declared: Any, given: Any, sent: Any) -> None:
    converted = convert(body("x", declared), given, "v2")
    assert (converted, type(converted)) == (sent, type(sent))


def test_values_of_numpy_are_taken_as_pythons() -> None:
    numpy = pytest.importorskip("numpy")
    given = {
        "integer": numpy.int64(5),
        "boolean": numpy.bool_(True),
        "date": numpy.datetime64("2026-01-31"),
        "object": {"a": numpy.array([1, 2])},
    }

    found = {kind: convert(body("x", kind), value, "v2") for kind, value in given.items()}  # type: ignore[arg-type]

    assert found == {"integer": 5, "boolean": True, "date": "2026-01-31", "object": {"a": [1, 2]}}
    assert convert(body("x", "array", items="integer"), numpy.array([1, 2]), "v2") == [1, 2]
    assert type(found["boolean"]) is bool


@pytest.mark.parametrize(
    ("declared", "given", "why"),
    [
        ("integer", "many", "a whole number, not 'many' (str)"),
        ("integer", True, "a whole number, not True (bool)"),
        ("integer", 5.5, "a whole number, not 5.5 (float)"),
        ("integer", Decimal("5.5"), "a whole number"),
        ("integer", "5.5", "a whole number, not '5.5' (str)"),
        ("integer", "5.", "a whole number"),
        ("integer", Decimal("NaN"), "a whole number"),
        ("integer", float("inf"), "a whole number"),
        ("integer", "٥", "a whole number"),
        ("integer", "1_000", "a whole number"),
        ("integer", "9" * 5000, "a whole number"),
        ("number", "NaN", "a number"),
        ("number", float("inf"), "a number"),
        ("number", True, "a number"),
        ("number", "1_000.5", "a number"),
        ("number", Decimal("0.12345678901234567890"), "a number"),
        ("number", "1e999", "a number"),
        ("boolean", "yes", "true or false"),
        ("boolean", 2, "true or false"),
        ("boolean", 0.5, "true or false"),
        ("boolean", float("nan"), "true or false"),
        ("string", True, "text"),
        ("string", None, "text"),
        ("string", float("nan"), "text"),
        ("string", ["a"], "text"),
        ("date", "31.01.2026", "a date (YYYY-MM-DD)"),
        ("date", "2026-02-30", "a date (YYYY-MM-DD)"),
        ("date", datetime(2026, 1, 31), "a date (YYYY-MM-DD), or a datetime with a zone"),
        ("datetime", datetime(2026, 1, 31, 12), "a time with a zone"),
        ("datetime", "2026-01-31T12:00:00", "a time with a zone"),
        ("datetime", "2026-01-31", "a time such as 2026-01-31T12:00:00Z"),
        ("datetime", datetime.max.replace(tzinfo=timezone(-timedelta(hours=5))), "a time between the years 1 and 9999"),
        ("time", "noon", "HH:MM or HH:MM:SS (a time of day is in UTC)"),
        ("time", time(9, 30, tzinfo=HELSINKI), "HH:MM or HH:MM:SS (a time of day is in UTC)"),
        ("object", "text", "an object (a dict)"),
        ("object", [1], "an object (a dict)"),
        ("object", "[" * 100_000, "an object (a dict)"),
        ("object", {"a": float("nan")}, "made of JSON's types"),
        ("object", {"a": {"b": b"bytes"}}, "made of JSON's types"),
        ("object", {"when": datetime(2026, 1, 31)}, "a time with a zone"),
    ],
)
def test_a_value_that_does_not_is_refused_with_the_reason(declared: Any, given: Any, why: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        convert(body("x", declared), given, "v2")
    assert str(refused.value).startswith(why)


@pytest.mark.parametrize(
    ("version", "given", "sent"),
    [
        ("v2", NOON, "2026-01-31T12:00:00Z"),
        ("v2", datetime(2026, 1, 31, 14, tzinfo=HELSINKI), "2026-01-31T12:00:00Z"),
        ("v2", "2026-01-31T12:00:00Z", "2026-01-31T12:00:00Z"),
        ("v2", "2026-01-31T12:00:00.999Z", "2026-01-31T12:00:00Z"),
        ("v2", "2026-01-31 14:00:00+02:00", "2026-01-31T12:00:00Z"),
        ("v1", NOON, "2026-01-31 12:00:00"),
        ("v1", datetime(2026, 1, 31, 14, tzinfo=HELSINKI), "2026-01-31 12:00:00"),
        ("v1", "2026-01-31T14:00:00+02:00", "2026-01-31 12:00:00"),
        ("v1", "2026-01-31 12:00:00", "2026-01-31 12:00:00"),  # v1's own form, UTC by definition
        ("v2", "2026-01-31 12:00:00", "2026-01-31T12:00:00Z"),  # so a time that v1 answered can be handed on to v2
    ],
)
def test_a_time_goes_out_in_the_exact_form_of_its_version(version: Any, given: Any, sent: str) -> None:
    assert convert(query("x", "datetime"), given, version) == sent


IDS = query("ids", "array", items="integer", max_items=3)
NAMES = query("names", "array", items="string", enum=("open", "won"))
OBJECTS = body("objects", "array", items="object")


@pytest.mark.parametrize(
    ("parameter", "given", "sent"),
    [
        (IDS, [1, "2"], [1, 2]),
        (IDS, (1, 2), [1, 2]),
        (IDS, {2, 1}, [1, 2]),
        (IDS, "1, 2", [1, 2]),
        (IDS, "[1, 2]", [1, 2]),
        (IDS, 1, [1]),
        (IDS, (number for number in (1, 2)), [1, 2]),
        (NAMES, "open,won", ["open", "won"]),
        (OBJECTS, {"value": "a"}, [{"value": "a"}]),
        (OBJECTS, '[{"value": "a"}]', [{"value": "a"}]),
        (OBJECTS, [], []),
    ],
)
def test_whatever_means_a_list_becomes_one(parameter: Parameter, given: Any, sent: list[Any]) -> None:
    assert convert(parameter, given, "v2") == sent


@pytest.mark.parametrize(
    ("parameter", "given", "why"),
    [
        (IDS, [1, 2, 3, 4], "a list of at most 3 elements, not 4: call once per batch"),
        (IDS, [], "a list with at least one element"),
        (IDS, [None], "a whole number"),
        (IDS, [True], "a whole number"),
        (IDS, b"1", "a list"),
        (IDS, {"a": 1}, "a list"),
        (NAMES, "opne", "one of open, won, not 'opne' (str) (did you mean 'open'?)"),
        (OBJECTS, "text", "a list"),
    ],
)
def test_a_list_that_does_not_fit_is_refused_with_the_reason(parameter: Parameter, given: Any, why: str) -> None:
    with pytest.raises(InvalidValue) as refused:
        convert(parameter, given, "v2")
    assert str(refused.value).startswith(why)
