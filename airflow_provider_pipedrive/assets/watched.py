"""An asset together with its watcher."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import Asset

import airflow_provider_pipedrive.triggers.pipedrive as triggers
from airflow_provider_pipedrive.assets.uris import asset_uri

if TYPE_CHECKING:
    from airflow_provider_pipedrive.triggers.changes import PipedriveChangeEventTrigger


def watched_asset(company: str, entity: str = "deals", changes: Any = None, **trigger: Any) -> Asset:
    """The asset of a company's records, watched for their changes: ``schedule=[watched_asset("acme", "deals")]``.

    Before Airflow 3 there are no watchers: there it is the asset alone, and the DAG needs a schedule in time.

    :param company: as in ``<company>.pipedrive.com``
    :param entity: such as ``deals``
    :param changes: what to watch; by default every creation and edit
    :param trigger: further arguments of ``PipedriveChangeEventTrigger``, such as ``interval``
    :raises PipedriveParameterError: an argument is wrong
    """
    uri = asset_uri(company, entity)
    trigger_class: type[PipedriveChangeEventTrigger] | None = getattr(triggers, "PipedriveChangeEventTrigger", None)
    if trigger_class is None:
        return Asset(uri)
    from airflow.sdk import AssetWatcher

    return Asset(
        uri,
        watchers=[AssetWatcher(name=f"pipedrive {entity}", trigger=trigger_class(entity, changes, **trigger))],
    )
