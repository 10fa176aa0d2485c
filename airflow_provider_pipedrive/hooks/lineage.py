"""What tasks have read and written: entities of a company, files, tables.

Two ways lead to OpenLineage. A hook in a task of the user's own tells Airflow's collector of lineage. An operator of
this package is asked itself (:class:`ReportsLineage`): its collector has every unfinished file, and object storage
under the ids of connections. Told are names only, never a value of a record.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol
from urllib.parse import unquote, urlsplit

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.owner import company_at
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.running_task import running_context

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
SCHEME: Final = "pipedrive"
"""Of the URIs of assets and of the namespaces of data sets."""
ENTITIES: Final = frozenset(
    {"deals", "persons", "organizations", "activities", "products", "leads", "notes", "files", "projects"}
)
"""Entities of which reads and writes are told: the first part of an action's path."""
_OPTIONS: Final = {"selectDeal": "deals", "selectOrganization": "organizations", "selectPerson": "persons"}
_SAME_STORE: Final = {"gcs": "gs", "s3a": "s3", "s3n": "s3"}
"""Schemes of object storage, and the one that OpenLineage names its data sets by.
https://openlineage.io/docs/spec/naming"""


class DataSet(NamedTuple):
    """A data set, named as OpenLineage names it."""

    namespace: str
    name: str

    @property
    def uri(self) -> str:
        """The same as Airflow's assets are named."""
        return f"{self.namespace}/{self.name}" if "://" in self.namespace else f"{self.namespace}://{self.name}"


class Lineage:
    """The data sets that a task has read and written, each once."""

    def __init__(self) -> None:
        self.inputs: list[DataSet] = []
        self.outputs: list[DataSet] = []

    def read(self, *found: DataSet | None) -> None:
        """These were read, as far as they have a name."""
        self.inputs += [one for one in dict.fromkeys(found) if one is not None and one not in self.inputs]

    def wrote(self, *found: DataSet | None) -> None:
        """These were written, as far as they have a name."""
        self.outputs += [one for one in dict.fromkeys(found) if one is not None and one not in self.outputs]


# ---- names


def entity(origin: str, name: str) -> DataSet | None:
    """The records of an entity; ``None`` where the company is not known.

    A connection by API token without a host talks to a host that all companies share.
    """
    try:
        company = company_at(origin)
    except PipedriveParameterError:
        return None
    return DataSet(f"{SCHEME}://{company}", name) if company else None


def entity_of_action(action: str) -> str | None:
    """The entity that an action is about, if it is one of :data:`ENTITIES`."""
    return _entity_of_path(ACTIONS[action].path) if action in ACTIONS else None


def _entity_of_path(path: str) -> str | None:
    parts = re.split(r"[/?]", path.removeprefix("/api"))
    return parts[2] if len(parts) > 2 and parts[2] in ENTITIES else None


def location(path: Any) -> DataSet | None:
    """A file or folder, local or in object storage, without connection ids and credentials; ``None`` for bytes."""
    if isinstance(path, tuple) and len(path) == 2:  # as addFile takes a file: its name, and where it is
        path = path[1]
    if not isinstance(path, str | Path) and not (hasattr(path, "protocol") and hasattr(path, "path")):
        return None
    protocol = getattr(path, "protocol", "")
    text = f"{protocol or 'file'}://{path.path.lstrip('/')}" if protocol else str(path)
    if protocol == "file" or "://" not in text:
        return DataSet("file", str(Path(path.path if protocol else text).expanduser().absolute()))
    parts = urlsplit(text)
    if parts.scheme == "file":
        return DataSet("file", unquote(parts.path))
    scheme = _SAME_STORE.get(parts.scheme, parts.scheme)
    return DataSet(f"{scheme}://{parts.netloc.rpartition('@')[2]}", parts.path.strip("/") or "/")


def table(destination: str, address: tuple[str | None, Any, str | None], dataset: str, name: str) -> DataSet:
    """A table of a warehouse.

    :param destination: ``duckdb:///path``, or the name of a kind of warehouse, such as ``postgres``
    :param address: host, port and database, as far as they are known
    """
    kind, is_file, file = destination.partition("?")[0].partition("://")
    if is_file:
        return DataSet(f"{kind}://{Path(file.removeprefix('/')).absolute()}", f"{dataset}.{name}")
    host, port, database = address
    server = f"{host or ''}:{port}" if port else host or ""
    return DataSet(f"{kind}://{server}", ".".join(filter(None, (database, dataset, name))))


# ---- a hook, in whatever task


class ReportingHook(Protocol):
    """A hook whose reads and writes are reported."""

    @property
    def lineage(self) -> Lineage:
        """What it has read and written so far."""

    @property
    def client(self) -> PipedriveClient:
        """The client that it reads and writes by."""


def report(hook: ReportingHook, action: str, *, read_from: Any = None, saved_to: Any = None) -> None:
    """Tell that an action was done.

    :param read_from: the file that was uploaded
    :param saved_to: where a download is now
    """
    name = entity_of_action(action)
    records = entity(hook.client.origin, name) if name else None
    is_read = action in ACTIONS and ACTIONS[action].method == "GET"
    tell(
        hook,
        [records if is_read else None, location(read_from)],
        [None if is_read else records, location(saved_to)],
    )


def report_request(hook: ReportingHook, method: str, path: str) -> None:
    """Tell that a request was made that is no action."""
    name = _entity_of_path(urlsplit(path).path)
    records = [entity(hook.client.origin, name) if name else None]
    tell(hook, records, []) if method.upper() == "GET" else tell(hook, [], records)


def report_options(hook: ReportingHook, source: str) -> None:
    """Tell that records were read to choose from."""
    if source in _OPTIONS:
        tell(hook, [entity(hook.client.origin, _OPTIONS[source])], [])


def tell(hook: ReportingHook, read: Iterable[DataSet | None], written: Iterable[DataSet | None]) -> None:
    """Tell Airflow's collector of what was read and written, and of what the running task declares."""
    new = Lineage()
    new.read(*read)
    new.wrote(*written)
    hook.lineage.read(*new.inputs)
    hook.lineage.wrote(*new.outputs)
    if not (new.inputs or new.outputs):
        return
    # Not from common-compat's sdk: on Airflow 2.11 the collector there lacks methods.
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    declared = _declared()
    if declared is None:
        log.debug("The task's own inlets and outlets are told in place of what was read and written.")
        return
    collector: Any = get_hook_lineage_collector()  # type: ignore[no-untyped-call]
    told = _told_to(collector, hook)
    for uri in [*(one.uri for one in new.inputs), *declared[0]]:
        if uri not in told.read:
            told.read.add(uri)
            collector.add_input_asset(context=told.hook, uri=uri)
    for uri in [*(one.uri for one in new.outputs), *declared[1]]:
        if uri not in told.written:
            told.written.add(uri)
            collector.add_output_asset(context=told.hook, uri=uri)


class _Reported(NamedTuple):
    """What a collector has been told."""

    collector: Any
    hook: Any
    """The first one that told it: the context of all, for the collector keeps an asset once for each context."""
    read: set[str]
    written: set[str]


_told: _Reported | None = None


def _told_to(collector: Any, hook: ReportingHook) -> _Reported:
    global _told
    if _told is None or _told.collector is not collector:
        _told = _Reported(collector, hook, set(), set())
    return _told


def _declared() -> tuple[list[str], list[str]] | None:
    """The running task's own inlets and outlets; ``None`` where the collector cannot have them.

    OpenLineage takes what the collector has *in place of* what the task declares, so the collector must have that too.
    It takes assets, but neither tables and files, nor what an alias will stand for.
    """
    from airflow.providers.common.compat.sdk import Asset

    context = running_context()
    if context is None:
        return [], []
    task: Any = context.get("task")
    both = [list(getattr(task, name, None) or ()) for name in ("inlets", "outlets")]
    if not all(isinstance(one, Asset) for declared in both for one in declared):
        return None
    inlets, outlets = ([str(one.uri) for one in declared if "://" in str(one.uri)] for declared in both)
    return inlets, outlets


# ---- an operator of this package


class ReportsLineage:
    """An operator that knows what it has read and written; the rest is what its DAG declares of it."""

    _lineage: Lineage

    def get_openlineage_facets_on_complete(self, task_instance: Any) -> Any:
        """OpenLineage's question when a task has ended, well or not."""
        from airflow.providers.openlineage.extractors import OperatorLineage
        from airflow.providers.openlineage.extractors.manager import ExtractorManager
        from openlineage.client.event_v2 import Dataset

        own = getattr(self, "_lineage", None) or Lineage()
        found = {}
        for name, told in (("inlets", own.inputs), ("outlets", own.outputs)):
            data_sets = [Dataset(one.namespace, one.name) for one in told]
            declared = [ExtractorManager.convert_to_ol_dataset(one) for one in getattr(self, name)]
            declared += _of_aliases(task_instance) if name == "outlets" else []
            given = [*data_sets, *(one for one in declared if one is not None)]
            found[name] = list({(one.namespace, one.name): one for one in reversed(given)}.values())[::-1]
        return OperatorLineage(inputs=found["inlets"], outputs=found["outlets"])


def _of_aliases(task_instance: Any) -> list[Any]:
    """What the task's asset aliases have come to stand for."""
    from airflow.providers.common.compat.openlineage.utils.utils import translate_airflow_asset

    try:
        from airflow.providers.openlineage.utils.utils import get_runtime_outlet_assets
    except ImportError:  # its releases before 2.20 do not know them
        return []
    return [translate_airflow_asset(asset, None) for asset, _ in get_runtime_outlet_assets(task_instance)]
