"""What the operators have in common that read whole lists, or what changed in them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from airflow.providers.common.compat.sdk import BaseOperator, conf

from airflow_provider_pipedrive.client.times import given_moment
from airflow_provider_pipedrive.client.whole_numbers import read_count
from airflow_provider_pipedrive.extraction.definition import CONCURRENCY, LOOKBACK, ExtractionJob
from airflow_provider_pipedrive.hooks.lineage import Lineage, ReportsLineage, entity
from airflow_provider_pipedrive.hooks.record_values import ParametersKeptFromLineage, plain
from airflow_provider_pipedrive.operators.task_support import (
    check_connection_id,
    is_templated,
    spent_tokens_end_the_try,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

WINDOW_BEGIN, _WINDOW_END = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)


class ExtractionOperator(ReportsLineage, BaseOperator):
    """Extracts entities of Pipedrive's: the arguments that all operators of this kind take.

    :param entities: names from docs/entities.md, such as ``["deals", "persons"]`` (templated)
    :param mode: ``snapshot``: every entity whole; ``changes``: what was last updated in a window
    :param since: begin of the window: a time with a zone, or a day (in UTC) (templated)
    :param until: end of the window, not included (templated)
    :param exclude: what is left out of every record before it leaves the worker: types (``email``, ``phone``,
        ``address``, ``notes``), and fields by name, of one entity alone as ``persons.name``
    :param hash: the same, with a hash in its place, made with the connection's ``hash_key``
    :param rename: let a column follow a field that was renamed in Pipedrive
    :param parameters: by entity, what narrows its list down, such as ``{"deals": {"filter_id": 7}}`` (templated)
    :param versions: ``latest``: of each record its last state; ``all``: each state that was read
    :param sweep: with ``mode="changes"``, look for deleted records among all that were landed
    :param allow_shrink: take a snapshot although it has over 10 % fewer rows than the one before, or was read as
        another user of the same company
    :param lookback: seconds that a window reaches back
    :param concurrency: requests at once, 1 to 64
    :param max_tokens: API tokens that a try may spend (templated). The task fails before it would spend more; cleared,
        or run again, it continues.
    :param pipedrive_conn_id: the connection (templated)
    :param deferrable: where the day's API tokens are spent, wait for the new ones without a worker, and continue; the
        default is Airflow's ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = ("entities", "since", "until", "parameters", "max_tokens", "pipedrive_conn_id")
    template_fields_renderers: ClassVar[dict[str, str]] = {"parameters": "json"}
    ui_color = "#e6f4ea"
    parameters = ParametersKeptFromLineage()

    def __init__(
        self,
        *,
        entities: Sequence[str],
        mode: Literal["snapshot", "changes"],
        since: str | datetime | None = None,
        until: str | datetime | None = None,
        rename: bool = False,
        parameters: Mapping[str, Mapping[str, Any]] | None = None,
        versions: Literal["latest", "all"] = "latest",
        sweep: bool = False,
        allow_shrink: bool = False,
        lookback: float = LOOKBACK,
        concurrency: int = CONCURRENCY,
        max_tokens: int | str | None = None,
        exclude: Sequence[str] = (),
        hash: Sequence[str] = (),  # noqa: A002 - the users' word
        pipedrive_conn_id: str = "pipedrive_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.entities = entities
        self.mode = mode
        self.since = since
        self.until = until
        self.exclude = exclude
        self.hash = hash
        self.rename = rename
        self.parameters = parameters
        self.versions = versions
        self.sweep = sweep
        self.allow_shrink = allow_shrink
        self.lookback = lookback
        self.concurrency = concurrency
        self.max_tokens = max_tokens
        self.pipedrive_conn_id = pipedrive_conn_id
        self.deferrable = deferrable

    def execute(self, context: Context) -> dict[str, Any]:
        """Extract them, continuing where an earlier try ended, and return a receipt."""
        return self._run(context, waited=False)

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Extract the rest, when the day's tokens are expected to be renewed."""
        return self._run(context, waited=True)

    @abstractmethod
    def _extract(self, context: Context, hook: PipedriveHook) -> dict[str, Any]:
        """Do the work: a receipt."""

    def _run(self, context: Context, *, waited: bool) -> dict[str, Any]:
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        # Its max_tokens are a try's: Airflow's retries would each spend as many.
        advice = " Clear the task for that."
        with spent_tokens_end_the_try(self, hook, waited=waited, at_once=self.concurrency, advice=advice):
            return self._extract(context, hook)

    # ---- what is asked for

    def _job(self, **others: Any) -> ExtractionJob:
        """A job of these arguments.

        :param others: in place of arguments, or besides them
        :raises PipedriveParameterError: an argument is wrong
        """
        given: dict[str, Any] = {
            "entities": self.entities,
            "mode": self.mode,
            "exclude": self.exclude,
            "hash": self.hash,
            "rename": self.rename,
            "parameters": plain(self.parameters) or {},
            "versions": self.versions,
            "sweep": self.sweep,
            "allow_shrink": self.allow_shrink,
            "lookback": self.lookback,
            "concurrency": self.concurrency,
            "max_tokens": None if self.max_tokens in (None, "") else self.max_tokens,
            **others,
        }
        if given["max_tokens"] is not None:
            given["max_tokens"] = read_count("max_tokens", given["max_tokens"])
        return ExtractionJob(**given)

    def _check_job(self, **others: Any) -> None:
        """Find wrong arguments when the DAG is parsed; what is only known when the task runs is let through.

        :param others: as :meth:`_job` takes them
        :raises PipedriveParameterError: an argument is wrong
        """
        check_connection_id("pipedrive_conn_id", self.pipedrive_conn_id)
        # In place of what is still open stands what contradicts nothing.
        narrowed = [] if is_templated(plain(self.parameters)) else list(self.parameters or ())
        harmless: dict[str, Any] = {
            "entities": list(dict.fromkeys(["deals", *narrowed])),
            "since": WINDOW_BEGIN,
            "until": _WINDOW_END,
            "parameters": {},
            "max_tokens": None,
        }
        given: dict[str, Any] = {name: self._moment(name) for name in ("since", "until")}
        given |= {name: value for name, value in harmless.items() if is_templated(getattr(self, name))}
        self._job(**{**given, **others})

    def _moment(self, name: str) -> datetime | None:
        """The argument ``since`` or ``until`` as a time; None where it is not given, or a template."""
        value = getattr(self, name)
        return None if value in (None, "") or is_templated(value) else given_moment(name, value)


def entities_read(origin: str, names: Sequence[str]) -> Lineage:
    """The lineage of a task that reads whole entities; the histories of stages come of the deals."""
    from airflow_provider_pipedrive.catalog import ENTITIES

    lineage = Lineage()
    lineage.read(*(entity(origin, name if name in ENTITIES else "deals") for name in names))
    return lineage
