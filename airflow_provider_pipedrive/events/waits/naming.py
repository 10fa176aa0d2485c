"""Names of stages, pipelines and users become ids; an unknown one is refused with the right ones in the error."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.advice import did_you_mean
from airflow_provider_pipedrive.errors import PipedriveNotFoundError, PipedriveParameterError
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs, Ref
from airflow_provider_pipedrive.events.waits.outcomes import Record
from airflow_provider_pipedrive.events.waits.records import DealsWait
from airflow_provider_pipedrive.events.waits.specs import WaitSpec

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

SHOWN_NAMES = 40


class NameLookup:
    """The company's pipelines, stages and users, each list read at most once, and only if it is needed."""

    def __init__(self, client: PipedriveClient) -> None:
        self._client = client

    @cached_property
    def pipelines(self) -> list[Record]:
        """All pipelines."""
        return list(self._client.iterate("getPipelines"))

    @cached_property
    def stages(self) -> list[Record]:
        """The stages of all pipelines."""
        return list(self._client.iterate("getStages"))

    @cached_property
    def users(self) -> list[Record]:
        """All users."""
        return list(self._client.run("getUsers") or [])

    @cached_property
    def filters(self) -> list[Record]:
        """All filters of deals."""
        return list(self._client.run("getFilters", {"type": "deals"}) or [])

    def has_filter(self, filter_id: int) -> bool:
        """Whether deals have such a filter: a tenth of the price of all filters."""
        try:
            found = self._client.run("getFilter", {"id": filter_id})
        except PipedriveNotFoundError:
            return False
        return bool(found["type"] == "deals")


def resolve_names(spec: WaitSpec, names: NameRefs, lookup: NameLookup) -> WaitSpec:
    """What is waited for, with ids in place of names.

    :raises PipedriveParameterError: a name or id is not there, a filter is not one of deals, or a stage belongs to
        another pipeline
    """
    if isinstance(spec, FilesWait):
        return spec if names.user is None else replace(spec, uploader_id=_user(names.user, lookup))
    if not isinstance(spec, DealsWait | AnyDealWait):
        return spec
    pipeline = None if names.pipeline is None else _pipeline(names.pipeline, lookup)
    if names.filter_id is not None and not lookup.has_filter(names.filter_id):
        raise PipedriveParameterError(
            f"There is no filter {names.filter_id} of deals. There are: {_listed(lookup.filters, _named) or 'none'}."
        )
    movement = spec.movement
    if names.reaches or names.leaves:
        reaches = tuple(_stage(name, pipeline, lookup)["id"] for name in names.reaches)
        leaves = tuple(_stage(name, pipeline, lookup)["id"] for name in names.leaves)
        texts = {str(stage["id"]): str(stage["name"]) for stage in lookup.stages}
        pipelines = {str(stage["id"]): stage["pipeline_id"] for stage in lookup.stages}
        movement = replace(movement, reaches=reaches, leaves=leaves, names=texts, pipelines=pipelines)
    if isinstance(spec, DealsWait):
        return replace(spec, movement=movement)
    return replace(
        spec,
        movement=movement,
        pipeline_id=pipeline["id"] if pipeline else None,
        owner_id=None if names.user is None else _user(names.user, lookup),
    )


def _pipeline(ref: Ref, lookup: NameLookup) -> Record:
    return _one("pipeline", ref, lookup.pipelines, lambda record: [record["name"]], _named)


def _stage(ref: Ref, pipeline: Record | None, lookup: NameLookup) -> Record:
    if pipeline is None:
        return _one("stage", ref, lookup.stages, lambda record: [record["name"]], _with_pipeline(lookup))
    own = [stage for stage in lookup.stages if stage["pipeline_id"] == pipeline["id"]]
    elsewhere = [stage for stage in lookup.stages if stage["id"] == ref and stage not in own]
    if elsewhere:
        raise PipedriveParameterError(
            f"The stage {_with_pipeline(lookup)(elsewhere[0])} is not one of the pipeline {_named(pipeline)}, whose "
            f"stages are: {_listed(own, _named)}."
        )
    return _one("stage", ref, own, lambda record: [record["name"]], _named, f" in the pipeline {_named(pipeline)}")


def _user(ref: Ref, lookup: NameLookup) -> int:
    user = _one("user", ref, lookup.users, lambda record: [record.get("name"), record.get("email")], _named)
    return int(user["id"])


def _named(record: Record) -> str:
    return f"{record.get('name')} ({record['id']})"


def _with_pipeline(lookup: NameLookup) -> Callable[[Record], str]:
    def shown(stage: Record) -> str:
        names = {pipeline["id"]: pipeline["name"] for pipeline in lookup.pipelines}
        return f"{names.get(stage['pipeline_id'])}: {_named(stage)}"

    return shown


def _one(
    what: str,
    ref: Ref,
    records: Iterable[Record],
    texts: Callable[[Record], list[Any]],
    shown: Callable[[Record], str],
    where: str = "",
) -> Record:
    """The record with this id or name; capital letters count only where two names differ by them alone.

    :raises PipedriveParameterError: there is none, or there are several
    """
    records = list(records)
    if isinstance(ref, int):
        found = [record for record in records if record["id"] == ref]
    else:
        found = [record for record in records if ref in texts(record)]
        found = found or [r for r in records if ref.strip().lower() in [str(text).lower() for text in texts(r)]]
    if len(found) == 1:
        return found[0]
    if found:
        raise PipedriveParameterError(
            f"There are several with the name {ref!r}: {_listed(found, shown)}. Give the id, or name the pipeline."
        )
    known = [str(text) for record in records for text in texts(record)]
    hint = did_you_mean(ref, known)
    raise PipedriveParameterError(
        f"There is no {what} {ref!r}{where}.{hint} There are: {_listed(records, shown) or 'none'}."
    )


def _listed(records: list[Record], shown: Callable[[Record], str]) -> str:
    texts = [shown(record) for record in records[:SHOWN_NAMES]]
    more = len(records) - len(texts)
    return ", ".join(texts) + (f" and {more} more" if more else "")
