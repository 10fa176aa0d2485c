"""What a database's driver says of an error: whether another try helps, and in words without anybody's values."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from typing import Any, Final

HIDDEN: Final = "…"
_QUOTES: Final = "\"'`"
_NUMBER: Final = re.compile(r"\b\d[\d.,:+-]*\b")
_PASSING_STATES: Final = ("08", "40", "53", "55", "57", "58")
"""Classes of SQLSTATE that say nothing against the statement: connections, conflicts, resources, locks, an operator's
intervention, the system. https://www.postgresql.org/docs/current/errcodes-appendix.html"""
_PASSING_MYSQL: Final = frozenset(
    {0, 1021, 1040, 1053, 1105, 1114, 1129, 1152, 1203, 1205, 1206, 1213, 1226, 1317, 3024}
)
"""Full disks and tables, too many connections, shutdowns, locks, deadlocks, interruptions; from 2000 to 2999 the errors
of connections. https://mariadb.com/kb/en/mariadb-error-code-reference/"""
_ROWS_STATES: Final = ("22", "23", "P0001", "45000")
"""Classes and codes of SQLSTATE that say something against a row; the last two are raised by triggers."""
_ROWS_KINDS: Final = frozenset({"DataError", "IntegrityError", "ArrowException"})
_PERMANENT_KINDS: Final = _ROWS_KINDS | {"ProgrammingError", "NotSupportedError", "PermissionException"}
"""Names of exceptions: https://peps.python.org/pep-0249/#exceptions, DuckDB's and Arrow's own."""
_SIGNAL: Final = 1644
"""What a trigger of MySQL's raises."""


def causes(error: BaseException) -> Sequence[BaseException]:
    """An error and what it came of, the innermost one last: dlt, SQLAlchemy and Python each keep it elsewhere."""
    chain = [error]
    while cause := _cause(chain[-1]):
        if cause in chain:
            break
        chain.append(cause)
    return chain


def _cause(error: BaseException) -> BaseException | None:
    for name in ("exception", "client_exception", "dbapi_exception", "orig", "__cause__"):
        found = getattr(error, name, None)
        if isinstance(found, BaseException):
            return found
    return None


def is_of_driver(error: BaseException) -> bool:
    """What a driver raises is an ``Error`` of its module, or SQLAlchemy's word for it."""
    return bool(_kinds(error) & {"Error", "SQLAlchemyError", "ArrowException"})


def is_permanent(error: BaseException) -> bool | None:
    """Whether the same statement fails again: a wrong syntax, a missing right, a text too long; None if unknown."""
    if not is_of_driver(error):
        return None
    if state := _state(error):
        return not state.startswith(_PASSING_STATES)
    if (number := _number(error)) is not None:
        return number not in _PASSING_MYSQL and not 2000 <= number < 3000
    return True if _kinds(error) & _PERMANENT_KINDS else None


def blames_rows(error: BaseException) -> bool:
    """Whether it is about a row's values: the same rows fail again, while others may not."""
    return (
        bool(_kinds(error) & _ROWS_KINDS) or (_state(error) or "").startswith(_ROWS_STATES) or _number(error) == _SIGNAL
    )


def is_out_of_memory(error: BaseException) -> bool:
    """Whether DuckDB's limit of memory was too low, be it only when it was about to commit."""
    kind = type(error).__name__
    return kind == "OutOfMemoryException" or (kind == "TransactionException" and "failed to pin block" in str(error))


def words_of(error: BaseException, known: Collection[str]) -> str:
    """The first line of an error's text, without values that may be a row's.

    What is in quotes is hidden, unless it is a known name; in an error about a row's values numbers are hidden too.
    What a trigger says is hidden whole: it may have put a row into its words.

    :param known: names of tables, columns and places, which may be shown
    """
    kind = type(error).__name__
    number, state = _number(error), _state(error)
    code = str(number) if number is not None else state
    title = f"{kind} ({code})" if code else kind
    if state in ("P0001", "45000") or number == _SIGNAL:
        return f"{title}: a trigger of the table has refused it"
    if isinstance(error, OSError):
        return f"{title}: {error}"
    text = str(error.args[1]) if number is not None and len(error.args) > 1 else str(error)
    line = _without_quoted(text.strip().partition("\n")[0], {*known, *_names_in(error)})
    if blames_rows(error):
        line = _NUMBER.sub(HIDDEN, line)
    return f"{title}: {line}" if line else title


def _without_quoted(line: str, known: Collection[str]) -> str:
    """From the first quotation mark whose word is not known to the last one: a value may have such marks in it."""
    at = 0
    while at < len(line):
        if line[at] not in _QUOTES or (at and line[at - 1].isalnum()):
            at += 1
            continue
        mark = line[at]
        end = line.find(mark, at + 1)
        if end > 0 and line[at + 1 : end] in known:
            at = end + 1
            continue
        last = line.rfind(mark)
        return line[:at] + HIDDEN + (line[last + 1 :] if last > at else "")
    return line


def _names_in(error: BaseException) -> list[str]:
    """Names that the driver itself tells apart from the text (psycopg)."""
    details = getattr(error, "diag", None)
    names = ("schema_name", "table_name", "column_name", "constraint_name")
    return [str(found) for name in names if (found := getattr(details, name, None))]


def _kinds(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _state(error: BaseException) -> str | None:
    found = getattr(error, "pgcode", None) or getattr(error, "sqlstate", None)
    return found if isinstance(found, str) and _number(error) is None else None


def _number(error: BaseException) -> int | None:
    """MySQL's number of an error."""
    arguments: tuple[Any, ...] = error.args
    is_numbered = len(arguments) > 1 and type(arguments[0]) is int and not isinstance(error, OSError)
    return arguments[0] if is_numbered else None
