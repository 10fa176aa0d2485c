"""Files (v1 only): upload, download, lists."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control import operations
from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources import storage
from airflow_provider_pipedrive.sandbox.resources.records import find
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state.rules import FILE_LINKS
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import by_sort_text, offset_response
from airflow_provider_pipedrive.sandbox.views.v1 import with_v1_times

_SORTS = ("id", "update_time")
_OF = {
    "getDealFiles": ("deals", "deal_id", "Deal"),
    "getPersonFiles": ("persons", "person_id", "Person"),
    "getOrganizationFiles": ("organizations", "org_id", "Organization"),
    "getProductFiles": ("products", "product_id", "Product"),
}
_ITEM_LINKS = {"deal": "deal_id", "organization": "org_id", "person": "person_id"}


def file_view(world: World, record: Record) -> Record:
    """A file's metadata."""
    state = world.state
    names = {
        "deal_name": (state.get("deals", record.get("deal_id")) or {}).get("title"),
        "person_name": (state.get("persons", record.get("person_id")) or {}).get("name"),
        "org_name": (state.get("organizations", record.get("org_id")) or {}).get("name"),
        "product_name": (state.get("products", record.get("product_id")) or {}).get("name"),
        "lead_name": (state.get("leads", record.get("lead_id")) or {}).get("title"),
        "project_name": (state.get("projects", record.get("project_id")) or {}).get("title"),
    }
    url = f"{world.url}/v1/files/{record['id']}/download"
    return {**dict.fromkeys(FILE_LINKS), **with_v1_times(state, record), **names, "url": url}


def _file(world: World, request: Request) -> Record:
    file = world.state.get("files", request.id)
    if file is None:
        raise refusals.not_found("File")
    return file


def _page(world: World, request: Request, rows: list[Record]) -> Response:
    living = [row for row in rows if row.get("active_flag", True)]
    return offset_response(
        request, by_sort_text(living, request.args.get("sort"), _SORTS), lambda row: file_view(world, row)
    )


@handles("getFiles")
def get_files(world: World, request: Request) -> Response:
    """All files that are not deleted."""
    return _page(world, request, list(world.state["files"]))


@handles(*_OF)
def get_files_of(world: World, request: Request) -> Response:
    """The files of one record."""
    assert request.action is not None
    table, link, thing = _OF[request.action.key]
    owner = find(world.state, table, request.id, thing)
    return _page(world, request, world.state["files"].where(link, owner["id"]))


@handles("getFile")
def get_file(world: World, request: Request) -> Response:
    """One file's metadata; a deleted one has ``active_flag`` false."""
    return ok(file_view(world, _file(world, request)))


@handles("addFile")
def add_file(world: World, request: Request) -> Response:
    """An upload."""
    upload = request.body["file"]
    if not upload.name:
        raise refusals.bad_request("No files provided", "The part needs a file name.")
    links = {name: request.body[name] for name in FILE_LINKS if request.body.get(name) is not None}
    record = operations.add_file(world, upload.name, upload.content, **links, user_id=request.user_id)
    return ok(file_view(world, record))


@handles("addFileAndLinkIt", "linkFileToItem")
def add_remote_file(world: World, request: Request) -> Response:
    """A file that lives in Google Drive, made there or already there."""
    body = request.body
    link = _ITEM_LINKS.get(body["item_type"])
    if link is None:
        raise refusals.bad_request("item_type must be deal, organization or person")
    if body["remote_location"] != "googledrive":
        raise refusals.bad_request("remote_location must be googledrive")
    remote_id = body.get("remote_id") or f"sandbox-drive-{world.state['files'].next_id}"
    name = body.get("title") or remote_id
    page = f"<!DOCTYPE html><title>{remote_id}</title>".encode()
    kind = body.get("file_type") or "gdoc"
    more = {"remote_location": "googledrive", "remote_id": remote_id, "file_type": kind, "user_id": request.user_id}
    return ok(file_view(world, operations.add_file(world, name, page, **{link: body["item_id"]}, **more)))


@handles("updateFile")
def update_file(world: World, request: Request) -> Response:
    """A file's new name or description."""
    fields = {name: request.body[name] for name in ("name", "description") if request.body.get(name) is not None}
    actor = world.actor(request.user_id, request.correlation_id)
    return ok(file_view(world, world.state.update("files", _file(world, request)["id"], fields, actor)))


@handles("deleteFile")
def delete_file(world: World, request: Request) -> Response:
    """A file marked deleted."""
    file = _file(world, request)
    world.state.replace("files", file["id"], {"active_flag": False, "update_time": world.clock.stamp()})
    return ok({"id": file["id"]})


@handles("downloadFile")
def download(world: World, request: Request) -> Response:
    """The bytes, or a redirect to the storage host. Files that live elsewhere always redirect."""
    file = _file(world, request)
    if not file.get("active_flag", True):
        raise refusals.not_found("File")
    if world.settings.download_redirect or file.get("remote_location") not in (None, "s3"):
        return Response(status=302, content=b"", headers=[("location", storage.location(world, file))])
    return Response(content=file["content"], content_type="application/octet-stream")
