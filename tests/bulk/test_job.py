"""What a bulk job refuses before anything is sent."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"entity": "deal"}, "Did you mean 'deals'?"),
        ({"entity": "files"}, "Rows can be written to deals, persons"),
        ({"entity": "deals", "mode": "insert"}, "mode must be one of create, update, upsert, delete, mirror"),
        ({"entity": "deals"}, "set match_on, so that each row finds its record"),
        ({"entity": "persons", "mode": "delete"}, "set max_deletes to the most"),
        ({"entity": "persons", "mode": "mirror", "max_deletes": 5}, "set within to the records that the rows cover"),
        ({"entity": "persons", "within": {"filter_id": 7}}, 'within must be a dict, and belongs to mode="mirror" only'),
        ({"entity": "persons", "mode": "delete", "max_deletes": 5, "on_remove": "archive"}, "only deals and leads can"),
        ({"entity": "persons", "max_rejects": 1.5}, "a share from 0.0 to 1.0"),
        ({"entity": "persons", "max_writes": "10"}, "max_writes must be a whole number"),
        ({"entity": "persons", "mapping": {"mail": None}}, "mapping must be a dict of column to field"),
        ({"entity": "persons", "only_if_empty": "name"}, "only_if_empty must be a list of columns"),
        ({"entity": "persons", "timezone": "Berlin"}, "timezone must be a name such as Europe/Berlin"),
        ({"entity": "deal_followers", "mode": "update"}, "cannot be updated, only created and deleted"),
        ({"entity": "persons", "match_on": 5}, "match_on must be a field's name, or a list of names, not 5"),
        ({"entity": "persons", "dry_run": "no"}, "dry_run must be True or False, not 'no'"),
        ({"entity": "deal_products", "match_on": "id"}, "are told apart by deal_id and product_id"),
    ],
)
def test_a_job_that_cannot_be_is_refused_with_what_to_do(given: dict[str, Any], words: str) -> None:
    with pytest.raises(PipedriveParameterError) as raised:
        BulkJob(**given)

    assert words in str(raised.value)


def test_persons_are_matched_on_their_address_and_creations_on_nothing() -> None:
    assert BulkJob("persons").matched_on == ("email",)
    assert BulkJob("persons", mode="create").matched_on == ()
    assert BulkJob("deals", match_on=["title", "org_id"]).matched_on == ("title", "org_id")


def test_rejects_are_allowed_by_number_or_by_share() -> None:
    assert BulkJob("persons", max_rejects=3).allowed_rejects(1000) == 3
    assert BulkJob("persons", max_rejects=0.02).allowed_rejects(1000) == 20
