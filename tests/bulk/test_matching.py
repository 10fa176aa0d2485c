"""Which record a row is, whatever the spelling."""

from __future__ import annotations

from airflow_provider_pipedrive.bulk.matching import KeyPart, key_of_row, keys_of_record, shown_key
from airflow_provider_pipedrive.client.field_kinds import KINDS, Field

NAME = KeyPart("name", Field("name", "Name", KINDS["text"]))
WEBSITE = KeyPart("domain", Field("website", "Website", KINDS["text"]), by_domain=True)


def test_a_row_and_a_record_that_are_written_differently_have_one_key() -> None:
    row = {"name": " ACME  gmbh", "website": "https://www.acme.example/about"}
    record = {"id": 7, "name": "Acme GmbH", "website": "acme.example"}

    key = key_of_row([NAME, WEBSITE], row)

    assert keys_of_record([NAME, WEBSITE], record, flat=False) == {key}
    assert shown_key(key) == "acme gmbh + acme.example"


def test_a_row_without_a_part_of_its_key_has_none() -> None:
    assert key_of_row([NAME, WEBSITE], {"name": "Acme", "website": None}) is None
