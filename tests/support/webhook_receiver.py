"""Airflow's receiver with a database behind it, and deliveries as Pipedrive sends them."""

from __future__ import annotations

import base64
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import uvicorn
from airflow import settings
from airflow.models import Variable
from airflow.models.asset import AssetActive, AssetEvent, AssetModel
from airflow.models.base import Base
from airflow.utils.session import create_session
from sqlalchemy import delete, select
from starlette.testclient import TestClient

from airflow_provider_pipedrive.plugin.webhooks import endpoints
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.web_app import ORIGIN, TABLES, add_connection

SECRET = "UnguessablePartOfTheAddress0123"
USER = "pipedrive"
PASSWORD = "WebhookPasswordOfTheTests0123"
WEBHOOK = {
    "webhook_url": f"{ORIGIN}/pipedrive/webhook/{SECRET}",
    "webhook_user": USER,
    "webhook_password": PASSWORD,
}
ACME = {"state": "connected", "company": "Acme", "company_id": 900, "domain": "acme"}
"""What the page has noted in the connection."""
PATH = f"/pipedrive/webhook/{SECRET}"
AUTH = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()}
DEALS = "pipedrive://acme/deals"


@pytest.fixture(scope="session")
def tables(airflow_app: Any) -> Iterator[None]:
    """Airflow's metadata database, beyond what the harness makes and drops for each test."""
    others = [table for name, table in Base.metadata.tables.items() if name not in TABLES]
    Base.metadata.create_all(settings.engine, tables=others)
    yield
    Base.metadata.drop_all(settings.engine, tables=others)


@pytest.fixture
def assets(tables: None) -> Iterator[None]:
    """A DAG names the deals of acme."""
    add_asset(DEALS)
    yield
    with create_session() as session:
        for model in (AssetEvent, AssetActive, AssetModel, Variable):
            session.execute(delete(model))


@pytest.fixture
def receiver(airflow_app: Any, pipedrive: Sandbox, assets: None) -> Receiver:
    """The receiver, with the connection ``crm`` of the company acme."""
    add_connection(pipedrive, "crm", **WEBHOOK, oauth_status=ACME)
    endpoints.forget()
    return Receiver(airflow_app)


class Receiver:
    """Sends deliveries as Pipedrive does."""

    def __init__(self, app: Any) -> None:
        self.app = app
        self.http = TestClient(app, base_url=ORIGIN, follow_redirects=False)

    def post(self, document: Any = None, path: str = PATH, headers: dict[str, str] | None = None, **more: Any) -> Any:
        """Send one delivery; ``content`` instead of a document is sent as it is."""
        if document is not None:
            more["json"] = document
        given = AUTH | {"Content-Type": "application/json"} | (headers or {})
        return self.http.post(path, headers={name: value for name, value in given.items() if value}, **more)


def delivery(action: str = "change", deal: int = 17, **meta: Any) -> dict[str, Any]:
    """What Pipedrive sends when a deal moves on a stage."""
    data = {"id": deal, "title": "Roof", "stage_id": 3, "status": "open", "update_time": "2026-11-02T08:15:30Z"}
    return {
        "meta": {
            "action": action,
            "entity": "deal",
            "entity_id": str(deal),
            "company_id": "900",
            "id": f"1b4e28ba-2fa1-11d2-883f-{deal:012d}",
            "timestamp": "2026-11-02T08:15:30.120Z",
            "version": "2.0",
            "attempt": 1,
            "host": "acme.pipedrive.com",
            **meta,
        },
        "data": None if action == "delete" else data,
        "previous": {"create": None, "delete": data}.get(action, {"stage_id": 2}),
    }


def add_asset(uri: str) -> None:
    """Store an asset, as Airflow does when a DAG names it."""
    with create_session() as session:
        session.add(AssetModel(name=uri, uri=uri, group="asset", extra={}))
        session.flush()
        session.add(AssetActive(name=uri, uri=uri))


def stored_events(uri: str = DEALS) -> list[AssetEvent]:
    """An asset's events."""
    with create_session() as session:
        query = select(AssetEvent).join(AssetModel, AssetModel.id == AssetEvent.asset_id).where(AssetModel.uri == uri)
        found = list(session.scalars(query.order_by(AssetEvent.id)))
        session.expunge_all()
    return found


def stored_changes(uri: str = DEALS) -> list[dict[str, Any]]:
    """The changes in all of an asset's events."""
    return [change for event in stored_events(uri) for change in event.extra["pipedrive"]["changes"]]


@contextmanager
def listening(app: Any) -> Iterator[str]:
    """The app behind a real server; its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(100)
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        yield f"127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(30)
