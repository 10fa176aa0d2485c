"""Files (v1 only): upload, download, lists."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control import operations
from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources import storage
from airflow_provider_pipedrive.sandbox.resources.records import find
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state.rules import FILE_LINKS
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import by_sort_text, offset_answer
from airflow_provider_pipedrive.sandbox.views.v1 import with_v1_times

_SORTS = ("id", "update_time")
_OF = {
    "getDealFiles": ("deals", "deal_id", "Deal"),
    "getPersonFiles": ("persons", "person_id", "Person"),
    "getOrganizationFiles": ("organizations", "org_id", "Organization"),
    "getProductFiles": ("products", "product_id", "Product"),
}
_ITEM_LINKS = {"deal": "deal_id", "organization": "org_id", "person": "person_id"}


def file_view(box: Box, record: Record) -> Record:
    """A file's metadata."""
    state = box.state
    names = {
        "deal_name": (state.get("deals", record.get("deal_id")) or {}).get("title"),
        "person_name": (state.get("persons", record.get("person_id")) or {}).get("name"),
        "org_name": (state.get("organizations", record.get("org_id")) or {}).get("name"),
        "product_name": (state.get("products", record.get("product_id")) or {}).get("name"),
        "lead_name": (state.get("leads", record.get("lead_id")) or {}).get("title"),
        "project_name": (state.get("projects", record.get("project_id")) or {}).get("title"),
    }
    url = f"{box.url}/v1/files/{record['id']}/download"
    return {**dict.fromkeys(FILE_LINKS), **with_v1_times(state, record), **names, "url": url}


def _file(box: Box, call: Call) -> Record:
    file = box.state.get("files", call.id)
    if file is None:
        raise refusals.not_found("File")
    return file


def _page(box: Box, call: Call, rows: list[Record]) -> Answer:
    living = [row for row in rows if row.get("active_flag", True)]
    return offset_answer(call, by_sort_text(living, call.args.get("sort"), _SORTS), lambda row: file_view(box, row))


@answers("getFiles")
def get_files(box: Box, call: Call) -> Answer:
    """All files that are not deleted."""
    return _page(box, call, list(box.state["files"]))


@answers(*_OF)
def get_files_of(box: Box, call: Call) -> Answer:
    """The files of one record."""
    assert call.action is not None
    table, link, thing = _OF[call.action.key]
    owner = find(box.state, table, call.id, thing)
    return _page(box, call, box.state["files"].where(link, owner["id"]))


@answers("getFile")
def get_file(box: Box, call: Call) -> Answer:
    """One file's metadata; a deleted one has ``active_flag`` false."""
    return ok(file_view(box, _file(box, call)))


@answers("addFile")
def add_file(box: Box, call: Call) -> Answer:
    """An upload."""
    upload = call.body["file"]
    if not upload.name:
        raise refusals.bad_request("No files provided", "The part needs a file name.")
    links = {name: call.body[name] for name in FILE_LINKS if call.body.get(name) is not None}
    record = operations.add_file(box, upload.name, upload.content, **links, user_id=call.user_id)
    return ok(file_view(box, record))


@answers("addFileAndLinkIt", "linkFileToItem")
def add_remote_file(box: Box, call: Call) -> Answer:
    """A file that lives in Google Drive, made there or already there."""
    body = call.body
    link = _ITEM_LINKS.get(body["item_type"])
    if link is None:
        raise refusals.bad_request("item_type must be deal, organization or person")
    if body["remote_location"] != "googledrive":
        raise refusals.bad_request("remote_location must be googledrive")
    remote_id = body.get("remote_id") or f"sandbox-drive-{box.state['files'].next_id}"
    name = body.get("title") or remote_id
    page = f"<!DOCTYPE html><title>{remote_id}</title>".encode()
    kind = body.get("file_type") or "gdoc"
    more = {"remote_location": "googledrive", "remote_id": remote_id, "file_type": kind, "user_id": call.user_id}
    return ok(file_view(box, operations.add_file(box, name, page, **{link: body["item_id"]}, **more)))


@answers("updateFile")
def update_file(box: Box, call: Call) -> Answer:
    """A file's new name or description."""
    fields = {name: call.body[name] for name in ("name", "description") if call.body.get(name) is not None}
    actor = box.actor(call.user_id, call.correlation_id)
    return ok(file_view(box, box.state.update("files", _file(box, call)["id"], fields, actor)))


@answers("deleteFile")
def delete_file(box: Box, call: Call) -> Answer:
    """A file marked deleted."""
    file = _file(box, call)
    box.state.replace("files", file["id"], {"active_flag": False, "update_time": box.clock.stamp()})
    return ok({"id": file["id"]})


@answers("downloadFile")
def download(box: Box, call: Call) -> Answer:
    """The bytes, or a redirect to the storage host. Files that live elsewhere always redirect."""
    file = _file(box, call)
    if not file.get("active_flag", True):
        raise refusals.not_found("File")
    if box.settings.download_redirect or file.get("remote_location") not in (None, "s3"):
        return Answer(status=302, content=b"", headers=[("location", storage.location(box, file))])
    return Answer(content=file["content"], content_type="application/octet-stream")
