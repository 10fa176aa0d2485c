"""What dlt and the drivers beneath it raise, in a sentence, without secrets and without anybody's rows."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from airflow_provider_pipedrive.client.redaction import Redactor
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse.destination import Destination
from airflow_provider_pipedrive.warehouse.driver_errors import (
    blames_rows,
    causes,
    is_of_driver,
    is_out_of_memory,
    is_permanent,
    words_of,
)


class Place(Protocol):
    """Where errors come from.

    :ivar names: names of tables and columns, which may be shown
    """

    destination: Destination
    dataset: str
    names: set[str]


_Where = TypeVar("_Where", bound=Place)
_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


def translated(
    method: Callable[Concatenate[_Where, _Arguments], _Result],
) -> Callable[Concatenate[_Where, _Arguments], _Result]:
    """Raise what dlt raises in a method as errors of this package.

    The original is not even the context of what is raised: its text has statements, their parameters and credentials in
    it, and reporters of errors show contexts that a traceback does not.

    :raises PipedriveParameterError: something is not installed or configured
    :raises PipedriveWarehouseError: the warehouse did not do it
    """

    @wraps(method)
    def call(place: _Where, /, *arguments: _Arguments.args, **named: _Arguments.kwargs) -> _Result:
        try:
            return method(place, *arguments, **named)
        except Exception as error:
            # Each driver beneath dlt has kinds of its own.
            found = translation(error, place)
            if found is None:
                raise
        raise found

    return call


def translation(error: Exception, place: Place) -> PipedriveError | None:
    """An error of this package for one of dlt's, a driver's or the system's; None for any other."""
    from dlt.common.exceptions import DltException

    if not isinstance(error, DltException | OSError | ImportError) and not is_of_driver(error):
        return None
    chain = causes(error)
    for one in chain:
        if wrong := _wrong_configuration(one, place.destination):
            return wrong
    return _of_warehouse(chain, place)


def _of_warehouse(chain: Any, place: Place) -> PipedriveWarehouseError:
    from dlt.destinations.exceptions import DatabaseTerminalException

    from airflow_provider_pipedrive.warehouse.merging import is_lost_rows, own_words

    destination, innermost = place.destination, chain[-1]
    known = {place.dataset, f"{place.dataset}_staging", *place.names, *map(str, filter(None, destination.address))}
    known.add(str((destination.credentials or {}).get("username")))
    words = Redactor(destination.secrets())(own_words(innermost) or words_of(innermost, known))
    is_lost = any(map(is_lost_rows, chain))
    permanent = is_permanent(innermost)
    if permanent is None:
        permanent = is_lost or any(isinstance(one, DatabaseTerminalException) for one in chain)
    shown = f"{destination.name.partition('?')[0]}, dataset {place.dataset}"
    found = PipedriveWarehouseError(
        f"Warehouse {shown}: {words[:2000].rstrip('. ')}.{_advice(innermost, destination)}", retryable=not permanent
    )
    found.rows_refused = is_lost or blames_rows(innermost)
    return found


def _advice(error: BaseException, destination: Destination) -> str:
    if "Could not set lock" in str(error):
        return " DuckDB lets one process write: load one after the other, such as by an Airflow pool of one slot."
    if is_out_of_memory(error):
        return " Give DuckDB more: ?memory_limit=4GB behind the destination."
    return ""


class _WithoutRows(logging.Filter):
    """dlt logs a job that has failed with statement, parameters and traceback. The error itself is raised here."""

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno >= logging.WARNING:
            record.msg, record.args = record.getMessage().partition(" with message")[0], ()
            record.exc_info = record.exc_text = record.stack_info = None
        return True


@contextmanager
def without_rows_in_logs() -> Iterator[None]:
    """dlt's log without what errors say."""
    logger, cut = logging.getLogger("dlt"), _WithoutRows()
    logger.addFilter(cut)
    try:
        yield
    finally:
        logger.removeFilter(cut)


def _wrong_configuration(error: BaseException, destination: Destination) -> PipedriveParameterError | None:
    from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
    from dlt.common.exceptions import MissingDependencyException

    if isinstance(error, ConfigFieldMissingException):
        return PipedriveParameterError(
            f"The destination {destination.name} has no {', '.join(error.fields)}. Give destination_conn_id, or "
            "configure dlt: https://dlthub.com/docs/general-usage/credentials."
        )
    if isinstance(error, ConfigurationException):
        # Its text may quote a whole connection string.
        return PipedriveParameterError(
            f"The credentials of the destination {destination.name} cannot be read by dlt ({type(error).__name__}). "
            "See https://dlthub.com/docs/general-usage/credentials."
        )
    if isinstance(error, MissingDependencyException):
        return PipedriveParameterError(
            f"The destination {destination.name} needs more than dlt on the workers: "
            f"pip install 'dlt[{destination.name}]'."
        )
    if type(error).__name__ == "NoSuchModuleError":
        return PipedriveParameterError(
            f"The destination {destination.name} has a drivername that SQLAlchemy does not know. For MariaDB and MySQL "
            "it is mysql+pymysql: pip install pymysql."
        )
    if isinstance(error, ImportError):
        return PipedriveParameterError(
            f"The destination {destination.name} needs the Python package {error.name} on the workers: pip install "
            f"{error.name}."
        )
    return None
