"""One check of many waits at once: names are looked up, and each kind reads and judges its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.naming import NameLookup, resolve_names
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.specs import ABOUT_THE_RECORD, Checked, Wait, WaitSpec

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

KINDS: Final[Mapping[str, type[WaitSpec]]] = {
    kind.kind: kind for kind in (RecordWait, DealsWait, AnyDealWait, FilesWait)
}


def wait_spec_from_json(data: Mapping[str, Any]) -> WaitSpec:
    """What is waited for, from :meth:`WaitSpec.to_json`'s data."""
    return KINDS[data["kind"]].from_json({name: value for name, value in data.items() if name != "kind"})


def check_waits(client: PipedriveClient, waits: Sequence[Wait], *, alone: bool = False) -> list[Checked]:
    """Check all of them, which must share a poll group, once. In their order.

    :param alone: for one wait whose file listing no other shares
    :raises PipedriveError: what would hit any other request as well: no answer, a limit, the credential
    """
    named = _with_ids(client, waits)
    ready = {number: wait for number, wait in enumerate(named) if isinstance(wait, Wait)}
    checked: dict[int, Checked] = {number: one for number, one in enumerate(named) if isinstance(one, Checked)}
    if ready:
        group = list(ready.values())
        checked |= zip(ready, group[0].spec.check(client, group, alone=alone), strict=True)
    return [checked[number] for number in range(len(waits))]


def _with_ids(client: PipedriveClient, waits: Sequence[Wait]) -> list[Wait | Checked]:
    """The waits with ids in place of names; one whose names are wrong has its answer already."""
    lookup = NameLookup(client)
    found: list[Wait | Checked] = []
    for wait in waits:
        try:
            spec = wait.spec if wait.names is None else resolve_names(wait.spec, wait.names, lookup)
            found.append(replace(wait, spec=spec, names=None))
        except ABOUT_THE_RECORD as error:
            found.append(Checked(wait, error))
    return found
