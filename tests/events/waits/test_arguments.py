"""Arguments as DAG authors write them, and as templates render them."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.waits.arguments import number, patterns, record_id, record_ids, refs, several

LEAD = "adf21080-0e10-11eb-879b-05d71fb426ec"


@pytest.mark.parametrize(
    ("given", "found"),
    [
        (5, [5]),
        ("17", ["17"]),
        ("17, 18", ["17", "18"]),
        ("[17, 18]", [17, 18]),
        ("['Offer', 'Won, at last']", ["Offer", "Won, at last"]),
        ("Offer, revised", ["Offer, revised"]),
        ("[not a list", ["[not a list"]),
        ((1, 2), [1, 2]),
        (None, []),
    ],
)
def test_a_list_may_be_one_value_a_text_of_a_list_or_numbers_between_commas(given: Any, found: list[Any]) -> None:
    assert several(given) == found


def test_the_text_of_a_number_is_an_id_and_any_other_text_a_name() -> None:
    assert refs("to_stage", ["7", "Offer ", 7, "7.0", 7.0, "Offer"]) == (7, "Offer")


@pytest.mark.parametrize("given", [0, -1, True, 2.5, "", " ", [None]])
def test_what_is_neither_an_id_nor_a_name_is_refused(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="to_stage must be an id or a name, not "):
        refs("to_stage", given)


def test_records_are_named_once_each_by_numbers_and_leads_by_their_long_ids() -> None:
    assert record_ids("deal_id", "17, 18, 17") == (17, 18)
    assert record_id("lead_id", f" {LEAD} ") == LEAD
    with pytest.raises(PipedriveParameterError, match="lead_id must be a lead's id, such as adf21080"):
        record_id("lead_id", 17)


@pytest.mark.parametrize("given", ["-1", "1.5", "\u0661", True, None, "many"])
def test_a_whole_number_is_one_in_plain_digits(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match="after_id must be a whole number, not "):
        number("after_id", given)


def test_what_names_are_compared_with_is_one_text_or_several() -> None:
    assert patterns("names", "*.pdf", "*.pdf") == ("*.pdf",)
    assert patterns("names", ["*.pdf", "offer*"], "*.pdf") == ("*.pdf", "offer*")
    assert patterns("names", None, "*.pdf") == patterns("names", "", "*.pdf") == ()


@pytest.mark.parametrize("given", [5, [5], [None], [""], {"*.pdf": 1}, True])
def test_what_names_cannot_be_compared_with_is_refused(given: Any) -> None:
    with pytest.raises(PipedriveParameterError, match=r"names must be a text such as '\*.pdf', or a list of them"):
        patterns("names", given, "*.pdf")
