"""What drivers say, without the values of rows."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.warehouse.driver_errors import blames_rows, causes, is_permanent, words_of

duckdb = pytest.importorskip("duckdb", reason="the extra warehouse is not installed")


class Error(Exception):
    pass


class OperationalError(Error):
    pass


class DataError(Error):
    pass


class Refused(Error):
    pgcode = "P0001"


class Deadlock(Error):
    pgcode = "40P01"


class NoRight(Error):
    pgcode = "42501"


class TooLong(Error):
    pgcode = "22001"


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (DataError('wrong syntax for type bigint: "Ann Lee"'), "DataError: wrong syntax for type bigint: …"),
        (DataError('column "title" takes no "Ann "title" Lee" here'), 'DataError: column "title" takes no … here'),
        (DataError('column "title": "Ann\nLee"'), 'DataError: column "title": …'),
        (DataError("value 4711 is out of range for INT32"), "DataError: value … is out of range for INT32"),
        (OperationalError(1406, "too long for 'title'"), "OperationalError (1406): too long for 'title'"),
        (OperationalError(1062, "Duplicate entry 'Ann' for key 'x'"), "OperationalError (1062): Duplicate entry …"),
        (Refused("Ann Lee is not allowed"), "Refused (P0001): a trigger of the table has refused it"),
        (OperationalError(1644, "Ann Lee"), "OperationalError (1644): a trigger of the table has refused it"),
        (NoRight("permission denied for table deals"), "NoRight (42501): permission denied for table deals"),
        (OSError(28, "No space left on device"), "OSError: [Errno 28] No space left on device"),
    ],
)
def test_a_value_is_hidden_and_what_is_wrong_is_not(error: Exception, words: str) -> None:
    assert words_of(error, {"title", "deals"}) == words


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT CAST('Ann' AS INTEGER)",
        "SELECT strptime('Ann', '%Y')",
        "SELECT CAST(4711471147114711 AS INTEGER) -- Ann",
        "CREATE TABLE a (id INTEGER PRIMARY KEY, name VARCHAR); INSERT INTO a VALUES (4711, 'Ann'), (4711, 'Ann')",
        "CREATE TABLE a (name VARCHAR CHECK (name <> 'Ann')); INSERT INTO a VALUES ('Ann')",
    ],
)
def test_duckdb_s_own_errors_have_no_value_left_in_them(statement: str) -> None:
    with pytest.raises(duckdb.Error) as caught, duckdb.connect() as connection:
        connection.execute(statement)
    words = words_of(caught.value, {"a", "name"})
    assert "Ann" not in words
    assert "4711" not in words
    assert is_permanent(caught.value)


@pytest.mark.parametrize(
    ("error", "permanent", "of_rows"),
    [
        (Deadlock("deadlock detected"), False, False),
        (NoRight("permission denied"), True, False),
        (TooLong("value too long"), True, True),
        (DataError("no code"), True, True),
        (OperationalError(1142, "SELECT command denied"), True, False),
        (OperationalError(1064, "You have an error in your SQL syntax"), True, False),
        (OperationalError(1213, "Deadlock found"), False, False),
        (OperationalError(2006, "server has gone away"), False, False),
        (OperationalError("connection refused"), None, False),
        (ValueError("not a driver's"), None, False),
    ],
)
def test_what_passes_is_told_from_what_stays(error: Exception, permanent: bool | None, of_rows: bool) -> None:
    assert (is_permanent(error), blames_rows(error)) == (permanent, of_rows)


def test_the_innermost_cause_is_found_wherever_it_is_kept() -> None:
    inner, middle, outer = DataError("inner"), ValueError("middle"), RuntimeError("outer")
    middle.orig = inner  # type: ignore[attr-defined]
    outer.exception = middle  # type: ignore[attr-defined]
    inner.__cause__ = outer
    assert causes(outer) == [outer, middle, inner]
