"""What two records say for and against being one."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.bulk.duplicates.traits import TRAITS, Surroundings

ALONE = Surroundings(holders=lambda key: 2, is_rare=lambda word: False, largest_block=50)
OFFICE = Surroundings(holders=lambda key: 20, is_rare=lambda word: False, largest_block=50)


def said(entity: str, one: dict[str, Any], other: dict[str, Any], among: Surroundings = ALONE) -> set[str]:
    kind = TRAITS[entity]
    return set(kind(one).evidence(kind(other), among))


def person(name: str, mail: str | None = None, phone: str | None = None, **more: Any) -> dict[str, Any]:
    emails = [{"value": mail}] if mail else []
    return {"id": 1, "name": name, "emails": emails, "phones": [{"value": phone}] if phone else [], **more}


def test_persons_are_compared_by_name_mailbox_number_and_organization() -> None:
    one = person("Anna Schmidt", "anna@acme.example", "+49 171 1234567", org_id=7)
    other = person("Schmidt, Anna", "Anna+crm@acme.example", "0171 1234567", org_id=7)

    assert said("persons", one, other) == {"name same", "email same", "phone same", "organization same"}


def test_an_offices_number_and_mailbox_are_nobodys_own() -> None:
    one = person("Anna Schmidt", "info@acme.example", "+49 30 1234567")
    other = person("Bernd Weber", "info@acme.example", "+49 30 1234567")

    assert said("persons", one, other, OFFICE) == {"name different", "email shared", "phone shared", "domain same"}


def test_mailboxes_that_a_number_tells_apart_are_those_of_namesakes() -> None:
    one = person("Anna Schmidt", "anna.schmidt@acme.example")
    other = person("Anna Schmidt", "anna.schmidt2@acme.example")

    assert "email numbered" in said("persons", one, other)


@pytest.mark.parametrize("name", ["aschmidt7", "A.Schmidt", "a.schmidt7@acme.example"])
def test_a_person_who_is_called_by_a_mailbox_has_no_name_against_one_with_the_same_mailbox(name: str) -> None:
    one, other = person("Anna Schmidt", "a.schmidt7@acme.example"), person(name, "a.schmidt7@acme.example")

    assert said("persons", one, other) == {"email same", "domain same"}
    assert said("persons", other, one) == {"email same", "domain same"}


def test_a_person_who_is_called_by_a_mailbox_has_a_name_against_all_others() -> None:
    one, other = person("aschmidt", "aschmidt@acme.example"), person("Bernd Weber", "weber@acme.example")

    assert "name different" in said("persons", one, other)
    assert "name same" in said("persons", one, one)


@pytest.mark.parametrize("name", ["anna_schmidt7", "anna.schmidt7@acme.example"])
def test_a_mailbox_that_has_a_whole_name_is_that_name(name: str) -> None:
    one = person("Anna Schmidt", "anna_schmidt7@acme.example")
    other = person(name, "anna_schmidt7@acme.example")

    assert said("persons", one, other) == {"name same", "email same", "domain same"}


def test_a_persons_names_in_any_order_with_any_spaces_have_one_key() -> None:
    kind = TRAITS["persons"]
    keys = [set(kind(person(name)).keys()) for name in ("Anna Schmidt", "Schmidt, Anna", "annaschmidt", "Anna Schmitz")]

    assert keys[0] == keys[1] == keys[2]
    assert keys[0].isdisjoint(keys[3])


def test_birthdays_speak_for_and_against() -> None:
    one, other = person("Anna", birthday="1980-01-31"), person("Anna", birthday="1980-02-01")

    assert said("persons", one, one) == {"name same", "birthday same"}
    assert said("persons", one, other) == {"name same", "birthday differs"}


def test_a_host_that_is_no_companys_says_nothing() -> None:
    kind = TRAITS["persons"]
    one, other = (kind(person(name, f"{name}@club.example"), frozenset({"club.example"})) for name in ("anna", "bernd"))

    assert set(one.evidence(other, ALONE)) == {"name different", "email differs"}


def test_organizations_are_compared_by_name_site_size_and_address() -> None:
    one = {
        "id": 1, "name": "Acme GmbH", "website": "https://www.acme.example/", "employee_count": 40,
        "address": {"value": "Hauptstraße 5, 10115 Berlin"}, "linkedin": "https://linkedin.example/acme",
    }  # fmt: skip
    other = {**one, "name": "ACME AG", "website": "http://acme.example", "address": {"value": "Hauptstr. 5, Berlin"}}

    assert said("organizations", one, other) == {
        "name same", "legal form differs", "website same", "linkedin same", "size same", "address same",
    }  # fmt: skip


def test_of_a_host_with_many_companies_only_the_same_page_is_the_same_site() -> None:
    one = {"id": 1, "name": "Acme", "website": "https://shops.example/1"}
    other = {"id": 2, "name": "Acme", "website": "https://shops.example/2"}

    assert said("organizations", one, other, OFFICE) == {"name same", "website differs"}


@pytest.mark.parametrize(
    ("address", "agreement"),
    [("Hauptstr. 5", "same"), ("Rue Neuve 5, 10115 Berlin", "near"), ("Hauptstr. 7, 10115 Berlin", "near"),
     ("Rue Lecourbe 9, Paris", "differs")],
)  # fmt: skip
def test_addresses_agree_by_words_and_numbers(address: str, agreement: str) -> None:
    one = {"id": 1, "name": "Acme", "address": {"value": "Hauptstraße 5, 10115 Berlin"}}

    assert f"address {agreement}" in said("organizations", one, {**one, "address": {"value": address}})


def deal(**more: Any) -> dict[str, Any]:
    return {"id": 1, "title": "Rollout 7", "org_id": 3, "value": 500, "currency": "EUR", "status": "open", **more}


def test_a_renewal_a_year_after_a_won_deal_is_another_deal() -> None:
    won = deal(status="won", add_time="2025-01-31T00:00:00Z")
    renewal = deal(add_time="2026-01-31T00:00:00Z")

    assert said("deals", won, renewal) == {"title same", "organization same", "value same", "closed apart"}


def test_a_title_that_pipedrive_has_proposed_says_less() -> None:
    assert "title usual" in said("deals", deal(title="Acme deal"), deal(title="Acme deal"))


def test_leads_are_compared_by_their_own_names_of_fields() -> None:
    lead = {"id": "a-1", "title": "Fair", "organization_id": 3, "value": {"amount": 5, "currency": "EUR"}}

    assert said("leads", lead, {**lead, "value": {"amount": 6, "currency": "EUR"}}) == {
        "title same", "organization same", "value differs",
    }  # fmt: skip


def test_identifiers_speak_louder_than_anything_else() -> None:
    one, other = ({**person("Anna"), "identifiers": {"VAT": number}} for number in ("1", "2"))

    assert said("persons", one, other) == {"name same", "identifier differs"}
