"""What a list is like, going by its first and its last page."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from airflow_provider_pipedrive.errors import PipedriveResponseError
from airflow_provider_pipedrive.extraction.reading.pages import Key
from airflow_provider_pipedrive.extraction.reading.profile import ListProfile

NOW = datetime(2026, 1, 31, tzinfo=UTC)


def test_a_list_without_gaps_has_as_many_pages_as_its_greatest_id_says() -> None:
    profile = ListProfile.of([Key(1, NOW), Key(2, NOW)], [Key(1000, NOW), Key(999, NOW)])
    assert profile == ListProfile(highest=1000, absent=0.0, never_updated=0.0)
    assert (profile.pages, profile.unseen) == (2.0, 0.0)


def test_gaps_and_records_that_were_never_updated_are_taken_to_be_as_frequent_in_between() -> None:
    profile = ListProfile.of([Key(2, NOW), Key(4, None)], [Key(1000, NOW), Key(997, NOW)])
    assert profile == ListProfile(highest=1000, absent=500.0, never_updated=0.25)
    assert profile.unseen == 625


def test_an_empty_list_is_like_nothing() -> None:
    assert ListProfile.of([], []) == ListProfile(0, 0.0, 0.0)


def test_ids_that_are_texts_are_an_error() -> None:
    with pytest.raises(PipedriveResponseError, match="whole number was expected"):
        ListProfile.of([Key("a")], [])
