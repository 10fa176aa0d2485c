"""One request of a browser for a page: who it is, what it sent, and the answer with everything that keeps it safe."""

from __future__ import annotations

import base64
import hmac
import logging
import secrets
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NoReturn, Self
from urllib.parse import parse_qs, urlsplit

from airflow.configuration import conf
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import RedirectResponse, Response

from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.plugin import access, addresses
from airflow_provider_pipedrive.plugin.sealed_cookies import seal, unseal

log = logging.getLogger(__name__)

LONGEST_QUERY = 8192
LONGEST_BODY = 16 * 1024
_BROWSER = "pipedrive_browser"
_FLASH = "pipedrive_flash"
_FORM_SECONDS = 8 * 3600
_FLASH_SECONDS = 60


class _StopError(Exception):
    """Ends a request with a page that says why."""

    def __init__(self, status: int, title: str, text: str) -> None:
        super().__init__(title)
        self.status = status
        self.title = title
        self.text = text


def stop(status: int, title: str, text: str) -> NoReturn:
    """End the request with a page that says why."""
    raise _StopError(status, title, text)


@dataclass
class PageRequest:
    """One request and what is known about its sender.

    :param user: the signed-in user, or ``None``
    :param query: of the address, each part once
    :param form: what was posted
    :param body: of a request that is no form
    :param form_about: what the form was shown for, where its page said so
    """

    request: Request
    user: Any
    query: dict[str, str]
    form: dict[str, str]
    body: bytes
    form_about: dict[str, Any] = field(default_factory=dict)
    nonce: str = field(default_factory=lambda: secrets.token_urlsafe(16))
    cookies: list[Callable[[Response], None]] = field(default_factory=list)

    @classmethod
    def of_nobody(cls, request: Request) -> Self:
        """One for which it does not matter who is signed in."""
        return cls(request, None, {}, {}, b"")

    @property
    def root(self) -> str:
        """Path of our pages, see :func:`addresses.root`."""
        return addresses.root(self.request)

    @property
    def user_id(self) -> str:
        """Of the signed-in user."""
        return str(self.user.get_id())

    @property
    def framed(self) -> bool:
        """Whether the browser shows the answer in a frame: Airflow's page, which no other site's page can open in."""
        return self.request.headers.get("sec-fetch-dest") in ("iframe", "frame")

    # ---- cookies

    def set_cookie(self, name: str, value: str, seconds: int | None, path: str | None = None) -> None:
        """Set a cookie. ``Lax``, since Pipedrive's redirect comes from another site."""
        secure = self._secure()
        self.cookies.append(
            lambda response: response.set_cookie(
                name, value, max_age=seconds, path=path or self.root, secure=secure, httponly=True, samesite="lax"
            )
        )

    def drop(self, name: str, path: str | None = None) -> None:
        """Have the browser forget a cookie."""
        secure = self._secure()
        self.cookies.append(
            lambda response: response.delete_cookie(
                name, path=path or self.root, secure=secure, httponly=True, samesite="lax"
            )
        )

    def _secure(self) -> bool:
        """Whether the browser came by https, as far as a server behind a proxy can know."""
        base_url = conf.get("api", "base_url", fallback="")
        return self.request.url.scheme == "https" or urlsplit(base_url).scheme == "https"

    # ---- forms

    def form_token(self, **about: Any) -> str:
        """What a form must send back: it ties the form to this browser and this user. It never reads the same twice.

        :param about: what else it is tied to, for :attr:`form_about`
        """
        browser = self.request.cookies.get(_BROWSER, "")
        if not 20 <= len(browser) <= 100:
            browser = secrets.token_urlsafe(24)
            self.request.cookies[_BROWSER] = browser
            self.set_cookie(_BROWSER, browser, None)
        return seal("form", {"browser": browser, "user": self.user_id, "about": about})

    def check_form(self) -> None:
        """Stop a form that no page of ours has sent."""
        sealed = unseal("form", self.form.get("token"), _FORM_SECONDS)
        browser = self.request.cookies.get(_BROWSER, "")
        if not (
            addresses.posted_by_us(self.request)
            and sealed
            and browser
            and hmac.compare_digest(str(sealed.get("browser")).encode(), browser.encode())
            and hmac.compare_digest(str(sealed.get("user")).encode(), self.user_id.encode())
        ):
            stop(
                403,
                "This form is not accepted",
                "It was not sent from Airflow's own Pipedrive page in this browser, or the page was open for too long. "
                "Open the page again and repeat what you did." + addresses.hint(self.request),
            )
        self.form_about = dict(sealed.get("about") or {})

    # ---- answers

    def render(self, template: str, status: int = 200, **values: Any) -> Response:
        """A page. Everything in it is escaped."""
        text = (
            _templates()
            .get_template(template)
            .render(
                root=self.root,
                nonce=self.nonce,
                home=addresses.airflow_path(self.request, "plugin/pipedrive"),
                form_token=self.form_token,
                flash=self._flash(),
                framed=self.framed,
                page_url=addresses.page_url(self.request),
                **values,
            )
        )
        return Response(text, status, media_type="text/html")

    def redirect(self, path: str, text: str = "", good: bool = False) -> Response:
        """Lead the browser on to one of our pages, which then shows ``text``."""
        if text:
            self.set_cookie(_FLASH, seal("flash", {"text": text[:2000], "good": good}), _FLASH_SECONDS)
        return RedirectResponse(f"{self.root}/{path}", 303)

    def to_login(self, path: str) -> Response:
        """Lead a guest to Airflow's login, and from there to one of our pages."""
        return RedirectResponse(access.login_path(f"{self.root}/{path}"), 303)

    def _flash(self) -> dict[str, Any] | None:
        cookie = self.request.cookies.get(_FLASH)
        if cookie is None:
            return None
        self.drop(_FLASH)
        return unseal("flash", cookie, _FLASH_SECONDS)

    def finish(self, response: Response) -> Response:
        """The answer with its cookies and the headers that every answer has."""
        for set_cookie in self.cookies:
            set_cookie(response)
        response.headers.update(
            {
                "Content-Security-Policy": f"default-src 'none'; style-src 'nonce-{self.nonce}'; "
                f"script-src 'nonce-{self.nonce}'; form-action 'self'; base-uri 'none'; "
                "frame-ancestors 'self'",
                "X-Frame-Options": "SAMEORIGIN",
                "X-Content-Type-Options": "nosniff",
                "Cache-Control": "no-store",
                # Nothing to other sites. `no-referrer` would blank the Origin that our own forms are known by.
                "Referrer-Policy": "same-origin",
                "Cross-Origin-Opener-Policy": "same-origin",
            }
        )
        return response


Handler = Callable[[PageRequest], Response]
Route = Callable[[Request], Awaitable[Response]]


def open_to_all(handler: Handler) -> Route:
    """A route for everyone: the handler itself asks who it is."""
    return _route(handler, lambda page: None)


def requires_edit(handler: Handler) -> Route:
    """A route for those who may edit connections. Guests are led to the login, forms must come from our own pages."""

    def admit(page: PageRequest) -> Response | None:
        if page.user is None:
            return page.to_login("finish" if page.request.url.path.endswith("/finish") else "page")
        require(access.may_edit(page.user))
        if page.request.method == "POST":
            page.check_form()
        return None

    return _route(handler, admit)


def require(allowed: bool) -> None:
    """Stop someone who may not."""
    if not allowed:
        stop(
            403,
            "You may not do this",
            "Connecting Pipedrive needs the permission to edit Airflow's connections. Ask an Airflow administrator.",
        )


def _route(handler: Handler, admit: Callable[[PageRequest], Response | None]) -> Route:
    async def route(request: Request) -> Response:
        page = PageRequest(request, await access.user_of(request), {}, {}, b"")

        def answer() -> Response:
            try:
                _read(page, request.scope["query_string"], body)
                return admit(page) or handler(page)
            except _StopError as end:
                return page.render("message.html", end.status, title=end.title, text=end.text)
            except PipedriveError as error:
                return page.render("message.html", 400, title="That did not work", text=str(error))
            except Exception as error:  # noqa: BLE001 - a person gets a page, the log the place, neither any values
                return page.render("message.html", 500, title="Something went wrong", text=logged(error))

        try:
            body = await body_of(request)
        except ClientDisconnect:  # nobody is there to read an answer, and nothing has gone wrong here
            return Response(status_code=408)
        return page.finish(await run_in_threadpool(answer))

    return route


def logged(error: Exception) -> str:
    """Write to the log where something unforeseen went wrong; the words for people. Neither has any values."""
    place = "".join(traceback.format_tb(error.__traceback__))
    log.error("Pipedrive page failed with %s at\n%s", type(error).__name__, place)
    return f"{type(error).__name__}: the log of Airflow's API server says where."


async def body_of(request: Request) -> bytes | None:
    """What was sent, or ``None`` where it is too long."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > LONGEST_BODY:
            return None
    return body


def _read(page: PageRequest, raw_query: bytes, body: bytes | None) -> None:
    if body is None or len(raw_query) > LONGEST_QUERY:
        stop(413, "Too long", "No page of ours sends that much.")
    page.query = _parts(raw_query)
    if page.request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        page.form = _parts(body)
    page.body = body


def _parts(text: bytes) -> dict[str, str]:
    try:
        found = parse_qs(text.decode("latin-1"), keep_blank_values=True, max_num_fields=50)
    except ValueError:
        stop(400, "Not understood", "The request has too many parts.")
    if any(len(values) > 1 for values in found.values()):
        stop(400, "Not understood", "The request has a part twice.")
    return {name: values[0].strip() for name, values in found.items()}


def basic_credentials(request: Request) -> bytes:
    """Name and password of Basic auth, ``name:password``; empty where there are none."""
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return b""
    try:
        return base64.b64decode(encoded.strip(), validate=True)
    except ValueError:
        return b""


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
