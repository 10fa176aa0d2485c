"""Connecting an account: the route from a consent page to tokens, and back.

Nothing here opens a socket: whoever connects hands in how a request is sent, :meth:`Transport.send`.

https://pipedrive.readme.io/docs/marketplace-oauth-authorization
"""

from __future__ import annotations

import hmac
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode

from airflow_provider_pipedrive.accounts.scopes import scopes_in
from airflow_provider_pipedrive.client.auth import app_headers, basic, company_origin, lifetime
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.client.redaction import Redactor
from airflow_provider_pipedrive.client.responses import Operation, Response, raise_for_response
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, OAuth
from airflow_provider_pipedrive.client.shared_tokens import SharedTokens
from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveParameterError,
    PipedriveResponseError,
    PipedriveValidationError,
)

CODE_LIFE = 300
"""Seconds that a code is good for."""
IDLE_DAYS = 60
"""Days without use after which a refresh token dies. Each renewal starts them again."""

Send = Callable[[PreparedRequest], Response]
"""Sends one request: call, URL, headers, body."""

_TOKEN = "/oauth/token"  # nosec B105 # a path: with a slash at its end it redirects, which loses the form
_REVOKE = "/oauth/revoke"


# ---- the browser's part


def new_state() -> str:
    """A random text that goes with one attempt to connect, and must come back with its answer."""
    return secrets.token_urlsafe(32)


def authorize_url(app: OAuth, redirect_uri: str, state: str) -> str:
    """The address of the consent page.

    Scopes are chosen in the Developer Hub, not here, and neither ``response_type`` nor PKCE is documented.

    :param redirect_uri: exactly the callback URL that is registered with the app
    """
    query = {"client_id": app.client_id, "redirect_uri": redirect_uri, "state": state}
    return f"{app.origin}/oauth/authorize?{urlencode(query)}"


@dataclass(frozen=True)
class Callback:
    """What Pipedrive sends a browser back with.

    :param code: to be exchanged for tokens, once, within 5 minutes
    :param state: the text that went out with the consent page; an installation that began in Pipedrive's Marketplace
        has none
    :param error: why there is no code: ``user_denied``
    """

    code: str | None = field(repr=False, default=None)
    state: str | None = field(repr=False, default=None)
    error: str | None = None

    @classmethod
    def read(cls, address: str) -> Callback:
        """The callback in an address or in its query alone.

        :raises PipedriveParameterError: a part of it stands there twice
        """
        query = (address.strip().partition("?")[2] or address.strip()).partition("#")[0]
        try:
            found = parse_qs(query, max_num_fields=50)
        except ValueError:
            found = {}
        parts = {name: found[name] for name in ("code", "state", "error") if name in found}
        if any(len(values) > 1 for values in parts.values()):
            raise PipedriveParameterError("The callback has a part twice: it does not come from Pipedrive.")
        return cls(**{name: values[0] for name, values in parts.items()})

    def code_for(self, state: str) -> str:
        """The code, if this answers the attempt that ``state`` went out with.

        :raises PipedriveAuthError: Pipedrive answers this attempt with no
        :raises PipedriveParameterError: it answers another attempt, or none
        """
        if self.state is not None and not _is_same(self.state, state):
            raise PipedriveParameterError(
                "The callback belongs to another attempt to connect: its state is not the one sent out. Use the "
                "consent page of this attempt."
            )
        # Whether a refusal carries the state is not documented. One without it can do no more than end the attempt.
        if self.error == "user_denied":
            raise PipedriveAuthError(
                "Access was denied on Pipedrive's consent page. Connect again and press Allow.", reason=self.error
            )
        if self.error is not None:
            shown = re.sub(r"[^\w .:-]", "?", self.error[:100])
            raise PipedriveAuthError(f"Pipedrive's consent page failed: {shown}. Connect again.", reason=shown)
        if not self.code:
            raise PipedriveParameterError(
                "The callback has no code. Take the whole address that the browser was sent to, from http to the end."
            )
        if self.state is None:
            raise PipedriveParameterError(
                "The callback has no state, so it does not answer this attempt to connect. Take the whole address that "
                "the browser was sent to after pressing Allow on this attempt's consent page."
            )
        return self.code


def _is_same(state: str, other: str) -> bool:
    """Whether two states are equal, in a time that does not tell how far they are."""
    return hmac.compare_digest(state.encode("utf-8", "surrogatepass"), other.encode("utf-8", "surrogatepass"))


# ---- the OAuth host's part


@dataclass(frozen=True)
class Grant:
    """What the OAuth host hands out.

    :param expires_in: seconds that the access token lives
    :param scopes: what may be done with it; empty where the host does not say
    :param api_domain: the company's origin, such as ``https://acme.pipedrive.com``; ``None`` where the host does not
        say
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    expires_in: float
    scopes: tuple[str, ...]
    api_domain: str | None


def exchange(send: Send, app: OAuth, code: str, redirect_uri: str) -> Grant:
    """Tokens for a code. Sent once: a code works a single time, and a second try could cost the tokens of the first.

    :param redirect_uri: the same as on the consent page
    :raises PipedriveAuthError: the code, the client or the redirect URI is refused; the message says which
    :raises PipedriveError: no usable answer came; connecting begins again
    """
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": redirect_uri}
    advice = "The code was used before, or is older than 5 minutes: connect again."
    return _grant(_post(send, app, _TOKEN, form, code, advice), app)


def refresh(send: Send, credential: OAuth) -> Grant:
    """New tokens for the refresh token. The refresh token in the answer is the one to keep, even where it differs.

    :raises PipedriveAuthError: the authorization is over, or the client is refused
    :raises PipedriveError: no usable answer came; the refresh token stays good
    """
    token = credential.refresh_token or ""
    form = {"grant_type": "refresh_token", "refresh_token": token}
    advice = f"The refresh token was revoked, replaced, or unused for {IDLE_DAYS} days: connect the account again."
    return _grant(_post(send, credential, _TOKEN, form, token, advice), credential)


def revoke(send: Send, credential: OAuth, kept: str | None = None) -> None:
    """Give the authorization back. Revoking a refresh token uninstalls the app for its user; where there is only an
    access token, that one dies. The OAuth host agrees to unknown tokens too.

    :param kept: a refresh token that has replaced the credential's own
    :raises PipedriveAuthError: the client is refused
    :raises PipedriveError: no usable answer came
    """
    kind = "refresh_token" if credential.refresh_token else "access_token"
    shared = SharedTokens(credential)
    newest = shared.read()
    # Where a renewal has replaced the connection's token, the account is still connected by the new one.
    tokens = [newest.refresh_token if newest else "", kept, credential.refresh_token or credential.access_token]
    for token in dict.fromkeys(filter(None, tokens)):
        form = {"token": token, "token_type_hint": kind}
        _post(send, credential, _REVOKE, form, token, "Look at the connection's tokens.")
    shared.forget()


def _post(send: Send, app: OAuth, path: str, form: Mapping[str, str], secret: str, advice: str) -> dict[str, Any]:
    """Send a form once and return the answer.

    :param secret: the form's own secret
    :param advice: what to do when the secret is refused
    """
    call = Operation("POST", path, safe=True)  # nothing in the account changes
    clean = Redactor((app.client_secret, basic(app), secret))
    answer = send(PreparedRequest(call, app.origin + path, app_headers(app), urlencode(form).encode()))
    if path == _REVOKE and 200 <= answer.status < 300:  # RFC 7009: the status says it all, the body may be empty
        return {}
    try:
        return raise_for_response(call, answer, redact=clean)
    except (PipedriveAuthError, PipedriveValidationError) as error:
        words = error.reason or f"status {error.status}"
        raise PipedriveAuthError(
            f"Pipedrive's OAuth host refuses: {words.rstrip('.')}. {_advice(words, advice)}",
            status=error.status,
            reason=error.reason,
        ) from None


def _advice(words: str, advice: str) -> str:
    """What to do about the host's words. Their JSON is not documented, so all of its text counts."""
    if "redirect_uri" in words:
        return "The redirect URI must be exactly the callback URL that is registered with the app in the Developer Hub."
    if re.search(r"invalid_client|unauthorized_client|client.(credentials|id|secret)", words, re.IGNORECASE):
        return (
            "Client id and client secret must be those of the app in the Developer Hub (OAuth & access scopes), "
            "without spaces around them."
        )
    return advice


def _grant(answer: Mapping[str, Any], app: OAuth) -> Grant:
    access, fresh = answer.get("access_token"), answer.get("refresh_token") or app.refresh_token
    for name, token in (("access_token", access), ("refresh_token", fresh)):
        if not isinstance(token, str) or not HEADER_SAFE.fullmatch(token):
            raise PipedriveResponseError(f"Pipedrive's OAuth host answers without a usable {name}. Connect again.")
    return Grant(
        access_token=str(access),
        refresh_token=str(fresh),
        expires_in=lifetime(answer.get("expires_in")),
        scopes=scopes_in(answer.get("scope")),
        api_domain=company_origin(answer.get("api_domain"), app.origin),
    )
