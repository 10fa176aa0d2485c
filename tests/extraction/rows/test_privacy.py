"""What of a record leaves the worker, where fields are left out or hashed."""

from __future__ import annotations

import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.extraction.rows.privacy import PrivacyRules, RecordPrivacy
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

KEY = "KeyOfTheHashes0123456789"
MOBILE, HOME, SIZE, NEW = ("a1" * 20, "b2" * 20, "c3" * 20, "d4" * 20)
DEFINITIONS = [
    {"field_code": "name", "field_name": "Name", "field_type": "varchar", "is_custom_field": False},
    {"field_code": MOBILE, "field_name": "Mobile (private)", "field_type": "phone", "is_custom_field": True},
    {"field_code": HOME, "field_name": "Home", "field_type": "address", "is_custom_field": True},
    {"field_code": SIZE, "field_name": "Shoe size", "field_type": "double", "is_custom_field": True},
]
ANNA = {
    "id": 1,
    "name": "Anna",
    "emails": [{"value": " Anna@Example.com", "label": "work", "primary": True}],
    "phones": [{"value": "+49 30 1", "label": "home", "primary": False}],
    "postal_address": {"value": "Weg 1, Berlin", "locality": "Berlin"},
    "notes": "likes tea",
    "custom_fields": {MOBILE: "+49 170 1", HOME: {"value": "Gasse 2", "locality": None}, SIZE: 38},
}


def digest(text: str) -> str:
    return hmac.new(KEY.encode(), text.encode(), hashlib.sha256).hexdigest()


def left(record: dict[str, Any], entity: str = "persons", **rules: tuple[str, ...]) -> dict[str, Any]:
    found = PrivacyRules(**rules, key=KEY.encode())  # type: ignore[arg-type]
    return RecordPrivacy(found, ENTITIES[entity], DEFINITIONS).record(record)


def test_types_leave_out_pipedrives_own_fields_and_custom_ones() -> None:
    assert left(ANNA, exclude=("email", "phone", "address", "notes")) == {
        "id": 1,
        "name": "Anna",
        "custom_fields": {SIZE: 38},
    }


def test_a_field_is_named_as_people_call_it_as_its_column_is_called_or_by_its_code() -> None:
    for name in ("Mobile (private)", "mobile_private", MOBILE):
        assert set(left(ANNA, exclude=(name,))["custom_fields"]) == {HOME, SIZE}
    assert "name" not in left(ANNA, exclude=("persons.name",))
    assert left({"id": 1, "first_name": "Anna", "last_name": "Meier"}, exclude=("name",)) == {"id": 1}
    assert left(ANNA, exclude=("organizations.name",)) == ANNA


def test_a_hash_keeps_what_is_equal_equal_and_what_says_nothing_as_it_is() -> None:
    found = left(ANNA, hash=("email", "Home", "Shoe size", "name"))
    assert found["emails"] == [{"value": digest("anna@example.com"), "label": "work", "primary": True}]
    assert found["name"] == digest("anna")
    assert found["custom_fields"] == {
        MOBILE: "+49 170 1",
        HOME: {"value": digest("gasse 2"), "locality": None},
        SIZE: digest("38"),
    }


def test_what_is_of_a_type_is_found_inside_other_values_and_in_flat_parts_of_addresses() -> None:
    note = {"id": 1, "user": {"email": "a@example.com", "name": "A"}, "organization": {"address_locality": "Berlin"}}
    assert left(note, "notes", exclude=("email", "address")) == {"id": 1, "user": {"name": "A"}, "organization": {}}


def test_a_custom_field_that_nobody_has_defined_yet_is_left_out_where_types_are() -> None:
    record = {"id": 1, "custom_fields": {NEW: "+49 30 2"}, f"{NEW}_currency": "EUR"}
    assert left(record, exclude=("phone",)) == {"id": 1, "custom_fields": {}}
    assert left(record, exclude=("Mobile (private)",)) == record


def test_what_tells_records_apart_cannot_be_left_out() -> None:
    with pytest.raises(PipedriveParameterError, match="'update_time' cannot be excluded or hashed"):
        left(ANNA, exclude=("update_time",))


# ---- through a whole extraction


def extracted(sandbox: Sandbox, folder: Path, key: str = KEY, **job: Any) -> list[dict[str, Any]]:
    extra = {"api_token": API_TOKEN, "burst_limit": 10_000, "hash_key": key}
    with PipedriveClient(settings_from(host=sandbox.url, extra=extra)) as client:
        extract(client, folder, ExtractionJob(["persons"], **job))
    files = (folder / "persons").rglob("*.jsonl")
    return [json.loads(line) for file in files for line in file.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("columns", ["readable", "raw"])
def test_no_file_of_an_extraction_holds_what_is_left_out_or_hashed(
    columns: str, sandbox: Sandbox, tmp_path: Path
) -> None:
    whole = extracted(sandbox, tmp_path / "whole", columns=columns)
    emails = [email["value"] for row in whole for email in row["emails"]]
    names = [row["name"] for row in whole]
    rows = extracted(sandbox, tmp_path / "less", columns=columns, exclude=["email"], hash=["name", "phone"])
    text = "".join(path.read_text() for path in (tmp_path / "less" / "persons").rglob("*") if path.is_file())
    assert len(rows) == len(whole) > 10
    assert emails
    assert [secret for secret in (*emails, *names) if json.dumps(secret)[1:-1] in text] == []
    assert {"emails"} & {key for row in rows for key in row} == set()
    assert sorted(row["name"] for row in rows) == sorted(digest(name.strip().casefold()) for name in names)


def test_with_another_key_the_whole_list_is_read_and_the_log_says_why(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    whole = len(extracted(sandbox, tmp_path, mode="changes", hash=["name"]))
    assert len(extracted(sandbox, tmp_path, mode="changes", hash=["name"])) == whole  # nothing new
    assert "hash_key" not in caplog.text
    rows = extracted(sandbox, tmp_path, "AnotherKeyOfTheHashes0123", mode="changes", hash=["name"])
    assert len(rows) == 2 * whole
    assert len({row["name"] for row in rows}) == 2 * len({row["name"] for row in rows[:whole]})
    assert "the connection's hash_key is another than at the last load" in caplog.text


def test_another_key_changes_nothing_where_nothing_is_hashed(sandbox: Sandbox, tmp_path: Path) -> None:
    whole = len(extracted(sandbox, tmp_path, mode="changes"))
    assert len(extracted(sandbox, tmp_path, "AnotherKeyOfTheHashes0123", mode="changes")) == whole


def test_odd_records_go_the_same_way(sandbox: Sandbox, tmp_path: Path) -> None:
    client = PipedriveClient(settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000}))
    person = client.run("addPerson", {"name": "Odd \N{SNOWMAN}", "emails": [{"value": "odd@example.com"}]})
    sandbox.fault(path="/api/v2/persons", kind="nan", count=1)
    rows = extracted(sandbox, tmp_path, exclude=["email", "name"])
    assert person["id"] in {row["id"] for row in rows}
    assert "odd@example.com" not in "".join(path.read_text() for path in tmp_path.rglob("*.jsonl"))


def test_a_rule_that_names_nothing_ends_the_run_before_anything_is_written(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match="there is no field 'Emial'"):
        extracted(sandbox, tmp_path, exclude=["Emial"])
    assert not list(tmp_path.rglob("*.jsonl"))


def test_a_rule_may_name_a_field_of_another_entity_than_the_jobs(sandbox: Sandbox, tmp_path: Path) -> None:
    assert extracted(sandbox, tmp_path, exclude=["Expected close date"])


def test_hashing_needs_a_key_that_nobody_guesses(sandbox: Sandbox, tmp_path: Path) -> None:
    with PipedriveClient(settings_from(host=sandbox.url, extra={"api_token": API_TOKEN})) as client:
        with pytest.raises(PipedriveParameterError, match="hash needs a key"):
            extract(client, tmp_path, ExtractionJob(["persons"], hash=["email"]))
    with pytest.raises(PipedriveParameterError, match="must have 16 characters"):
        settings_from(extra={"api_token": API_TOKEN, "hash_key": "short"})


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        ({"exclude": "email"}, "exclude must be a list"),
        ({"hash": [""]}, "hash must be a list of field names and types"),
        ({"exclude": ["email"], "hash": ["email"]}, "what is excluded cannot be hashed, too"),
    ],
)
def test_rules_that_cannot_be_meant_are_found_when_the_dag_is_parsed(rules: Any, message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        ExtractionJob(["persons"], **rules)
