"""One reading of whole numbers for every place that takes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_pipedrive.client.whole_numbers import check_count, read_count, whole_number
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize("given", [5, "5", " 5 ", "+5", "5.0", "5.00", 5.0, Decimal("5"), Decimal("5.0")])
def test_a_whole_number_is_read_however_a_table_or_a_template_writes_it(given: Any) -> None:
    assert whole_number(given) == 5
    assert type(whole_number(given)) is int


@pytest.mark.parametrize(
    "given",
    [None, True, False, 5.5, "5.5", "5.", "", "five", "1_000", "٥", float("nan"), float("inf"), Decimal("NaN"), [5]],
)
def test_nothing_is_rounded_or_guessed(given: Any) -> None:
    assert whole_number(given) is None


def test_an_argument_may_be_text_that_a_template_rendered() -> None:
    assert (read_count("max_tokens", "5.0"), read_count("after_id", "0", least=0)) == (5, 0)
    with pytest.raises(PipedriveParameterError, match=r"^max_tokens must be a whole number from 1 on, not '0'\.$"):
        read_count("max_tokens", "0")


@pytest.mark.parametrize("given", ["5", True, 5.0, 1, None])
def test_an_argument_that_is_no_template_has_to_be_a_number_already(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match=r"^largest_block must be a whole number from 2 on, not "):
        check_count("largest_block", given, least=2)
