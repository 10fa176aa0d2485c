"""How far two names agree."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.bulk.duplicates.names import compare_names, compare_titles, edits


@pytest.mark.parametrize(
    ("one", "other", "agreement"),
    [
        ("anna schmidt", "schmidt anna", "same"),
        ("jean pierre blanc", "jeanpierre blanc", "same"),
        ("anna schmidt", "anna schmitd", "near"),
        ("anna schmidt", "annaschmitd", "near"),
        ("anna schmidt", "annaschmidt berg", "part"),
        ("anna de vries", "annade vries", "same"),
        ("anna cole vries", "anmacole vries", "near"),
        ("anna schmidt", "anneschmidt", "near"),
        ("anna", "anne berg", "doubtful"),
        ("philipp meyer", "filip maier", "near"),
        ("robert smith", "bob smith", "short"),
        ("christopher smith", "chris smith", "short"),
        ("john smith", "j smith", "short"),
        ("anna maria schmidt", "anna schmidt", "part"),
        ("schmidt", "anna schmidt", "single"),
        ("daniel meyer", "daniela meyer", "doubtful"),
        ("anna schmidt", "anna weber", "family"),
        ("anna schmidt", "bernd schmidt", "conflict"),
        ("tim berg", "tom berg", "conflict"),
        ("anna schmidt", "bernd weber", "different"),
    ],
)
def test_names_of_persons_agree_word_by_word(one: str, other: str, agreement: str) -> None:
    assert compare_names(one.split(), other.split()) == agreement
    if agreement != "family":
        assert compare_names(other.split(), one.split()) == agreement


@pytest.mark.parametrize(
    ("one", "other", "agreement"),
    [
        ("blue harbor", "blueharbor", "same"),
        ("harbor logistics", "harbour logistics", "near"),
        ("acme", "acme software", "part"),
        ("acme software", "acme foods", "conflict"),
        ("renewal 2025", "renewal 2026", "conflict"),
        ("renewal", "renewal 2026", "conflict"),
        ("acme", "zenith", "different"),
    ],
)
def test_titles_agree_but_for_words_with_digits(one: str, other: str, agreement: str) -> None:
    assert compare_titles(one.split(), other.split()) == agreement


@pytest.mark.parametrize(
    ("one", "other", "number"), [("smith", "smiht", 1), ("smith", "smyths", 2), ("smith", "s", 3), ("abc", "xyz", 3)]
)
def test_edits_are_counted_up_to_a_bound(one: str, other: str, number: int) -> None:
    assert edits(one, other, 2) == number
