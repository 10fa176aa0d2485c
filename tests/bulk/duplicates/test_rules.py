"""What rules may say."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import DuplicateRules
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize(
    ("entity", "rules", "message"),
    [
        ("person", {}, "Did you mean 'persons'"),
        ("products", {}, "Duplicates cannot be found among 'products'"),
        ("persons", {"least_score": 1.5}, "least_score must be a number between 0 and 1, not 1.5"),
        ("persons", {"largest_block": 1}, "largest_block must be a whole number from 2 on, not 1"),
        ("persons", {"identifiers": "VAT"}, "identifiers must be a list of texts, not 'VAT'"),
        ("persons", {"weights": {"emial same": 1}}, "Did you mean 'email same'"),
        ("persons", {"weights": {"email same": "1"}}, "weights: email same must be a number, not '1'"),
    ],
)
def test_rules_that_contradict_themselves_are_refused_at_once(entity: str, rules: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        DuplicateRules(**rules).check(entity)


def test_a_weight_takes_the_place_of_the_usual_one() -> None:
    assert DuplicateRules(weights={"email same": 9}).weights_of("persons")["email same"] == 9
