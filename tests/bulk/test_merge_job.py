"""What a merge may be asked for."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import MergeJob
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize(
    ("job", "message"),
    [
        ({"entity": "leads"}, "Pipedrive does not merge 'leads'. It merges persons"),
        ({"entity": "person"}, "Did you mean 'persons'"),
        ({"entity": "persons", "survivor": "newest"}, "survivor must be one of oldest, most_complete, most_deals"),
        ({"entity": "deals", "survivor": "most_deals"}, "is for persons and organizations"),
        ({"entity": "persons", "fields": {"Phone": "both"}}, "fields: Phone must be one of survivor, all"),
        ({"entity": "persons", "fields": "Phone"}, "fields must be a dict of field to rule"),
        ({"entity": "persons", "max_merges": -1}, "max_merges must be a whole number from 0 on, not -1"),
    ],
)
def test_a_job_that_cannot_be_is_refused(job: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        MergeJob(**job)


@pytest.mark.parametrize(
    ("group", "message"),
    [
        ([1, 2], "Group 3 must be a dict with ids"),
        ({"ids": [1]}, "Group 3 has 1 records"),
        ({"ids": [1, 1]}, "Group 3 has 1 records"),
        ({"ids": [1, "2"]}, "ids of persons are whole numbers, not '2'"),
        ({"ids": [1, 2], "survivor": 5}, "its survivor 5 is not in it"),
        ({"ids": [1, 2], "entity": "deals"}, "Group 3 is of deals, not of persons"),
    ],
)
def test_a_group_that_cannot_be_merged_is_refused(group: Any, message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        MergeJob("persons").checked_group(3, group)
