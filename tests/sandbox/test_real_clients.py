"""Clients that others have written and run against the real Pipedrive read the whole company here, too."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import third_party

from airflow_provider_pipedrive.sandbox import Sandbox

LONG_AGO = "2015-01-01T00:00:00Z"


@pytest.fixture(scope="module")
def company() -> Iterator[Sandbox]:
    """A company with more than a page of most records, whose v1 answers as those clients expect."""
    with Sandbox(deals=250, v1_out_of_support="answer", old_since_timestamp="answer") as sandbox:
        yield sandbox


def run(client: Callable[..., dict[str, Any]], *arguments: Any) -> dict[str, Any]:
    try:
        return client(*arguments)
    except third_party.CannotInstall as error:
        pytest.skip(f"not to be had from the package index: {error}")


def all_of(sandbox: Sandbox, table: str) -> list[Any]:
    return sorted(sandbox.records(table))


def living(sandbox: Sandbox, table: str) -> list[Any]:
    """The ids that lists give: neither deleted nor archived."""
    records = sandbox.records(table).items()
    return sorted(key for key, record in records if not record.get("is_deleted") and not record.get("is_archived"))


def products_of(sandbox: Sandbox, deals: list[Any]) -> list[Any]:
    return sorted(key for key, row in sandbox.records("dealProducts").items() if row["deal_id"] in deals)


def moves_of(sandbox: Sandbox, deals: list[Any]) -> list[Any]:
    """The ids of all changes of these deals' stage."""
    return sorted(
        key
        for key, change in sandbox.records("changes").items()
        if change["of"][1] in deals and change["field_key"] in ("add_time", "stage_id")
    )


@pytest.mark.long
def test_tap_pipedrive_reads_every_record_of_every_stream(company: Sandbox) -> None:
    streams = run(third_party.tap_pipedrive, company.url, company.api_token, LONG_AGO)
    deals = living(company, "deals")
    not_archived = [key for key, deal in company.records("deals").items() if not deal["is_archived"]]
    expected = {
        "activities": living(company, "activities"),
        "activity_types": all_of(company, "activityTypes"),
        "currency": all_of(company, "currencies"),
        "deal_fields": all_of(company, "dealFields"),
        "deal_products": products_of(company, deals),
        "dealflow": moves_of(company, deals),
        "deals": not_archived,
        "files": all_of(company, "files"),
        "filters": all_of(company, "filters"),
        "notes": all_of(company, "notes"),
        "organizations": living(company, "organizations"),
        "persons": living(company, "persons"),
        "pipelines": all_of(company, "pipelines"),
        "products": all_of(company, "products"),
        "stages": all_of(company, "stages"),
        "users": all_of(company, "users"),
    }
    assert {stream: sorted(ids) for stream, ids in streams.items()} == expected


def test_tap_pipedrive_reads_what_was_touched_lately_from_recents(company: Sandbox) -> None:
    # Not whole days: a time of the company may be the very second that a list begins with.
    since = (datetime.now(UTC) - timedelta(days=6, hours=12)).strftime("%Y-%m-%dT%H:%M:%SZ")
    streams = run(third_party.tap_pipedrive, company.url, company.api_token, since)
    touched = {
        table: sorted(key for key, record in company.records(table).items() if _when(record) >= since)
        for table in ("users", "files")
    }
    assert {stream: sorted(streams.get(stream, ())) for stream in touched} == touched
    assert any(request.path == "/v1/recents" for request in company.requests)


def _when(record: dict[str, Any]) -> str:
    return str(record.get("update_time") or record.get("modified")).replace(" ", "T")[:19] + "Z"


@pytest.mark.long
def test_airbytes_source_reads_every_record_of_every_stream(company: Sandbox) -> None:
    streams = run(third_party.airbyte_source, company.url, company.api_token, LONG_AGO)
    parts = sum(len(field["subfields"] or ()) for field in company.records("dealFields").values())
    whole = {
        "activities": "activities",
        "activity_fields": "activityFields",
        "activity_types": "activityTypes",
        "currencies": "currencies",
        "deal_products": "dealProducts",
        "deals": "deals",
        "files": "files",
        "filters": "filters",
        "goals": "goals",
        "lead_labels": "leadLabels",
        "mail": "mailMessages",
        "notes": "notes",
        "organization_fields": "organizationFields",
        "permission_sets": "permissionSets",
        "person_fields": "personFields",
        "persons": "persons",
        "pipelines": "pipelines",
        "product_fields": "productFields",
        "products": "products",
        "roles": "roles",
        "stages": "stages",
        "users": "users",
    }
    expected = {stream: len(company.records(table)) for stream, table in whole.items()}
    expected["deal_fields"] = len(company.records("dealFields")) + parts
    expected["leads"] = len(living(company, "leads"))
    expected["organizations"] = len(living(company, "organizations"))
    assert {stream: len(ids) for stream, ids in streams.items()} == expected


@pytest.mark.long
def test_n8ns_node_reads_every_record_and_writes(company: Sandbox) -> None:
    resources = run(third_party.n8n_node, company.url, company.api_token)
    written = resources.pop("written")
    tables = {
        "activity": "activities",
        "deal": "deals",
        "lead": "leads",
        "note": "notes",
        "organization": "organizations",
        "person": "persons",
        "product": "products",
    }
    expected = {resource: living(company, table) for resource, table in tables.items()}
    expected["dealProduct"] = products_of(company, expected["deal"])
    assert {resource: sorted(ids) for resource, ids in resources.items()} == expected
    assert written == {resource: ["Made", "Changed"] for resource in ("deal", "organization", "person", "product")}
