"""Values in the form in which they are compared."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client.field_values import domain_key, phone_key, text_key, value_key


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Anna.Kowalska@Example.COM", " anna.kowalska@example.com "),
        ("Łódź  Sp. z o.o.", "łódź sp. z o.o."),
        ("STRASSE", "Straße"),
        ("Ångström", "A\u030angstro\u0308m"),
    ],
)
def test_capital_letters_spaces_and_composition_do_not_tell_texts_apart(one: str, other: str) -> None:
    assert text_key(one) == text_key(other)


def test_what_follows_a_plus_sign_tells_addresses_apart() -> None:
    assert text_key("anna+crm@example.com") != text_key("anna@example.com")


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("+49 (0)30 901820", "4930901820"),
        ("0049 30 90-18-20", "4930901820"),
        ("+1 (555) 010-9999 ext. 12", "15550109999"),
        ("unknown", None),
    ],
)
def test_phone_numbers_are_compared_by_their_digits(written: str, key: str | None) -> None:
    assert phone_key(written) == key


@pytest.mark.parametrize(("one", "other"), [(10, "10"), (10.0, 10), ("C-7", "c-7")])
def test_numbers_are_compared_by_value_and_other_keys_as_texts(one: object, other: object) -> None:
    assert value_key(one) == value_key(other)


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("https://www.Acme.example/about?x=1", "acme.example"),
        ("acme.example:8080", "acme.example"),
        ("anna@sales.acme.example", "sales.acme.example"),
        ("anna@gmail.com", None),
        ("https://[broken", None),
    ],
)
def test_a_domain_is_the_host_and_never_that_of_a_public_mail_service(written: str, key: str | None) -> None:
    assert domain_key(written) == key
