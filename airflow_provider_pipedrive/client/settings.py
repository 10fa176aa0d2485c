"""What a connection says, read once into typed settings."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar
from urllib.parse import urlsplit

from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.client.hosts import OAUTH_ORIGIN, origin_of
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveParameterError

log = logging.getLogger(__name__)
T = TypeVar("T", int, float)

EXTRAS = (
    "refresh_token",
    "access_token",
    "api_token",
    "oauth_host",
    "redirect_uri",
    "timeout",
    "max_attempts",
    "burst_limit",
    "daily_token_budget",
    "reserved_share",
    "dag_shares",
    "verify",
    "proxies",
    "hash_key",
    "webhook_url",
    "webhook_user",
    "webhook_password",
    # what the package itself notes there
    "approved_routes",
    "oauth_status",
)
"""What a connection's extra may hold of this package's."""
_AROUND = re.compile(r"^[\s\u200b\ufeff]+|[\s\u200b\ufeff]+$")
"""What editors and web pages leave at the ends of a text, unseen: white space, space of no width, a byte order mark."""
SHORTEST_KEY = 16
"""Characters of a key that nobody guesses."""
_OWN_FIELDS = {
    "client_id": "the field login",
    "client_secret": "the field password",  # nosec B105 # a place
    "login": "the field login",
    "password": "the field password",  # nosec B105 # a place
    "host": "the field host",
    "company_domain": "the field host",
}
"""What is looked for in a connection's own fields, not in its extra."""

# A credential travels in a header: no spaces, no line breaks.
HEADER_SAFE = re.compile(r"[\x21-\x7e]+")


@dataclass(frozen=True)
class ApiToken:
    """A personal API token."""

    token: str = field(repr=False)


@dataclass(frozen=True)
class OAuth:
    """An OAuth authorization. A refresh token with the client's id and secret is enough; so is an access token, for
    as long as it lives."""

    client_id: str
    client_secret: str = field(repr=False)
    refresh_token: str | None = field(repr=False, default=None)
    access_token: str | None = field(repr=False, default=None)
    origin: str = OAUTH_ORIGIN


@dataclass(frozen=True)
class Settings:
    """How to reach Pipedrive.

    :param credential: API token or OAuth authorization
    :param origin: where the API is; ``None``: OAuth's ``api_domain``, else the shared host
    :param timeout: seconds for connecting and for each silence; a whole JSON answer has 10 times that
    :param max_attempts: how often one request is sent at most
    :param burst_limit: requests per 2 seconds; ``None``: as Pipedrive's headers say
    :param daily_token_budget: API tokens that all of this Airflow may spend in a UTC day; ``None``: no bound of ours
    :param reserved_share: the part of the day's tokens, from 0 to 1, that is left to people's own tools
    :param dag_shares: by patterns of DAG ids, up to which part of the day they may go
    :param verify: check TLS certificates: ``True``, ``False`` or the path of a CA bundle
    :param proxies: proxy URLs by scheme, ``None``: the environment's
    :param hash_key: the secret that hashes of personal data are made with
    """

    credential: ApiToken | OAuth
    origin: str | None = None
    timeout: float = 30.0
    max_attempts: int = 5
    burst_limit: int | None = None
    daily_token_budget: int | None = None
    reserved_share: float = 0.0
    dag_shares: Mapping[str, float] = field(default_factory=dict)
    verify: bool | str = True
    proxies: Mapping[str, str] | None = field(repr=False, default=None)
    hash_key: str | None = field(repr=False, default=None)

    @property
    def identity(self) -> str:
        """What tells the credential from others; a secret."""
        credential = self.credential
        if isinstance(credential, ApiToken):
            return f"token {credential.token}"
        return f"oauth {credential.client_id} {credential.refresh_token or credential.access_token}"


def settings_from(
    *,
    host: str | None = None,
    port: int | None = None,
    login: str | None = None,
    password: str | None = None,
    extra: Mapping[str, Any] | None = None,
) -> Settings:
    """Settings from a connection's fields. Values may be text, as connection URIs give them.

    :raises PipedriveParameterError: a field that cannot be read, naming it
    :raises PipedriveAuthError: no credential
    """
    if extra is not None and not isinstance(extra, Mapping):
        raise PipedriveParameterError(
            "The connection's extra must be a JSON object, such as "
            f'{{"api_token": "..."}}, not a {type(extra).__name__}.'
        )
    given = {key: value for key, value in (extra or {}).items() if value not in (None, "")}
    misplaced = _misplaced(given)
    credential = _credential(trimmed(login), trimmed(password), given, misplaced)
    for name, right in misplaced.items():
        _warn_once(name, right)
    return Settings(
        credential=credential,
        origin=origin_of(host, port) if host else None,
        timeout=_number(given, "timeout", float, 30.0, lowest=0.1),
        max_attempts=_number(given, "max_attempts", int, 5, lowest=1),
        burst_limit=_number(given, "burst_limit", int, None, lowest=1),
        daily_token_budget=_number(given, "daily_token_budget", int, None, lowest=0),
        reserved_share=_share("reserved_share", given.get("reserved_share", 0.0)),
        dag_shares=_dag_shares(given.get("dag_shares")),
        verify=_verify(given.get("verify", True)),
        proxies=_proxies(given.get("proxies")),
        hash_key=_hash_key(given.get("hash_key")),
    )


def trimmed(text: str | None) -> str:
    """A credential without what copying it or a file has put around it: a line end, spaces, a byte order mark."""
    return _AROUND.sub("", text or "")


def _misplaced(given: Mapping[str, Any]) -> dict[str, str]:
    """Names in the extra that nobody reads, each with what seems to be meant and is not given."""
    found: dict[str, str] = {}
    for name in given:
        if name in EXTRAS:
            continue
        near = nearest(name, EXTRAS)
        if name in _OWN_FIELDS:
            found[name] = _OWN_FIELDS[name]
        elif near and near[0] not in given:
            found[name] = near[0]
    return found


@cache
def _warn_once(name: str, right: str) -> None:
    log.warning("The connection's extra has %r, which is not read. Did you mean %s?", name, right)


def _credential(login: str, password: str, given: Mapping[str, Any], misplaced: Mapping[str, str]) -> ApiToken | OAuth:
    token, refresh, access = (_secret(given, name) for name in ("api_token", "refresh_token", "access_token"))
    if token and (refresh or access):
        raise PipedriveAuthError(
            "The connection has an api_token and OAuth tokens. Keep one of the two: remove api_token, or "
            "refresh_token and access_token."
        )
    if token:
        return ApiToken(token)
    if refresh and not (login and password):
        raise PipedriveAuthError(
            "The connection has a refresh_token, but not the app it belongs to. Put the OAuth client id into login "
            f"and the client secret into password.{_hints(login, password, misplaced)}"
        )
    if refresh or access:
        oauth_origin = origin_of(str(given.get("oauth_host") or OAUTH_ORIGIN))
        return OAuth(login, password, refresh, access, oauth_origin)
    raise PipedriveAuthError(
        "The connection has no credential. Put a personal API token into the extra field api_token, or an OAuth "
        "refresh token into refresh_token with the client id as login and the client secret as password."
        + _hints(login, password, misplaced)
    )


def _hints(login: str, password: str, misplaced: Mapping[str, str]) -> str:
    """What the connection has in the wrong place, to be put behind what it lacks; values are never shown."""
    found = [f"The extra has {name!r}, which is not read: did you mean {right}?" for name, right in misplaced.items()]
    if bool(login) != bool(password):
        filled, empty = ("login", "password") if login else ("password", "login")
        found.append(f"{filled} is filled in, and {empty} is empty: if {filled} holds a token, move it.")
    elif login and not misplaced:
        found.append("login and password are the id and secret of an app: they also need its refresh_token.")
    return "".join(f" {text}" for text in found)


def _secret(given: Mapping[str, Any], name: str) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    text = trimmed(value) if isinstance(value, str) else ""
    if text[:1] in ("'", '"'):
        raise PipedriveAuthError(f"The connection's {name} begins with a quotation mark, which is not part of a token.")
    if not HEADER_SAFE.fullmatch(text):
        raise PipedriveAuthError(
            f"The connection's {name} is not a valid token: it has spaces, line breaks or other signs in it."
        )
    return text


def _number(given: Mapping[str, Any], name: str, kind: type[T], default: Any, *, lowest: float) -> Any:
    value = given.get(name, default)
    if value is None:
        return None
    try:
        number = kind(str(value)) if not isinstance(value, bool) else None
    except ValueError:
        number = None
    if number is None or not lowest <= number < float("inf"):
        what = "a whole number" if kind is int else "a number of seconds"
        raise PipedriveParameterError(f"The connection's {name} must be {what} of at least {lowest}, not {value!r}.")
    return number


def _share(name: str, value: Any) -> float:
    try:
        share = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError):
        share = -1.0
    if not 0 <= share <= 1:
        raise PipedriveParameterError(
            f"The connection's {name} must be a part of the day's API tokens, from 0 to 1, such as 0.2, not {value!r}."
        )
    return share


def _dag_shares(value: Any) -> dict[str, float]:
    found = _json_object(value) if value is not None else {}
    if found is None:
        raise PipedriveParameterError(
            "The connection's dag_shares must be an object of shares by patterns of DAG ids, such as "
            '{"backfill_*": 0.5}.'
        )
    return {pattern: _share(f"dag_shares[{pattern!r}]", share) for pattern, share in found.items()}


def _json_object(value: Any) -> Mapping[str, Any] | None:
    """An object, which may be its JSON text; ``None`` where it is none."""
    try:
        found = json.loads(value) if isinstance(value, str) else value
    except ValueError:
        return None
    return found if isinstance(found, Mapping) else None


def _hash_key(value: Any) -> str | None:
    if value is None:
        return None
    key = trimmed(str(value))
    if len(key) < SHORTEST_KEY:
        raise PipedriveParameterError(f"The connection's hash_key must have {SHORTEST_KEY} characters or more.")
    return key


def _verify(value: Any) -> bool | str:
    if isinstance(value, bool):
        return value
    words = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}
    text = trimmed(str(value))
    return words.get(text.lower(), text)


def _proxies(value: Any) -> Mapping[str, str] | None:
    if value is None:
        return None
    found = _json_object(value)
    if found is None or not all(_is_url(part) for pair in found.items() for part in pair):
        raise PipedriveParameterError(
            'The connection\'s proxies must be an object of URLs by scheme, such as {"https": "http://proxy:3128"}.'
        )
    return dict(found)


def _is_url(text: Any) -> bool:
    """Whether it is text that can be taken apart as a URL; a bare scheme is one too."""
    try:
        return isinstance(text, str) and bool(urlsplit(text))
    except ValueError:
        return False
