"""What rows can be written to: each entry names actions that there are."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.bulk.targets import TARGETS, Target, target_of
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.entity)
def test_every_action_of_a_target_is_in_the_catalog(target: Target) -> None:
    named = (target.create, target.update, target.delete, target.listed, target.single, target.archived, target.search)

    assert {key for key in named if key} <= ACTIONS.keys()


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda target: target.entity)
def test_a_target_is_listed_and_searched_as_the_catalog_allows(target: Target) -> None:
    assert set(target.newest) <= ACTIONS[target.listed].by_name.keys()
    if target.search:
        assert set(target.searched.values()) <= set(ACTIONS[target.search].by_name["fields"].enum)


def test_a_misspelled_entity_is_an_error_with_the_nearest_one() -> None:
    with pytest.raises(PipedriveParameterError, match="Rows cannot be written to 'person'. Did you mean 'persons'?"):
        target_of("person")
