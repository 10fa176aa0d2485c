"""Changes become asset events in Airflow's metadata database.

What is used of Airflow here is internal to it, and the same from 3.1 to 3.3.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, Final

from airflow.assets.manager import asset_manager
from airflow.models.asset import AssetEvent, AssetModel
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS
from airflow.utils.session import create_session
from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from airflow_provider_pipedrive.accounts.status import now
from airflow_provider_pipedrive.assets.uris import EACH
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.events.changes.batch import Batch
from airflow_provider_pipedrive.events.changes.model import Change, sort_changes
from airflow_provider_pipedrive.plugin.event_writer import ReceivedChange

log = logging.getLogger(__name__)

_EACH: Final = f"/{EACH}"
"""What an asset's URI ends in whose every change is an event of its own, with a partition key."""
_REPEATED_WITHIN: Final = timedelta(hours=1)
"""For longer Pipedrive does not repeat a delivery: its last attempt is after three minutes."""


def store(batch: Sequence[ReceivedChange]) -> bool:
    """Store changes in one transaction: one event for each asset and connection, more where it would be too big.

    An asset that no DAG has ever named gets none: nobody waits for it.

    :returns: whether they are stored; if not, the database is locked or gone for the moment
    """
    changes: dict[tuple[str, str, str], dict[str, Change]] = {}
    for received in batch:
        # Within a batch a repeated delivery is seen at once.
        whose = received.uri, received.conn_id, received.team
        changes.setdefault(whose, {})[received.change.event_id] = received.change
    try:
        with create_session() as session:
            # Always in the same order: two web servers must not wait for one another.
            for (uri, conn_id, team), by_id in sorted(changes.items(), key=lambda item: item[0]):
                _store(session, uri, conn_id, team, sort_changes(by_id.values()))
    except (OperationalError, InterfaceError) as error:
        log.warning("Webhook deliveries are not stored yet (%d): %s", len(batch), type(error).__name__)
        return False
    return True


def _store(session: Session, uri: str, conn_id: str, team: str, changes: list[Change]) -> None:
    asset_ids = list(session.scalars(select(AssetModel.id).where(AssetModel.uri == uri)))
    for asset_id in asset_ids:
        for part in _parts(Batch(conn_id, tuple(changes), team=team)):
            _add(session, asset_id, part)
    ask = len(asset_ids)
    if AIRFLOW_V_3_2_PLUS:
        for asset_id in session.scalars(select(AssetModel.id).where(AssetModel.uri == uri + _EACH)).all():
            _store_each(session, asset_id, conn_id, team, changes)
            ask += 1
    if not ask:
        log.warning("Let go: %s from Pipedrive, because no DAG has the asset %s", counted(len(changes), "change"), uri)


def _store_each(session: Session, asset_id: int, conn_id: str, team: str, changes: list[Change]) -> None:
    """An event for each change. A key that is used again would make another DAG run: repetitions are left out."""
    keys = [change.event_id for change in changes]
    stored = set(
        session.scalars(
            select(AssetEvent.partition_key).where(
                AssetEvent.asset_id == asset_id,
                AssetEvent.timestamp > now() - _REPEATED_WITHIN,
                AssetEvent.partition_key.in_(keys),
            )
        )
    )
    for change in changes:
        if change.event_id not in stored:
            _add(session, asset_id, Batch(conn_id, (change,), team=team), partition_key=change.event_id)


def _add(session: Session, asset_id: int, batch: Batch, **more: Any) -> None:
    """Store an event. That of a team's connection starts DAGs of this team only: Airflow 3.3 knows such events by who
    asks its API for one."""
    if batch.team:
        more |= {"source_is_api": True, "api_user_teams": {batch.team}}
        more |= {"api_allow_consumer_teams": [], "api_allow_global_consumers": False}
    asset = session.scalars(select(AssetModel).where(AssetModel.id == asset_id)).one()
    asset_manager.register_asset_change(asset=asset, extra=batch.to_json(), session=session, **more)


def _parts(batch: Batch) -> Iterator[Batch]:
    """A batch in several that are not too big."""
    if len(batch.changes) == 1 or not batch.is_too_big:
        yield batch
        return
    half = len(batch.changes) // 2
    yield from _parts(replace(batch, changes=batch.changes[:half]))
    yield from _parts(replace(batch, changes=batch.changes[half:]))
