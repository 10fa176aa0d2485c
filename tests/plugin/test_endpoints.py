"""Which connections deliveries are taken for, and when a change of them counts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from airflow_provider_pipedrive.plugin import webhooks
from tests.support.web_app import change
from tests.support.webhook_receiver import (
    ACME,
    WEBHOOK,
    Receiver,
    delivery,
    stored_events,
)


def test_another_password_counts_when_the_connections_are_read_again(receiver: Receiver) -> None:
    assert receiver.post(delivery()).status_code == 200
    change("crm", webhook_password="AnotherPasswordOfTheTests01")
    webhooks.endpoints.forget()
    assert receiver.post(delivery()).status_code == 401


def test_a_connection_in_a_secrets_backend_is_found_if_the_configuration_names_it(
    receiver: Receiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "AnotherPartOfTheAddress0123456"
    extra = WEBHOOK | {"oauth_status": ACME, "webhook_url": f"https://airflow.example.com/pipedrive/webhook/{secret}"}
    file = tmp_path / "connections.json"
    file.write_text(json.dumps({"vaulted": {"conn_type": "pipedrive", "extra": extra}}))
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND", "airflow.secrets.local_filesystem.LocalFilesystemBackend")
    monkeypatch.setenv("AIRFLOW__SECRETS__BACKEND_KWARGS", json.dumps({"connections_file_path": str(file)}))
    assert receiver.post(delivery(), f"/pipedrive/webhook/{secret}").status_code == 404
    monkeypatch.setenv("AIRFLOW__PIPEDRIVE__WEBHOOK_CONNECTIONS", "missing, vaulted")
    webhooks.endpoints.forget()
    assert receiver.post(delivery(), f"/pipedrive/webhook/{secret}").status_code == 200
    (event,) = stored_events()
    assert event.extra["pipedrive"]["connection"] == "vaulted"
