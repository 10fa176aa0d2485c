"""An answer becomes a page: keys at once, records one by one only where somebody asks for them."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.reading.pages import Page, PageRecords, decode

BODY = b"""{"success": true, "data": [
  {"id": 7, "update_time": "2026-01-31T12:00:00Z", "title": "One"},
  {"id": 8, "update_time": null, "title": "Two"},
  {"id": 9, "title": "Three"}
], "additional_data": {"next_cursor": "x"}}"""


def page_of(body: bytes, entity: str = "deals") -> Page:
    records, keys, envelope, _ = decode(ENTITIES[entity], body)
    return Page(records, keys, envelope, None)


def test_a_page_has_the_keys_and_the_records_in_the_same_order() -> None:
    page = page_of(BODY)
    assert [key.id for key in page.keys] == [7, 8, 9]
    assert [bytes(record) for record in page.records] == [
        b'{"id": 7, "update_time": "2026-01-31T12:00:00Z", "title": "One"}',
        b'{"id": 8, "update_time": null, "title": "Two"}',
        b'{"id": 9, "title": "Three"}',
    ]
    assert page.envelope["additional_data"] == {"next_cursor": "x"}


def test_a_page_with_some_of_its_records_can_be_cut_again() -> None:
    page = page_of(BODY).only([0, 2]).only([1])
    assert [key.id for key in page.keys] == [9]
    assert [bytes(record) for record in page.records] == [b'{"id": 9, "title": "Three"}']
    assert bytes(page.records[0]) == b'{"id": 9, "title": "Three"}'


def test_a_page_without_records_has_none() -> None:
    for entity, body in (("notes", b'{"success": true, "data": null}'), ("deals", b'{"success": true, "data": []}')):
        page = page_of(body, entity)
        assert len(page) == len(page.records) == 0
        assert [*page.records] == []


@pytest.mark.parametrize(
    ("entity", "body"),
    [
        ("deals", b'{"success": true, "data": null, "additional_data": {"next_cursor": "x"}}'),
        ("deals", b'{"success": true, "data": null}'),
        ("products", b'{"success": true}'),
        ("notes", b'{"data": null, "additional_data": {"pagination": {"more_items_in_collection": true}}}'),
    ],
)
def test_a_page_that_has_null_where_records_should_be_cannot_be_read(entity: str, body: bytes) -> None:
    with pytest.raises(ValueError, match="^data is null"):
        page_of(body, entity)


def test_a_page_with_an_odd_key_is_read_with_care_and_its_records_are_kept_as_they_are() -> None:
    page = page_of(b'{"success": true, "data": [{"id": 7}, {"id": 2.5, "title": "x"}]}')
    assert not isinstance(page.records, PageRecords)
    assert [bytes(record) for record in page.records] == [b'{"id":7}']
