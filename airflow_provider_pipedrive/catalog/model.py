"""The typed model that the catalog's declarations are written in.

One :class:`Action` says everything there is to know about one Pipedrive operation. Validation, OAuth scopes, token
costs, paging, the reference page, editor completion and the sandbox's routes are all derived from it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

Place = Literal["path", "query", "body", "form", "file"]
Type = Literal[
    "string", "integer", "number", "boolean", "flag", "object", "array", "date", "datetime", "time", "file", "any"
]
Result = Literal["record", "records", "nothing", "binary", "upload", "options", "any"]
Adapter = Literal["any_request", "numeric_field_id", "one_person_field"]
Lifecycle = Literal["active", "beta", "deprecated", "removed"]
TimeFormat = Literal["v1", "v2"]
"""``v1``: ``YYYY-MM-DD HH:MM:SS`` in UTC. ``v2``: RFC 3339, whole seconds, ``Z``."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of an action.

    ``name`` is Pipedrive's own. ``type`` is what goes over the wire: ``flag`` is ``0`` or ``1``, ``any`` is passed as
    it is. ``items`` is the type of an array's elements and ``enum`` the values (of the elements) that Pipedrive takes.
    ``repeated`` sends a query list as ``name=1&name=2``; without it lists go comma separated. ``also`` is a second
    spelling that callers may use. ``time_format`` stands where a timestamp's format differs from its version's.
    ``maximum`` bounds a number, ``max_items`` an array. ``parts`` are the keys of an object, or of each object of an
    array, as far as Pipedrive describes them: it takes others too.
    """

    name: str
    place: Place
    type: Type
    required: bool = False
    nullable: bool = False
    enum: tuple[Any, ...] = ()
    items: Type | None = None
    max_items: int | None = None
    maximum: int | None = None
    repeated: bool = False
    also: str | None = None
    time_format: TimeFormat | None = None
    parts: tuple[Parameter, ...] = ()


def path(name: str, type_: Type = "integer", **options: Any) -> Parameter:
    """A part of the path: always required."""
    return Parameter(name, "path", type_, required=True, **options)


def query(name: str, type_: Type, **options: Any) -> Parameter:
    """A query parameter."""
    return Parameter(name, "query", type_, **options)


def body(name: str, type_: Type, **options: Any) -> Parameter:
    """A key of the JSON body."""
    return Parameter(name, "body", type_, **options)


def part(name: str, type_: Type, **options: Any) -> Parameter:
    """A key of an object in the JSON body."""
    return Parameter(name, "body", type_, **options)


def form(name: str, type_: Type, **options: Any) -> Parameter:
    """A field of a form body (URL-encoded, or multipart with a file)."""
    return Parameter(name, "form", type_, **options)


def file(name: str, **options: Any) -> Parameter:
    """The file part of a multipart body."""
    return Parameter(name, "file", "file", **options)


@dataclass(frozen=True, slots=True)
class Paging:
    """How a list is paged: ``cursor``, ``offset`` (v1's ``start``), or ``short_page``, an offset list whose answers
    need not say whether there is more: where one does not, only a page shorter than the limit ends it. ``max_limit``
    is the largest page size that Pipedrive takes. ``takes_limit``: whether Pipedrive describes ``limit`` for it."""

    style: Literal["cursor", "offset", "short_page"]
    max_limit: int
    takes_limit: bool = True

    @property
    def parameters(self) -> tuple[Parameter, ...]:
        """The query parameters of every list that is paged like this."""
        limit = (query("limit", "integer", maximum=self.max_limit),) if self.takes_limit else ()
        return (*limit, query("cursor", "string")) if self.style == "cursor" else (query("start", "integer"), *limit)


CURSOR = Paging("cursor", 500)
OFFSET = Paging("offset", 500)


@dataclass(frozen=True)
class Action:
    """One thing that Pipedrive can do.

    :ivar scopes: any one of them suffices
    :ivar token_cost: API tokens for one request
    :ivar result: what a call returns
    :ivar records_path: the key of ``data`` that holds the records, where ``data`` is not the list itself
    :ivar idempotent: doing it twice leaves the same state as doing it once, so a task that does not know whether it was
        done may run again. What the client itself sends again is decided in ``client/retries.py``
    :ivar since: when the lifecycle began
    :ivar source: where Pipedrive says so
    :ivar alias_of: the key whose operation this one uses
    :ivar filter_overrides: query parameters that Pipedrive silently ignores when ``filter_id`` is given
    :ivar one_of: at least one of these parameters must be given
    :ivar custom_fields: ``flat`` where 40-character custom field keys are next to the other body keys, ``nested`` where
        they are in ``custom_fields``
    :ivar adapter: what the client has to do for it besides sending what is declared: ``any_request`` takes method and
        path from its parameters, ``numeric_field_id`` looks up the field code that a numeric id has,
        ``one_person_field`` puts one value into the body of an update
    """

    key: str
    summary: str
    method: str
    path: str
    scopes: tuple[str, ...]
    token_cost: int
    result: Result
    parameters: tuple[Parameter, ...] = ()
    paging: Paging | None = None
    records_path: str | None = None
    idempotent: bool = False
    lifecycle: Lifecycle = "active"
    since: str | None = None
    source: str | None = None
    successor: str | None = None
    alias_of: str | None = None
    body_is_array: bool = False
    filter_overrides: tuple[str, ...] = ()
    one_of: tuple[str, ...] = ()
    custom_fields: Literal["flat", "nested"] | None = None
    adapter: Adapter | None = None

    @property
    def version(self) -> Literal["v1", "v2"]:
        """``v1`` or ``v2``, as the path says."""
        return "v2" if self.path.startswith("/api/v2") else "v1"

    @property
    def is_read(self) -> bool:
        """Whether it only reads."""
        return self.method == "GET"

    @cached_property
    def is_search(self) -> bool:
        """Whether it counts against the Search API's own burst limit.

        https://pipedrive.readme.io/docs/core-api-concepts-rate-limiting
        """
        return bool(re.search(r"/(search|itemSearch)(/field)?$", self.path))

    @cached_property
    def by_name(self) -> dict[str, Parameter]:
        """Its parameters by every spelling that callers may use."""
        found = {parameter.name: parameter for parameter in self.parameters}
        found.update({parameter.also: parameter for parameter in self.parameters if parameter.also})
        return found

    def removed_message(self) -> str:
        """The sentence that tells what became of an action that Pipedrive has removed."""
        then = f"Use {self.successor} instead." if self.successor else "Pipedrive offers no replacement."
        return f"{self.key} was removed by Pipedrive on {self.since} ({self.source}). {then}"
