"""The storage host: a path that hands out files by a key in the URL and refuses credentials."""

from __future__ import annotations

import hashlib

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response
from airflow_provider_pipedrive.sandbox.server.refusals import Refusal
from airflow_provider_pipedrive.sandbox.state.store import Record

PREFIX = "/storage/"


def location(world: World, file: Record) -> str:
    """The address of a file's content; the key in it makes credentials needless."""
    return f"{world.url}{PREFIX}{file['id']}?X-Amz-Signature={_signature(file)}"


def stored_file(world: World, request: Request) -> Response:
    """A file's bytes.

    :raises Refusal: 400 where credentials are sent (as S3 answers two ways of authentication), 403 for a wrong key
    """
    if "authorization" in request.headers or "x-api-token" in request.headers or "api_token" in dict(request.query):
        raise _refused(400, "InvalidArgument", "Only one auth mechanism allowed")
    file = world.state.get("files", request.path.removeprefix(PREFIX))
    if file is None or dict(request.query).get("X-Amz-Signature") != _signature(file):
        raise _refused(403, "AccessDenied", "Access Denied")
    return Response(content=file["content"], content_type="application/octet-stream")


def _signature(file: Record) -> str:
    return hashlib.sha256(f"{file['id']}/{file['file_name']}".encode()).hexdigest()


def _refused(status: int, code: str, message: str) -> Refusal:
    document = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Refusal(Response(status=status, content=document.encode(), content_type="application/xml"))
