"""Webhooks on Pipedrive's side: how they should be, how they are, and what makes up the difference.

Pipedrive cannot change a webhook, only make and delete one. It bans an address for 30 minutes after ten failed first
attempts, and deletes a webhook after three days without success.

https://pipedrive.readme.io/docs/guide-for-webhooks-v2 , https://developers.pipedrive.com/docs/api/v1/Webhooks
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Self

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.catalog.advice import did_you_mean
from airflow_provider_pipedrive.client.hosts import is_loopback, plain_url
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, trimmed
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.webhooks import ENTITY_OF

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.client import PipedriveClient

VERSION: Final = "2.0"
SHORTEST_SECRET: Final = 16
"""Characters of the part of an address that nobody guesses, and of the password."""
_NAME: Final = "Airflow: "
_PAGE: Final = "/webhook/"
_ADVICE: Final = 'python -c "import secrets; print(secrets.token_urlsafe(24))"'
_SECRET: Final = re.compile(rf"[A-Za-z0-9_~.-]{{{SHORTEST_SECRET},}}")


@dataclass(frozen=True)
class WebhookAddress:
    """Where deliveries go, and what proves that Pipedrive sent them.

    :ivar base: the address without its secret part, the last one
    """

    base: str
    secret: str = field(repr=False)
    user: str
    password: str = field(repr=False)

    @classmethod
    def of(cls, extra: Mapping[str, Any]) -> Self:
        """The address in a connection's extra: ``webhook_url``, ``webhook_user`` and ``webhook_password``.

        :raises PipedriveParameterError: one is missing or not safe
        """
        url, user, password = (trimmed(str(extra.get(f"webhook_{name}") or "")) for name in ("url", "user", "password"))
        if fault := _fault_of(url):
            raise PipedriveParameterError(
                f"The connection's webhook_url {fault}. It must be the https address of Airflow's receiver with a part "
                f"at its end that nobody guesses: https://airflow.example.com/pipedrive{_PAGE}<at least "
                f"{SHORTEST_SECRET} letters and digits>. Make that part by: {_ADVICE}"
            )
        secret = secret_part(url)
        if not HEADER_SAFE.fullmatch(user) or ":" in user:
            raise PipedriveParameterError(
                "The connection's webhook_user is missing, or has spaces or a colon in it. Any name will do: airflow"
            )
        if not is_password(password):
            raise PipedriveParameterError(
                f"The connection's webhook_password is missing, has spaces in it or is shorter than {SHORTEST_SECRET} "
                f"characters: that is not a valid password. Make one by: {_ADVICE}"
            )
        return cls(url.removesuffix(secret), secret, user, password)

    @property
    def url(self) -> str:
        """The whole address. It is a secret."""
        return self.base + self.secret


def _fault_of(url: str) -> str:
    """What is wrong with a receiver's address; empty if nothing is."""
    if not url:
        return "is missing"
    if not secret_part(url):
        return f"has no last part after {_PAGE}, or one that is too short or not of letters and digits"
    wrong = "is not an address, or has a user, a query or a fragment, spaces, backslashes or letters that are not ASCII"
    try:
        parts = plain_url(url)
    except ValueError:
        return wrong
    if parts.query or parts.fragment:
        return wrong
    is_here = parts.scheme == "http" and is_loopback(parts.hostname)
    return "" if parts.scheme == "https" or is_here else "is not https"


def secret_part(url: str) -> str:
    """The part of a receiver's address that nobody guesses; empty if it has none that is long enough."""
    head, page, secret = url.rpartition(_PAGE)
    return secret if head and page and _SECRET.fullmatch(secret) else ""


def is_password(text: str) -> bool:
    """Whether it is long enough for a password that nobody guesses, and can travel in a header."""
    return len(text) >= SHORTEST_SECRET and HEADER_SAFE.fullmatch(text) is not None


@dataclass(frozen=True, order=True)
class WebhookSpec:
    """A webhook as it should be: events of one kind of object, or of all (``*``)."""

    event_object: str
    event_action: str

    def __str__(self) -> str:
        return f"{self.event_object} {self.event_action}"


def wanted_webhooks(objects: Iterable[str], actions: Iterable[str] = ("*",)) -> list[WebhookSpec]:
    """The webhooks for these objects and actions. No two of them report the same change.

    :param objects: as Pipedrive calls them (``deal``) or as this package calls the entity (``deals``); ``*``: all
    :param actions: of ``create``, ``change``, ``delete``; ``*``: all
    :raises PipedriveParameterError: an unknown name, the nearest named
    """
    for name, given_names in (("objects", objects), ("actions", actions)):
        if not isinstance(given_names, str | Sequence | Set) or not all(isinstance(each, str) for each in given_names):
            raise PipedriveParameterError(f"{name} must be a name or a list of names, not {given_names!r}.")
    parameters = {parameter.name: parameter for parameter in get_action("addWebhook").parameters}
    known_objects, known_actions = (
        [str(value) for value in parameters[name].enum or ()] for name in ("event_object", "event_action")
    )
    singular = {entity: name for name, entity in ENTITY_OF.items()}
    chosen = {singular.get(name, name) for name in ([objects] if isinstance(objects, str) else objects)}
    doing = set([actions] if isinstance(actions, str) else actions)
    for what, given, known in (("object", chosen, known_objects), ("action", doing, known_actions)):
        if not given:
            raise PipedriveParameterError(f"Name at least one {what} of webhooks: {', '.join(known)}.")
        for name in given - set(known):
            hint = did_you_mean(name, known)
            raise PipedriveParameterError(f"Webhooks have no {what} {name!r}.{hint} They have {', '.join(known)}.")
        if "*" in given and len(given) > 1:
            raise PipedriveParameterError(f"'*' means every {what}: leave out the others, or each event comes twice.")
    if len(doing) == len(known_actions) - 1:
        doing = {"*"}  # Pipedrive allows 40 webhooks a user: all three actions need only one
    return sorted(WebhookSpec(event_object, action) for event_object in chosen for action in doing)


@dataclass(frozen=True)
class WebhookPlan:
    """What makes the webhooks as they should be.

    :ivar keep: ids of those that are right
    :ivar remove: those that are not, by id
    :ivar create: what is missing then
    :ivar notices: what a person should know
    """

    keep: tuple[int, ...]
    remove: Mapping[int, WebhookSpec]
    create: tuple[WebhookSpec, ...]
    notices: tuple[str, ...]


def plan(
    rows: Iterable[Mapping[str, Any]], address: WebhookAddress, wanted: Sequence[WebhookSpec], user_id: int | None
) -> WebhookPlan:
    """Compare Pipedrive's list with what is wanted. Webhooks that lead elsewhere are not looked at."""
    keep: dict[WebhookSpec, int] = {}
    remove: dict[int, WebhookSpec] = {}
    notices: list[str] = []
    for row in rows:
        if not is_ours(row, address):
            continue
        it = WebhookSpec(str(row.get("event_object")), str(row.get("event_action")))
        fault = _fault(row, address, user_id)
        if fault or it not in wanted or it in keep:
            remove[row["id"]] = it
            notices += [f"{it}: {fault}, so it is created again."] if fault and it in wanted else []
        else:
            keep[it] = row["id"]
            notices += [f"{it}: {trouble}"] if (trouble := _trouble(row)) else []
    create = tuple(one for one in wanted if one not in keep)
    return WebhookPlan(tuple(keep.values()), remove, create, tuple(notices))


def ensure(
    client: PipedriveClient, address: WebhookAddress, wanted: Sequence[WebhookSpec], user_id: int | None = None
) -> dict[str, Any]:
    """Make the webhooks as they should be; nothing is done where they are. 10 API tokens (20 where there are no
    webhooks), and 6 to 16 for each change.

    What leads to this address and is not wanted is removed, in the end: should Pipedrive refuse a new webhook, the old
    ones stay. For that moment a change may be reported twice, under the same event id.

    :param user_id: whose visibility decides what is sent; default: the credential's user
    :returns: how many were ``kept``, which were ``created`` and ``removed``, and ``notices`` for people
    :raises PipedriveError: Pipedrive refused; an OAuth app needs the scope ``admin``
    """
    _learn(client, address)
    it = plan(client.run("getWebhooks"), address, wanted, user_id)
    created = []
    for one in it.create:
        more = {} if user_id is None else {"user_id": user_id}
        client.run(
            "addWebhook",
            {
                "subscription_url": address.url,
                "event_object": one.event_object,
                "event_action": one.event_action,
                "name": f"{_NAME}{one}",
                "http_auth_user": address.user,
                "http_auth_password": address.password,
                "version": VERSION,
                **more,
            },
        )
        created.append(str(one))
    for webhook_id in it.remove:
        client.run("deleteWebhook", {"id": webhook_id})
    removed = [str(one) for one in it.remove.values()]
    return {"kept": len(it.keep), "created": created, "removed": removed, "notices": list(it.notices)}


def remove(client: PipedriveClient, address: WebhookAddress) -> int:
    """Delete all webhooks that lead to this receiver; returns how many there were."""
    _learn(client, address)
    ours = [row["id"] for row in client.run("getWebhooks") if is_ours(row, address)]
    for webhook_id in ours:
        client.run("deleteWebhook", {"id": webhook_id})
    return len(ours)


def described(client: PipedriveClient, address: WebhookAddress) -> list[dict[str, Any]]:
    """All webhooks that the credential may see: what they report, whether they are ours, and their state."""
    _learn(client, address)
    return [
        {
            "id": row["id"],
            "name": str(row.get("name") or ""),
            "event_object": row.get("event_object"),
            "event_action": row.get("event_action"),
            "version": str(row.get("version")),
            "ours": is_ours(row, address),
            "last_delivery_time": row.get("last_delivery_time"),
            "last_http_status": row.get("last_http_status"),
            "state": _ended(row) or _trouble(row) or "well",
        }
        for row in client.run("getWebhooks")
    ]


def is_ours(row: Mapping[str, Any], address: WebhookAddress) -> bool:
    """Whether a webhook leads to this receiver, by this address or one that it had before."""
    url = str(row.get("subscription_url") or "")
    return url == address.url or (str(row.get("name") or "").startswith(_NAME) and url.startswith(address.base))


def _fault(row: Mapping[str, Any], address: WebhookAddress, user_id: int | None) -> str:
    """Why a webhook of ours must be created again; empty if it need not."""
    password = row.get("http_auth_password")
    if ended := _ended(row):
        return ended
    if str(row.get("version") or "") not in (VERSION, "2"):
        return f"it sends payloads of version {row.get('version')}"
    if row.get("subscription_url") != address.url:
        return "it leads to an address that was changed"
    if row.get("http_auth_user") != address.user or (password and password != address.password):
        return "its user or password is not the connection's"
    if str(row.get("last_http_status")) == "401":
        return "its user or password was refused"
    if user_id is not None and row.get("user_id") != user_id:
        return "it shows what another user sees"
    return ""


def _ended(row: Mapping[str, Any]) -> str:
    if row.get("remove_time") or row.get("is_active", True) in (False, 0, "0"):
        reason = row.get("remove_reason")
        return f"Pipedrive has ended it ({reason})" if reason else "Pipedrive has ended it"
    return ""


def _trouble(row: Mapping[str, Any]) -> str:
    status = row.get("last_http_status")
    if status is None or str(status).startswith("2"):
        return ""
    return (
        f"its last delivery ({row.get('last_delivery_time')}) was answered {status}. After ten failures Pipedrive "
        "sends nothing for 30 minutes, and what changes meanwhile is not reported: a change watcher closes that gap."
    )


def _learn(client: PipedriveClient, address: WebhookAddress) -> None:
    client.redact.add(address.secret)
    client.redact.add(address.password)
