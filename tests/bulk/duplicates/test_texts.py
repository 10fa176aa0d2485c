"""Names, addresses and numbers in the form in which records are compared."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.bulk.duplicates.texts import (
    address_words,
    company_words,
    is_same_phone,
    mail_key,
    person_words,
    phone_digits,
)


@pytest.mark.parametrize(
    "written", ["Jörg Müller", "Joerg Mueller", "JORG MULLER", " Dr. Jörg  Müller ", "Müller, Jörg"]
)
def test_accents_titles_capitals_and_commas_do_not_tell_names_apart(written: str) -> None:
    assert sorted(person_words(written)) == ["jorg", "muller"]


def test_an_address_in_place_of_a_name_is_read_as_one() -> None:
    assert person_words("anna.kowalska7@example.com") == ["anna", "kowalska"]


def test_a_name_that_is_only_a_title_stays() -> None:
    assert person_words("Don") == ["don"]


@pytest.mark.parametrize(
    ("written", "words", "family"),
    [
        ("ACME GmbH", ["acme"], "limited"),
        ("Acme G.m.b.H.", ["acme"], "limited"),
        ("The Acme Ltd.", ["acme"], "limited"),
        ("Acme & Söhne GmbH & Co. KG", ["acme", "sohne"], "partners"),
        ("Acme, Inc", ["acme"], "stock"),
        ("AG", ["ag"], "stock"),
        ("Acme", ["acme"], None),
    ],
)
def test_a_company_is_its_name_without_its_legal_form(written: str, words: list[str], family: str | None) -> None:
    assert company_words(written) == (words, family)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("Anna+CRM@Example.com ", "anna@example.com"),
        ("anna.k@googlemail.com", "annak@gmail.com"),
        ("anna.k@example.com", "anna.k@example.com"),
        ("+@example.com", "+@example.com"),
        ("anna", None),
        ("@example.com", None),
    ],
)
def test_an_address_is_its_mailbox(written: str, key: str | None) -> None:
    assert mail_key(written) == key


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("+49 171 1234567", "0171/1234567", True),
        ("0049 (0)171 123 45 67", "+491711234567", True),
        ("+372 5555 0100", "5555 0100", True),
        ("+49 171 1234567", "+49 172 1234567", False),
        ("+49 30 1234567", "1234567 ext. 8", False),
    ],
)
def test_a_number_is_the_same_with_and_without_its_country_code(one: str, other: str, same: bool) -> None:
    assert is_same_phone(str(phone_digits(one)), str(phone_digits(other))) == same


def test_a_number_of_few_digits_is_none() -> None:
    assert phone_digits("call 123") is None


def test_a_street_is_the_same_however_it_is_abbreviated() -> None:
    assert address_words("Hauptstraße 5, 10115 Berlin") == address_words("10115 berlin; Hauptstr. 5")
