"""One request and one answer, as the handlers see them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from starlette.datastructures import Headers, UploadFile
from starlette.formparsers import MultiPartException, MultiPartParser

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.sandbox.state import json_text


@dataclass(slots=True)
class Upload:
    """A file part of a multipart body."""

    name: str
    content: bytes
    content_type: str | None


@dataclass(slots=True)
class Request:
    """A request. ``args`` and ``ids`` are the query and the path after validation, ``body`` is the body after it,
    ``sent`` the body as it came (``unreadable`` says why there is none); ``user_id`` is the caller."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    raw: bytes
    action: Action | None = None
    ids: dict[str, Any] = field(default_factory=dict)
    args: dict[str, Any] = field(default_factory=dict)
    body: Any = None
    sent: Any = None
    unreadable: str = ""
    user_id: int = 0
    credential: str = ""
    tokens: int = 0
    correlation_id: str = ""

    @property
    def id(self) -> Any:
        """The path's ``{id}``."""
        return self.ids["id"]

    @property
    def content_type(self) -> str:
        """The body's media type without its parameters, in lower case."""
        return self.headers.get("content-type", "").split(";")[0].strip().lower()


@dataclass(slots=True)
class Response:
    """What goes back: a JSON document, or ready bytes with a content type of their own."""

    document: Any = None
    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    content: bytes | None = None
    content_type: str = "application/json; charset=utf-8"

    def encoded(self) -> bytes:
        """The body on the wire."""
        if self.content is None:
            self.content = json_text.encode(self.document)
        return self.content


def ok(data: Any, status: int = 200, **more: Any) -> Response:
    """A plain success: ``data``, and what else is in the envelope."""
    return Response({"success": True, "data": data, **more}, status)


class BodyError(ValueError):
    """A body that cannot be read."""


async def parse_body(request: Request) -> Any:
    """The body by its content type: a JSON document, or a dict of form fields in which a file is an :class:`Upload`.

    :raises BodyError: it is not what its content type says
    """
    if request.content_type == "multipart/form-data":
        return await _multipart(request)
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.raw.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        return json_text.decode(request.raw)
    except ValueError as error:
        raise BodyError(f"The body is not valid JSON: {error}") from error


class _WholeForm(MultiPartParser):
    """Starlette's parser, which takes a form without its last boundary for a whole one."""

    is_whole = False

    def on_end(self) -> None:
        """The last boundary was read."""
        self.is_whole = True


async def _multipart(request: Request) -> dict[str, Any]:
    async def stream() -> AsyncGenerator[bytes, None]:
        yield request.raw

    parser = _WholeForm(Headers(request.headers), stream(), max_part_size=len(request.raw))
    try:
        form = await parser.parse()
    except (MultiPartException, FormParserError) as error:
        raise BodyError(f"The multipart body cannot be read: {error}") from error
    try:
        if not parser.is_whole:
            raise BodyError("The multipart body ends before its last boundary.")
        return {name: value if isinstance(value, str) else await _upload(value) for name, value in form.items()}
    finally:
        await form.close()


async def _upload(file: UploadFile) -> Upload:
    name = (file.filename or "").replace("%22", '"')  # as HTML writes quotation marks in names
    return Upload(name, await file.read(), file.content_type)
