"""What can be read is found by its name, and what cannot is refused with the nearest names."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.entities import get_entity


def test_an_unknown_entity_is_refused_with_the_nearest_ones() -> None:
    with pytest.raises(PipedriveParameterError) as error:
        get_entity("Deal")
    assert str(error.value) == "There is no entity 'Deal' to extract. Did you mean deals?"


def test_where_nothing_is_near_the_message_says_where_all_entities_are() -> None:
    with pytest.raises(PipedriveParameterError) as error:
        get_entity("invoices")
    assert str(error.value) == f"There is no entity 'invoices' to extract. There are {', '.join(ENTITIES)}."


def test_a_known_entity_is_given_by_its_name() -> None:
    assert get_entity("deals").action == "getDeals"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        *(("companies", "organizations"), ("company", "organizations"), ("accounts", "organizations")),
        *(("contacts", "persons"), ("Contact", "persons"), ("people", "persons"), ("opportunities", "deals")),
        *(("attachments", "files"), ("dealFields", "deal_fields"), ("Deals", "deals"), ("user", "users")),
    ],
)
def test_other_systems_words_for_an_entity_lead_to_it(given: str, meant: str) -> None:
    with pytest.raises(
        PipedriveParameterError, match=rf"^There is no entity '{given}' to extract. Did you mean {meant}\?$"
    ):
        get_entity(given)
