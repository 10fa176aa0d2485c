"""The storage host: a path that hands out files by a key in the URL and refuses credentials."""

from __future__ import annotations

import hashlib

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call
from airflow_provider_pipedrive.sandbox.server.refusals import Refusal
from airflow_provider_pipedrive.sandbox.state.store import Record

PREFIX = "/storage/"


def location(box: Box, file: Record) -> str:
    """The address of a file's content; the key in it makes credentials needless."""
    return f"{box.url}{PREFIX}{file['id']}?X-Amz-Signature={_signature(file)}"


def stored_file(box: Box, call: Call) -> Answer:
    """A file's bytes.

    :raises Refusal: 400 where credentials are sent (as S3 answers two ways of authentication), 403 for a wrong key
    """
    if "authorization" in call.headers or "x-api-token" in call.headers or "api_token" in dict(call.query):
        raise _refused(400, "InvalidArgument", "Only one auth mechanism allowed")
    file = box.state.get("files", call.path.removeprefix(PREFIX))
    if file is None or dict(call.query).get("X-Amz-Signature") != _signature(file):
        raise _refused(403, "AccessDenied", "Access Denied")
    return Answer(content=file["content"], content_type="application/octet-stream")


def _signature(file: Record) -> str:
    return hashlib.sha256(f"{file['id']}/{file['file_name']}".encode()).hexdigest()


def _refused(status: int, code: str, message: str) -> Refusal:
    document = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Refusal(Answer(status=status, content=document.encode(), content_type="application/xml"))
