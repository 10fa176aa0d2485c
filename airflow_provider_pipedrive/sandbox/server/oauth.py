"""The OAuth host: the consent page, codes, tokens.

https://pipedrive.readme.io/docs/marketplace-oauth-authorization
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from html import escape
from typing import Any
from urllib.parse import urlencode, urlsplit

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response
from airflow_provider_pipedrive.sandbox.state.clock import Clock
from airflow_provider_pipedrive.sandbox.state.settings import Settings

CODE_LIFE = 300
ACCESS_LIFE = 3599
REFRESH_LIFE = 60 * 86_400


@dataclass(slots=True)
class _Grant:
    """One authorization. ``refresh_token`` is its living one; ``used`` is when it was last used."""

    number: int
    scopes: frozenset[str]
    refresh_token: str
    used: float
    revoked: bool = False


@dataclass(slots=True)
class _Code:
    redirect_uri: str
    expires: float
    scopes: frozenset[str]


class OAuth:
    """Codes, grants and access tokens of the one app that the sandbox knows."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self.reset()

    def reset(self) -> None:
        """Forget all tokens but the one refresh token that the sandbox starts with."""
        self._made = 0
        self._codes: dict[str, _Code] = {}
        self._grants: list[_Grant] = []
        self._access: dict[str, tuple[_Grant, float]] = {}
        self._exchanged: set[str] = set()
        self.refreshes = 0
        self._grants.append(_Grant(1, self._scopes(), self._settings.refresh_token, self._clock.time()))

    def _scopes(self) -> frozenset[str]:
        given = self._settings.scopes
        return frozenset(given) if given is not None else ALL_SCOPES

    def _token(self, prefix: str) -> str:
        self._made += 1
        return f"{prefix}{self._made:08d}-{self._settings.seed}"

    # API side

    def grant_of(self, access_token: str) -> _Grant | None:
        """The living grant of an access token that has not expired."""
        grant, expires = self._access.get(access_token, (None, 0.0))
        return grant if grant and not grant.revoked and expires > self._clock.time() else None

    def issue(self, scopes: tuple[str, ...] | None = None) -> str:
        """An access token of a new grant, without the browser's part."""
        grant = _Grant(
            len(self._grants) + 1,
            frozenset(scopes) if scopes is not None else self._scopes(),
            self._token("refresh-"),
            self._clock.time(),
        )
        self._grants.append(grant)
        return self._access_token(grant)

    def expire_access_tokens(self) -> None:
        """Let every access token be expired."""
        self._access.clear()

    def revoke_all(self) -> None:
        """End every authorization."""
        for grant in self._grants:
            grant.revoked = True

    def _access_token(self, grant: _Grant) -> str:
        token = self._token("v1u:")
        self._access[token] = (grant, self._clock.time() + ACCESS_LIFE)
        return token

    # Host side

    def response(self, request: Request, origin: str) -> Response:
        """One request to the OAuth host.

        :raises Refusal: as the host refuses
        """
        if request.path == "/oauth/authorize":
            return self._consent(request) if request.method == "GET" else self._decision(request)
        if request.method != "POST":
            raise refusals.wrong_method(["POST"])
        if request.path == "/oauth/token":
            return self._tokens(request, origin)
        return self._revoke(request)

    def _consent(self, request: Request) -> Response:
        query = dict(request.query)
        self._validate_app(query)
        hidden = "".join(
            f'<input type="hidden" name="{escape(name)}" value="{escape(query[name])}">'
            for name in ("client_id", "redirect_uri", "state")
            if name in query
        )
        page = (
            '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Sandbox: authorize</title></head><body>'
            f"<h1>Let {escape(query['client_id'])} use the sandbox?</h1>"
            f"<p>It asks for: {escape(', '.join(sorted(self._scopes())))}.</p>"
            f'<form method="post" action="/oauth/authorize">{hidden}'
            '<button name="decision" value="allow">Allow</button> <button name="decision" value="deny">Deny</button>'
            "</form></body></html>"
        )
        return Response(content=page.encode(), content_type="text/html; charset=utf-8")

    def _decision(self, request: Request) -> Response:
        form = request.body if isinstance(request.body, dict) else {}
        self._validate_app(form)
        back: dict[str, str] = {}
        if form.get("decision") == "allow":
            back["code"] = self._token("code-")
            self._codes[back["code"]] = _Code(form["redirect_uri"], self._clock.time() + CODE_LIFE, self._scopes())
        else:
            back["error"] = "user_denied"
        if "state" in form:
            back["state"] = form["state"]
        joint = "&" if urlsplit(form["redirect_uri"]).query else "?"
        return Response(status=302, content=b"", headers=[("location", form["redirect_uri"] + joint + urlencode(back))])

    def _validate_app(self, values: dict[str, Any]) -> None:
        if values.get("client_id") != self._settings.client_id:
            raise refusals.oauth("invalid_client", "The client_id is unknown.")
        uri = values.get("redirect_uri") or ""
        registered = self._settings.redirect_uri
        if urlsplit(uri).scheme not in ("http", "https") or (registered is not None and uri != registered):
            raise refusals.oauth("invalid_request", "The redirect_uri is missing or not the registered one.")

    def _tokens(self, request: Request, origin: str) -> Response:
        form = self._client_form(request)
        grant_type = form.get("grant_type")
        if grant_type == "authorization_code":
            grant = self._by_code(form)
        elif grant_type == "refresh_token":
            grant = self._by_refresh_token(form)
        elif grant_type == "exchange_api_token":
            grant = self._by_api_token(form)
        else:
            raise refusals.oauth("unsupported_grant_type", "The grant_type is missing or not supported.")
        document = {
            "access_token": self._access_token(grant),
            "token_type": "Bearer",  # nosec B105 # a kind of token
            "refresh_token": grant.refresh_token,
            "scope": ",".join(sorted(grant.scopes)),
            "expires_in": ACCESS_LIFE,
            "api_domain": origin,
        }
        return Response(document, headers=[("cache-control", "no-store")])

    def _client_form(self, request: Request) -> dict[str, str]:
        """The form of a request whose client has authenticated, by Basic auth or by fields of the form."""
        if request.content_type != "application/x-www-form-urlencoded":
            raise refusals.oauth("invalid_request", "The content type must be application/x-www-form-urlencoded.")
        form: dict[str, str] = request.body or {}
        scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            try:
                client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError):
                raise refusals.oauth("invalid_client", "The Authorization header is not valid Basic auth.") from None
        else:
            client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
        if (client_id, secret) != (self._settings.client_id, self._settings.client_secret):
            raise refusals.oauth("invalid_client", "The client credentials are missing or wrong.")
        return form

    def _new_grant(self, scopes: frozenset[str]) -> _Grant:
        grant = _Grant(len(self._grants) + 1, scopes, self._token("refresh-"), self._clock.time())
        self._grants.append(grant)
        return grant

    def _by_code(self, form: dict[str, str]) -> _Grant:
        code = self._codes.pop(form.get("code", ""), None)
        if code is None or code.expires <= self._clock.time():
            raise refusals.oauth("invalid_grant", "Invalid grant: authorization code is invalid or has expired.")
        if form.get("redirect_uri") != code.redirect_uri:
            raise refusals.oauth("invalid_request", "The redirect_uri is missing or not the same as before.")
        return self._new_grant(code.scopes)

    def _by_refresh_token(self, form: dict[str, str]) -> _Grant:
        now = self._clock.time()
        given = form.get("refresh_token", "")
        grant = next((g for g in self._grants if given and g.refresh_token == given and not g.revoked), None)
        if grant is None or grant.used + REFRESH_LIFE <= now:
            raise refusals.oauth("invalid_grant", "Invalid grant: refresh token is invalid or already exchanged.")
        self.refreshes += 1
        grant.used = now
        if self._settings.rotate_refresh_tokens:
            grant.refresh_token = self._token("refresh-")
        return grant

    def _by_api_token(self, form: dict[str, str]) -> _Grant:
        token = form.get("api_token", "")
        if token != self._settings.api_token or token in self._exchanged:
            raise refusals.oauth("invalid_grant", "Invalid grant: the api_token is invalid.")
        self._exchanged.add(token)
        return self._new_grant(self._scopes())

    def _revoke(self, request: Request) -> Response:
        token = self._client_form(request).get("token", "")
        self._access.pop(token, None)
        for grant in self._grants:
            if token and grant.refresh_token == token:
                grant.revoked = True
        return Response({"success": True})


ALL_SCOPES = frozenset(scope for action in ACTIONS.values() for scope in action.scopes) | {"base"}
"""Every scope that an operation asks for."""
