"""Records that are one, found in a list."""

from __future__ import annotations

from typing import Any

import pytest
from bench.doubles import Maker, fill, pairs_of, quality

from airflow_provider_pipedrive.bulk import DuplicateRules, find_duplicates
from airflow_provider_pipedrive.client import PipedriveClient
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.sandbox import Sandbox


def add(client: PipedriveClient, name: str, mail: str, phone: str = "", **more: Any) -> int:
    phones = [{"value": phone, "primary": True}] if phone else []
    body = {"name": name, "emails": [{"value": mail, "primary": True}] if mail else [], "phones": phones, **more}
    return int(client.run("addPerson", body)["id"])


def found(client: PipedriveClient, rules: DuplicateRules | None = None) -> list[list[int]]:
    return [group["ids"] for group in find_duplicates(client, "persons", rules)]


@pytest.mark.parametrize(("entity", "count"), [("persons", 1_000), ("organizations", 1_000), ("deals", 1_000)])
def test_of_a_company_with_known_pairs_nearly_all_are_found_and_hardly_any_other(
    sandbox: Sandbox, client: PipedriveClient, entity: str, count: int
) -> None:
    records, known = getattr(Maker(seed=3), entity)(count, doubled=0.1)
    fill(sandbox, entity, records)

    groups = [group["ids"] for group in find_duplicates(client, entity)]

    precision, recall = quality(pairs_of(groups), known)
    assert precision >= 0.98
    assert recall >= 0.95


def test_a_group_says_who_is_in_it_and_why(client: PipedriveClient) -> None:
    first = add(client, "Zoltan Quast", "zoltan@quast.example", "+36 1 555 0100", add_time="2025-01-31T10:00:00Z")
    second = add(client, "Quast, Zoltán", "Zoltan+crm@quast.example", add_time="2026-01-31T10:00:00Z")

    (group,) = (group for group in find_duplicates(client, "persons") if first in group["ids"])

    assert group["entity"] == "persons"
    assert group["ids"] == [first, second]
    assert group["score"] > 0.99
    assert {"name same", "email same"} <= set(group["reasons"])
    assert [record["name"] for record in group["records"]] == ["Zoltan Quast", "Quast, Zoltán"]
    assert group["records"][0]["link"] == f"{client.origin}/person/{first}"


def test_a_family_with_one_number_is_not_one_person(client: PipedriveClient) -> None:
    add(client, "Zoltan Quast", "family@quast.example", "+36 1 555 0100")
    other = add(client, "Ilona Quast", "family@quast.example", "+36 1 555 0100")

    assert not [ids for ids in found(client) if other in ids]


def test_records_that_contradict_each_other_are_not_linked_by_a_third(client: PipedriveClient) -> None:
    """A record of both says ``quast``: it is grouped with one of them."""
    anna = add(client, "Anna Quast", "family@quast.example", "+36 1 555 0100")
    bernd = add(client, "Bernd Quast", "family@quast.example", "+36 1 555 0100")
    both = add(client, "Quast", "family@quast.example", "+36 1 555 0100")

    groups = [ids for ids in found(client) if both in ids]

    assert groups in ([[anna, both]], [[bernd, both]])


def test_three_records_of_one_person_are_one_group(client: PipedriveClient) -> None:
    ids = [add(client, name, "zq@quast.example") for name in ("Zoltan Quast", "Z. Quast", "Zoltan Quats")]

    assert [sorted(ids)] == [sorted(group) for group in found(client) if ids[0] in group]


def test_a_field_of_the_accounts_own_tells_records_apart(client: PipedriveClient) -> None:
    client.run("addPersonField", {"field_name": "Badge", "field_type": "varchar"})
    same = [
        add(client, name, "", custom_fields={"Badge": badge})
        for name, badge in (("Zoltan Quast", "B-7"), ("Quast", " b-7"), ("Zoltan Quast", "B-8"))
    ]

    groups = found(client, DuplicateRules(identifiers=["Badge"]))

    assert [sorted(ids) for ids in groups if same[0] in ids] == [same[:2]]
    assert not [ids for ids in groups if same[2] in ids]


def test_a_higher_score_leaves_out_what_is_less_sure(client: PipedriveClient) -> None:
    one = add(client, "Zoltan Quast", "", "+36 1 555 0100")
    add(client, "Z. Quast", "", "1 555 0100")

    assert [ids for ids in found(client) if one in ids]
    assert not [ids for ids in found(client, DuplicateRules(least_score=0.9)) if one in ids]


def test_leads_are_grouped_too(client: PipedriveClient) -> None:
    person = add(client, "Zoltan Quast", "zq@quast.example")
    lead = {"title": "Quast fair stand", "person_id": person, "value": {"amount": 900, "currency": "EUR"}}
    ids = [client.run("addLead", lead)["id"] for _ in range(2)]

    assert [sorted(group["ids"]) for group in find_duplicates(client, "leads")] == [sorted(ids)]


def test_what_was_deleted_is_not_a_duplicate(client: PipedriveClient) -> None:
    one, other = (add(client, "Zoltan Quast", "zq@quast.example") for _ in range(2))
    client.run("deletePerson", {"id": other})

    assert not [ids for ids in found(client) if one in ids]


def test_a_wrong_entity_is_refused_before_the_first_group_is_asked_for(client: PipedriveClient) -> None:
    with pytest.raises(PipedriveParameterError, match="Duplicates cannot be found among 'products'"):
        find_duplicates(client, "products")
