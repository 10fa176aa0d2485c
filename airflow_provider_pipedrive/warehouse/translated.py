"""What dlt and the drivers beneath it raise, in a sentence and without secrets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from airflow_provider_pipedrive.client.redaction import Redactor
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError, PipedriveWarehouseError
from airflow_provider_pipedrive.warehouse.destination import Destination


@contextmanager
def translated_errors(destination: Destination, dataset: str) -> Iterator[None]:
    """Raise what dlt raises as errors of this package.

    :raises PipedriveParameterError: something is not installed or configured
    :raises PipedriveWarehouseError: the warehouse did not do it
    """
    from dlt.common.exceptions import DltException

    try:
        yield
    except Exception as error:
        # Each driver beneath dlt has kinds of its own.
        if not isinstance(error, DltException | OSError) and not _is_of_a_driver(error):
            raise
        # Without the original, whose text may quote credentials.
        raise _translated(error, destination, dataset) from None


def _translated(error: BaseException, destination: Destination, dataset: str) -> PipedriveError:
    chain = _chain(error)
    for one in chain:
        if wrong := _wrong_configuration(one, destination):
            return wrong
    from dlt.destinations.exceptions import DatabaseTerminalException

    from airflow_provider_pipedrive.warehouse.merging import is_lost_rows, own_words

    innermost = chain[-1]
    redact = Redactor(destination.secrets())
    words = redact(own_words(innermost) or f"{type(innermost).__name__}: {innermost}".strip())
    permanent = any(isinstance(one, DatabaseTerminalException) or is_lost_rows(one) for one in chain)
    advice = ""
    if "Could not set lock" in words and destination.file:
        advice = " DuckDB lets one process write: load one after the other, such as by an Airflow pool of one slot."
    elif "memory_limit" in words and destination.file:
        words = words.partition("\n")[0]  # further lines are DuckDB's advice, which is not for dlt's connection
        advice = " Give DuckDB more: ?memory_limit=1GB behind the destination."
    place = f"{destination.name.partition('?')[0]}, dataset {dataset}"
    return PipedriveWarehouseError(f"Warehouse {place}: {words[:2000]}{advice}", retryable=not permanent)


def _chain(error: BaseException) -> Sequence[BaseException]:
    """An error and what it came of, the innermost one last."""
    innermost, chain = error, [error]
    while (cause := getattr(innermost, "exception", None) or innermost.__cause__) and cause not in chain:
        innermost = cause
        chain.append(cause)
    return chain


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
    return None


def _is_of_a_driver(error: Exception) -> bool:
    """What a driver raises is an ``Error`` of its module. https://peps.python.org/pep-0249/#exceptions"""
    return any(kind.__name__ == "Error" for kind in type(error).__mro__)
