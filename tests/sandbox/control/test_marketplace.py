from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from airflow_provider_pipedrive.sandbox import Sandbox


class App(HTTPServer):
    """An app that notes what its callback URL is sent."""

    def __init__(self) -> None:
        self.got: list[tuple[str, str, str, Any]] = []
        super().__init__(("127.0.0.1", 0), Callback)
        self.url = f"http://127.0.0.1:{self.server_port}/callback"


class Callback(BaseHTTPRequestHandler):
    server: App

    def do_DELETE(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((self.command, self.path, self.headers["authorization"], json.loads(body)))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def app() -> Iterator[App]:
    with App() as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server
        server.shutdown()
        thread.join(10)


@pytest.fixture
def pipedrive() -> Iterator[Sandbox]:
    with Sandbox(deals=1, client_id="app", client_secret="app-secret", refresh_token="rt") as sandbox:
        yield sandbox


def renew(pipedrive: Sandbox) -> int:
    form = {"grant_type": "refresh_token", "refresh_token": "rt"}
    return requests.post(f"{pipedrive.url}/oauth/token", data=form, auth=("app", "app-secret"), timeout=10).status_code


def test_uninstalling_tells_the_app_and_ends_its_authorizations(pipedrive: Sandbox, app: App) -> None:
    assert renew(pipedrive) == 200
    answer = requests.post(f"{pipedrive.url}/_sandbox/uninstall", json={"redirect_uri": app.url}, timeout=10)
    assert answer.json()["data"] == {"status": 204}
    assert renew(pipedrive) == 400
    ((method, path, authorization, told),) = app.got
    assert (method, path) == ("DELETE", "/callback")
    assert base64.b64decode(authorization.removeprefix("Basic ")) == b"app:app-secret"
    me = requests.get(f"{pipedrive.url}/v1/users/me", headers={"x-api-token": pipedrive.api_token}, timeout=10)
    mine = me.json()["data"]
    assert told.pop("timestamp")
    assert told == {"client_id": "app", "company_id": mine["company_id"], "user_id": mine["id"]}


def test_only_an_app_on_this_machine_is_told(pipedrive: Sandbox) -> None:
    with pytest.raises(ValueError, match="on this machine"):
        pipedrive.uninstall("http://example.com/callback")
    with pytest.raises(ValueError, match="on this machine"):
        pipedrive.uninstall()
    assert renew(pipedrive) == 200


def test_an_app_that_does_not_answer_is_uninstalled_all_the_same(pipedrive: Sandbox, app: App) -> None:
    assert pipedrive.uninstall("http://127.0.0.1:9/callback") is None
    assert renew(pipedrive) == 400


def test_install_now_comes_back_without_a_state(pipedrive: Sandbox, app: App) -> None:
    form = {"client_id": "app", "redirect_uri": app.url, "decision": "allow"}
    answer = requests.post(f"{pipedrive.url}/oauth/authorize", data=form, allow_redirects=False, timeout=10)
    assert answer.headers["location"].startswith(f"{app.url}?code=")
    assert "state" not in answer.headers["location"]
