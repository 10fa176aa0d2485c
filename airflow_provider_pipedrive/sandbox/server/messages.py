"""One request and one answer, as the handlers see them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from email.message import Message
from typing import Any
from urllib.parse import parse_qsl, unquote

import msgspec

from airflow_provider_pipedrive.catalog.model import Action


@dataclass(slots=True)
class Upload:
    """A file part of a multipart body."""

    name: str
    content: bytes
    content_type: str | None


@dataclass(slots=True)
class Request:
    """A request. ``args`` and ``ids`` are the query and the path after validation, ``body`` is the body after it,
    ``sent`` the body as it came; ``user_id`` is the caller."""

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
            self.content = msgspec.json.encode(self.document)
        return self.content


def ok(data: Any, status: int = 200, **more: Any) -> Response:
    """A plain success: ``data``, and what else stands in the envelope."""
    return Response({"success": True, "data": data, **more}, status)


class BodyError(ValueError):
    """A body that cannot be read."""


def parse_body(request: Request) -> Any:
    """The body by its content type: a JSON document, or a dict of form fields in which a file is an :class:`Upload`.

    :raises BodyError: it is not what its content type says
    """
    if not request.raw:
        return None
    if request.content_type == "multipart/form-data":
        return _multipart(request)
    if request.content_type == "application/x-www-form-urlencoded":
        return dict(parse_qsl(request.raw.decode("utf-8", "replace"), keep_blank_values=True))
    try:
        return msgspec.json.decode(request.raw)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BodyError(f"The body is not valid JSON: {error}") from error


def _multipart(request: Request) -> dict[str, Any]:
    boundary = re.search(r'boundary="?([^";]+)"?', request.headers["content-type"])
    if not boundary:
        raise BodyError("The multipart body has no boundary.")
    parts: dict[str, Any] = {}
    for chunk in (b"\r\n" + request.raw).split(b"\r\n--" + boundary[1].encode())[1:]:
        if chunk.startswith(b"--"):
            return parts
        head, found, content = chunk.partition(b"\r\n\r\n")
        if not found:
            raise BodyError("A part of the multipart body has no headers.")
        name, file_name, content_type = _part_head(head.decode("utf-8", "replace"))
        parts[name] = (
            content.decode("utf-8", "replace") if file_name is None else Upload(file_name, content, content_type)
        )
    raise BodyError("The multipart body ends before its last boundary.")


def _part_head(head: str) -> tuple[str, str | None, str | None]:
    disposition, content_type = "", None
    for line in head.split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            disposition = value.strip()
        elif key.strip().lower() == "content-type":
            content_type = value.strip()
    message = Message()
    message["Content-Disposition"] = disposition
    name = message.get_param("name", "", "content-disposition")
    file_name = message.get_param("filename", None, "content-disposition")
    if isinstance(file_name, tuple):  # RFC 2231: (charset, language, text)
        file_name = unquote(file_name[2], file_name[0] or "utf-8")
    elif file_name is not None:  # as HTML writes quotation marks in names
        file_name = file_name.replace("%22", '"')
    return str(name), file_name, content_type
