"""Puts the package behind the four functions that a conformance runner calls.

Each call goes the way of a DAG author's: an Airflow connection in the environment, then ``PipedriveHook``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from typing import Any

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.client.responses import Operation, Response, raise_for_response
from airflow_provider_pipedrive.client.retries import may_repeat
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveBlockedError,
    PipedriveBurstLimitError,
    PipedriveDailyBudgetError,
    PipedriveError,
)
from airflow_provider_pipedrive.events import webhooks
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

_CONNECTION = "pipedrive_conformance"
_LIMITS = {
    PipedriveBurstLimitError: "burst",
    PipedriveBlockedError: "burst",
    PipedriveDailyBudgetError: "daily",
}


def call(
    action: str, params: Mapping[str, Any], base_url: str, auth: Mapping[str, str], version: str | None = None
) -> Any:
    """Do one action."""
    return _hook(base_url, auth).run(_key(action, version), params)


def paginate(
    action: str, params: Mapping[str, Any], base_url: str, auth: Mapping[str, str], version: str | None = None
) -> Iterator[Any]:
    """All records of a list."""
    return _hook(base_url, auth).iterate(_key(action, version), params)


def classify(status: int, headers: Mapping[str, str], body: str, method: str = "GET") -> dict[str, Any]:
    """How an answer is judged."""
    request = Operation(method, "/v1/anything")
    try:
        raise_for_response(request, Response(status, headers, body.encode()))
    except PipedriveError as error:
        return {
            "retryable": may_repeat(request, error),
            "wait_s": error.retry_after,
            "auth": isinstance(error, PipedriveAuthError),
            "rate_limit": _LIMITS.get(type(error)),
            "gone": status == 410,
            "is_error": True,
        }
    return {"retryable": False, "wait_s": None, "auth": False, "rate_limit": None, "gone": False, "is_error": False}


def parse_webhook(payload: Mapping[str, Any]) -> dict[str, str]:
    """What a webhook's payload is about."""
    event = webhooks.parse_webhook(payload)
    return {name: getattr(event, name) for name in ("version", "entity", "action", "id")}


def _key(action: str, version: str | None) -> str:
    return f"{action}V1" if version == "v1" and f"{action}V1" in ACTIONS else action


def _hook(base_url: str, auth: Mapping[str, str]) -> PipedriveHook:
    forget_tokens()  # each case stands for a process of its own
    extra: dict[str, Any] = {"timeout": 5, "max_attempts": 1, "burst_limit": 1000}
    connection: dict[str, Any] = {"conn_type": "pipedrive", "host": base_url, "extra": extra}
    if auth["type"] == "oauth":
        connection |= {"login": auth["client_id"], "password": auth["client_secret"]}
        extra |= {
            "access_token": auth["access_token"],
            "refresh_token": auth["refresh_token"],
            "oauth_host": base_url,
        }
    else:
        extra["api_token"] = auth["token"]
    os.environ[f"AIRFLOW_CONN_{_CONNECTION.upper()}"] = json.dumps(connection)
    return PipedriveHook(_CONNECTION)
