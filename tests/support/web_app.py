"""A browser in front of Airflow's own web app, with the sandbox as Pipedrive and connections in a real database."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest
import requests
from airflow import settings
from airflow.api_fastapi.app import create_app, get_auth_manager, purge_cached_app
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models import Connection, crypto
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_2_PLUS
from airflow.utils.session import create_session
from pytest_mock import MockerFixture
from sqlalchemy import select
from starlette.testclient import TestClient
from uvicorn.protocols.utils import get_path_with_query_string

from airflow_provider_pipedrive.accounts import status
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET

ORIGIN = "http://127.0.0.1:8080"
PAGES = f"{ORIGIN}/pipedrive"
TABLES = ("connection", "team", "revoked_token", "variable")
"""Those of Airflow's metadata database that the pages use."""
# The browser of these tests is starlette's client, which takes httpx2 where that is installed; it logs whole addresses.
logging.getLogger("httpx2").setLevel(logging.WARNING)
log = logging.getLogger(__name__)
SAME_SITE = {"Origin": ORIGIN, "Sec-Fetch-Site": "same-origin"}


class UvicornsAccessLog:
    """The access log of Airflow 3.1, which leaves that to uvicorn: written from the scope, as the answer begins."""

    def __init__(self, app: Any) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        async def logged(message: Any) -> None:
            if message["type"] == "http.response.start":
                # As an error, so that no setting of a logger's level hides it.
                log.error("%s %s request finished", scope["method"], get_path_with_query_string(scope))
            await send(message)

        await self._app(scope, receive, logged)


@pytest.fixture(scope="session")
def airflow_app() -> Iterator[Any]:
    """Airflow's web app as its API server runs it, the plugin found by its entry point."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AIRFLOW__API_AUTH__JWT_SECRET", "j" * 64)
        patch.setenv("AIRFLOW__CORE__TEST_CONNECTION", "Enabled")
        patch.setenv("AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS", "admin:admin,other:admin,vi:viewer")
        purge_cached_app()
        app = create_app(apps="core")
        if not AIRFLOW_V_3_2_PLUS:
            app.add_middleware(UvicornsAccessLog)
        yield app
        purge_cached_app()


@pytest.fixture(autouse=True)
def database(airflow_app: Any) -> Iterator[None]:
    """Airflow's metadata database, as far as connections go."""
    metadata = Connection.metadata
    tables = [table for name, table in metadata.tables.items() if name in TABLES]
    metadata.create_all(settings.engine, tables=tables)
    yield
    metadata.drop_all(settings.engine, tables=tables)


@pytest.fixture
def pipedrive(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """Pipedrive, without the connection that other tests find in the environment."""
    monkeypatch.delenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT")
    return sandbox


@pytest.fixture(autouse=True)
def fernet_key(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Airflow encrypts what it stores."""
    monkeypatch.setenv("AIRFLOW__CORE__FERNET_KEY", "cG-7mKz2vTqkhQwHqz2a0W0m1mXzJ0l4iQb3a4n5o6c=")
    forget_fernet()
    yield
    forget_fernet()


def forget_fernet() -> None:
    """Have Airflow read its Fernet key again."""
    if hasattr(crypto.get_fernet, "cache_clear"):
        crypto.get_fernet.cache_clear()
    else:
        crypto._fernet = None


class Clock:
    """A clock that is moved on by hand."""

    def __init__(self) -> None:
        self.passed = 0.0

    def time(self) -> float:
        import time

        return time.time() + self.passed


@pytest.fixture
def clock(mocker: MockerFixture) -> Clock:
    it = Clock()
    mocker.patch.object(status, "clock", it)
    return it


class Browser:
    """Walks through Airflow's and Pipedrive's pages, follows redirects within Airflow, and keeps cookies.

    :param role: of the signed-in user; ``None`` is a guest
    """

    def __init__(self, app: Any, pipedrive: Sandbox, user: str | None = "admin", role: str = "admin") -> None:
        self.pipedrive = pipedrive
        self.http = TestClient(app, base_url=ORIGIN, follow_redirects=False)
        if user:
            self.sign_in(user, role)

    def sign_in(self, user: str, role: str = "admin", **more: Any) -> None:
        token = get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=user, role=role, **more))
        self.http.cookies.set("_token", token, domain="127.0.0.1", path="/")

    def get(self, address: str, **headers: str) -> httpx.Response:
        """A page, redirects within Airflow followed."""
        answer = self.http.get(urljoin(PAGES + "/", address), headers=headers)
        return self._followed(answer)

    def post(self, address: str, headers: dict[str, str] | None = None, **form: str) -> httpx.Response:
        """Send a form as a page of ours would, its token included, redirects followed."""
        form.setdefault("token", self.form_token())
        answer = self.http.post(urljoin(PAGES + "/", address), data=form, headers=SAME_SITE | (headers or {}))
        return self._followed(answer)

    def form_token(self) -> str:
        found = re.search(r'name="token" value="([^"]+)"', self.http.get(f"{PAGES}/page").text)
        return found[1] if found else ""

    def _followed(self, answer: httpx.Response) -> httpx.Response:
        for _ in range(5):
            if answer.status_code not in (302, 303) or "/auth/" in answer.headers["location"]:
                break
            answer = self.http.get(urljoin(str(answer.url), answer.headers["location"]))
        return answer

    def start(self, conn_id: str = "crm") -> str:
        """Press Connect; returns the consent page's address."""
        page = self.post("connect", conn_id=conn_id)
        found = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', page.text)
        assert found, page.text
        return unescape(found[1])

    def consent(self, address: str, button: str = "Allow") -> str:
        """Press a button on the consent page; returns the address that Pipedrive sends the browser to."""
        page = requests.get(address, timeout=10)
        page.raise_for_status()
        (value,) = re.findall(rf'<button[^>]* name="decision" value="([^"]+)"[^>]*>\s*{button}', page.text)
        fields = {
            name: unescape(text)
            for name, text in re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text)
        }
        answer = requests.post(
            f"{self.pipedrive.url}/oauth/authorize",
            data=fields | {"decision": value},
            allow_redirects=False,
            timeout=10,
        )
        return answer.headers["location"]

    def connect(self, conn_id: str = "crm") -> httpx.Response:
        """The whole way from Connect to the page that reports it."""
        return self.get(self.consent(self.start(conn_id)))

    def finish(self, **form: str) -> httpx.Response:
        """Choose a connection for the installation that waits, and accept the account that is shown then."""
        page = self.choose(**form)
        return self.post("confirm", token=token_on(page)) if str(page.url).endswith("/confirm") else page

    def choose(self, **form: str) -> httpx.Response:
        """Send the form that asks which connection an installation is for."""
        return self.post("finish", **{"token": token_on(self.get("finish"))} | form)

    def install(self) -> str:
        """Install the app from the Marketplace; returns the address that Pipedrive sends the browser to: a code, and no
        state."""
        uri = requests.utils.quote(f"{PAGES}/callback", safe="")
        address = f"{self.pipedrive.url}/oauth/authorize?client_id={CLIENT_ID}&redirect_uri={uri}"
        return self.consent(address)


@pytest.fixture
def browser(airflow_app: Any, pipedrive: Sandbox) -> Browser:
    """The browser of someone who may edit connections."""
    return Browser(airflow_app, pipedrive)


@pytest.fixture
def stranger(airflow_app: Any, pipedrive: Sandbox) -> Browser:
    """Another browser, with another such person."""
    return Browser(airflow_app, pipedrive, "other")


@pytest.fixture
def guest(airflow_app: Any, pipedrive: Sandbox) -> Browser:
    """A browser in which nobody has signed in."""
    return Browser(airflow_app, pipedrive, None)


@pytest.fixture
def viewer(airflow_app: Any, pipedrive: Sandbox) -> Browser:
    """The browser of someone who may not edit connections."""
    return Browser(airflow_app, pipedrive, "vi", "viewer")


@pytest.fixture
def crm(pipedrive: Sandbox) -> str:
    """A connection with the app's id and secret, not yet authorized."""
    return add_connection(pipedrive, "crm")


def add_connection(pipedrive: Sandbox, conn_id: str, login: str = CLIENT_ID, **extra: Any) -> str:
    """Store a connection to the sandbox."""
    extra = {"oauth_host": pipedrive.url, **extra}
    with create_session() as session:
        session.add(
            Connection(
                conn_id=conn_id,
                conn_type="pipedrive",
                host=pipedrive.url,
                login=login,
                password=CLIENT_SECRET,
                extra=json.dumps(extra),
            )
        )
    return conn_id


def stored(conn_id: str = "crm") -> dict[str, Any]:
    """The extra of a stored connection."""
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
        return dict(row.extra_dejson) if row else {}


def change(conn_id: str, **extra: Any) -> None:
    """Change the extra of a stored connection, as a person would in Airflow's form."""
    with create_session() as session:
        row = session.scalar(select(Connection).where(Connection.conn_id == conn_id))
        row.set_extra(json.dumps({**row.extra_dejson, **extra}))


def token_on(page: httpx.Response) -> str:
    """What the first form on a page must send back."""
    found = re.search(r'name="token" value="([^"]+)"', page.text)
    return found[1] if found else ""


def text_of(page: httpx.Response) -> str:
    """What a person reads on a page."""
    body = re.sub(r"<(style|script)\b.*?</\1>", "", page.text, flags=re.DOTALL)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def whoami(pipedrive: Sandbox) -> tuple[str, str]:
    """The user and the company of the sandbox's API token, as the pages name them."""
    me = requests.get(f"{pipedrive.url}/v1/users/me", headers={"x-api-token": API_TOKEN}, timeout=10).json()["data"]
    return f"{me['name']} ({me['email']})", me["company_name"]
