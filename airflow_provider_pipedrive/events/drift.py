"""What has become of an account's fields, options, stages, pipelines, users and rights since it was looked at last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.errors import PipedrivePermissionError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

Items = dict[str, dict[str, Any]]
"""What an account has, by kind and id (``stage 5``), as JSON: ``name``, and ``type``, ``of`` and ``active`` where it
has them."""
_DEFINITIONS: Final = {
    "deals": "getDealFields",
    "persons": "getPersonFields",
    "organizations": "getOrganizationFields",
    "products": "getProductFields",
    "activities": "getActivityFields",
}
_BREAKING: Final = ("field", "option", "stage", "pipeline", "right")
"""Kinds that loads and writes rely on: without one, something fails, or is empty from then on."""


@dataclass(frozen=True)
class AccountChange:
    """One difference, as people say it.

    :ivar is_breaking: whether loads or writes may fail by it, or lose something
    """

    sentence: str
    is_breaking: bool = False


def read_account(client: PipedriveClient) -> Items:
    """What the account has now: about 150 API tokens."""
    directory = Directory(client)
    found: Items = {}
    for entity, action in _DEFINITIONS.items():
        for field in client.iterate(action):
            found |= _field(entity, field)
    pipelines = {pipeline["id"]: str(pipeline["name"]) for pipeline in directory.pipelines}
    found |= {f"pipeline {identity}": {"name": name} for identity, name in pipelines.items()}
    for stage in directory.stages:
        of = pipelines.get(stage["pipeline_id"], str(stage["pipeline_id"]))
        found[f"stage {stage['id']}"] = {"name": stage["name"], "of": of}
    for user in directory.users:
        found[f"user {user['id']}"] = {"name": user["name"], "active": bool(user.get("active_flag"))}
    return found | {f"right {right}": {"name": right} for right in _rights(client, directory.me)}


def differences(before: Items, now: Items) -> Iterator[AccountChange]:
    """What has changed, a sentence each: what is gone, what is new, what is another."""
    for key, item in before.items():
        if key not in now:
            if not _goes_with_its_field(key, now):
                yield AccountChange(f"{_called(key, item)} is gone.", key.split()[0] in _BREAKING)
        elif item != now[key]:
            yield from _changed(key, item, now[key])
    for key, item in now.items():
        if key not in before and not _goes_with_its_field(key, before):
            yield AccountChange(f"{_called(key, item)} is new.")


def _field(entity: str, field: Mapping[str, Any]) -> Items:
    name, place = str(field.get("field_name") or ""), f"{entity}/{field['field_code']}"
    found: Items = {f"field {place}": {"name": name, "type": str(field.get("field_type")), "of": entity}}
    for option in field.get("options") or ():
        found[f"option {place}/{option['id']}"] = {"name": str(option.get("label")), "of": f"{name} of {entity}"}
    return found


def _rights(client: PipedriveClient, me: Mapping[str, Any]) -> Iterator[str]:
    """What the connection's user may do. Users that may not ask have the rights that Pipedrive says with their name."""
    if me.get("is_admin"):
        yield "admin"
    try:
        permissions = client.run("getUserPermissions", {"id": me["id"]}) or {}
    except PipedrivePermissionError:
        return
    yield from sorted(name for name, given in permissions.items() if given is True)


def _changed(key: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[AccountChange]:
    called = _called(key, before)
    if before["name"] != now["name"]:
        yield AccountChange(f"{called} is now called {now['name']!r}.")
    if before.get("type") != now.get("type"):
        yield AccountChange(f"{called} was of the type {before['type']} and is {now['type']} now.", is_breaking=True)
    if key.startswith("stage ") and before.get("of") != now.get("of"):
        yield AccountChange(f"{called} is in the pipeline {now['of']!r} now.")
    if before.get("active") != now.get("active"):
        yield AccountChange(f"{called} is {'active again' if now['active'] else 'deactivated'}.")


def _called(key: str, item: Mapping[str, Any]) -> str:
    of = f" of {item['of']}" if item.get("of") else ""
    return f"The {key.split()[0]} {item['name']!r}{of}"


def _goes_with_its_field(key: str, others: Items) -> bool:
    """Whether an option is gone, or new, since its field is."""
    kind, _, place = key.partition(" ")
    return kind == "option" and f"field {place.rpartition('/')[0]}" not in others
