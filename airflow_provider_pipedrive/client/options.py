"""Records to choose from: key and label."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.advice import did_you_mean
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.runner import ActionRunner

Option = dict[str, str]


def _named(record: Mapping[str, Any]) -> str:
    return str(record.get("name") or "")


def _deal(record: Mapping[str, Any]) -> str:
    return f"{record.get('title') or ''} - {record.get('status') or ''}"


def _person(record: Mapping[str, Any]) -> str:
    """Names are not unique: the primary e-mail address, else the id, tells two of them apart."""
    emails = record.get("emails") or []
    addresses = [email if isinstance(email, str) else email.get("value") for email in emails]
    primary = [email.get("value") for email in emails if isinstance(email, Mapping) and email.get("primary")]
    return f"{_named(record)} ({next(filter(None, [*primary, *addresses]), record.get('id'))})"


LISTS: dict[str, tuple[str, Callable[[Mapping[str, Any]], str]]] = {
    "selectDeal": ("getDeals", _deal),
    "selectOrganization": ("getOrganizations", _named),
    "selectPerson": ("getPersons", _person),
    "pipelines": ("getPipelines", _named),
    "stages": ("getStages", _named),
    "users": ("getUsers", _named),
    "filters": ("getFilters", _named),
}
"""The action that lists a source, and how one of its records is called."""
SEARCHES = {
    "selectDeal": "searchDeals",
    "selectOrganization": "searchOrganization",
    "selectPerson": "searchPersons",
}
# Labels are options of the entity's label field, whose field code Pipedrive has given two names.
_LABEL_FIELDS = ("label_ids", "label")
_LABELS = {
    "labels": "getDealFields",
    "dealLabels": "getDealFields",
    "personLabels": "getPersonFields",
    "organizationLabels": "getOrganizationFields",
}
SOURCES = (*LISTS, *_LABELS, "leadLabels")
"""``selectDeal``, ``selectOrganization`` and ``selectPerson``, ``pipelines``, ``stages``, ``users``, ``filters``,
``labels`` (of deals), ``dealLabels``, ``personLabels``, ``organizationLabels``, ``leadLabels``."""


def options(client: ActionRunner, source: str, term: str | None, parameters: Mapping[str, Any]) -> list[Option]:
    """Key and label of every record of ``source``.

    :raises PipedriveParameterError: there is no such source, or it cannot be searched
    """
    if source not in SOURCES:
        raise PipedriveParameterError(
            f"There are no options of {source!r}.{did_you_mean(source, SOURCES)} Options exist of {', '.join(SOURCES)}."
        )
    if term is not None:
        return _found(client, source, term, parameters)
    if source in _LABELS:
        return _labels(client, source)
    if source == "leadLabels":
        return _options(client.iterate("getLeadLabels", parameters), _named)
    action, label = LISTS[source]
    return _options(client.iterate(action, parameters), label)


def _found(client: ActionRunner, source: str, term: str, parameters: Mapping[str, Any]) -> list[Option]:
    if source not in SEARCHES:
        raise PipedriveParameterError(f"{source} cannot be searched by term, only: {', '.join(SEARCHES)}.")
    found = client.iterate(SEARCHES[source], {**parameters, "term": term})
    return _options((hit["item"] for hit in found), LISTS[source][1])


def _labels(client: ActionRunner, source: str) -> list[Option]:
    fields = {field["field_code"]: field for field in client.iterate(_LABELS[source])}
    field: Mapping[str, Any] = next((fields[code] for code in _LABEL_FIELDS if code in fields), {})
    return [
        {"key": str(option["id"]), "label": str(option.get("label") or "")} for option in field.get("options") or []
    ]


def _options(records: Iterable[Mapping[str, Any]], label: Callable[[Mapping[str, Any]], str]) -> list[Option]:
    return [{"key": str(record["id"]), "label": label(record)} for record in records]
