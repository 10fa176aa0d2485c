"""What a hook has read and written, told to Airflow's collector of lineage."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.assets.uris import SCHEME, company_of
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

ENTITIES: Final = frozenset(
    {"deals", "persons", "organizations", "activities", "products", "leads", "notes", "files", "projects"}
)
"""Entities of which reads and writes are told: the first part of an action's path."""
_SHARED_HOST: Final = "api.pipedrive.com"


def report(hook: PipedriveHook, action: str) -> None:
    """Tell that an action was done on a company's records; nothing where the company is not known.

    A connection by API token without a host talks to a host that all companies share.
    """
    entity = _entity_of(action)
    host = hook.client.origin.partition("://")[2]
    if entity is None or host == _SHARED_HOST:
        return
    # Not from common-compat's sdk: on Airflow 2.11 the collector there lacks methods.
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    try:
        uri = f"{SCHEME}://{company_of(host)}/{entity}"
    except PipedriveParameterError:
        return  # an address such as [::1] is no company
    collector: Any = get_hook_lineage_collector()  # type: ignore[no-untyped-call]
    tell = collector.add_input_asset if ACTIONS[action].method == "GET" else collector.add_output_asset
    tell(hook, uri=uri)


def _entity_of(action: str) -> str | None:
    found = ACTIONS.get(action)
    parts = found.path.removeprefix("/api").split("/") if found else []
    return parts[2] if len(parts) > 2 and parts[2] in ENTITIES else None
