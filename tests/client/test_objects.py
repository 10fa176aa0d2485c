"""What is inside objects and lists of objects: converted and checked as the catalog declares it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import ACTIONS, get_action
from airflow_provider_pipedrive.catalog.advice import EXAMPLES
from airflow_provider_pipedrive.client.parameters import bind, check
from airflow_provider_pipedrive.client.values import from_text
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize(
    ("action", "name", "rendered", "sent"),
    [
        ("addActivity", "participants", [{"person_id": "7", "primary": "True"}], [{"person_id": 7, "primary": True}]),
        ("addActivity", "participants", "[{'person_id': '7'}]", [{"person_id": 7}]),
        ("addActivity", "participants", '[{"person_id": "7"}]', [{"person_id": 7}]),
        (
            "addActivity",
            "attendees",
            [{"email": "a@b.example", "user_id": "3"}],
            [{"email": "a@b.example", "user_id": 3}],
        ),
        ("addActivity", "location", {"value": "Narva mnt 5", "postal_code": 10117}, None),
        ("addProduct", "prices", [{"currency": "EUR", "price": "9.90", "cost": "4"}], None),
        ("addProductVariation", "prices", {"currency": "EUR", "price": Decimal("9.90")}, None),
        ("addLead", "value", {"amount": "1200.5", "currency": "EUR"}, {"amount": 1200.5, "currency": "EUR"}),
        ("addLead", "value", "{'amount': 1200, 'currency': 'EUR'}", {"amount": 1200, "currency": "EUR"}),
        ("addPerson", "phones", [{"value": 4912345, "primary": 1}], [{"value": "4912345", "primary": True}]),
        ("addPerson", "postal_address", {"value": "Narva mnt 5", "street_number": 5}, None),
        ("addManyDealProducts", "data", [{"product_id": "1", "item_price": "2.5", "quantity": "3"}], None),
        ("updateDealFieldOptions", "body", [{"id": "5", "label": 2026}], [{"id": 5, "label": "2026"}]),
        ("addUser", "access", [{"app": "sales", "admin": "false"}], [{"app": "sales", "admin": False}]),
        ("addGoal", "duration", {"start": date(2026, 1, 1), "end": None}, {"start": "2026-01-01", "end": None}),
        ("addGoal", "type", {"name": "deals_started", "params": {"pipeline_id": ["1", "2"]}}, None),
        (
            "updateDealField",
            "ui_visibility",
            {"show_in_pipelines": {"show_in_all": "false", "pipeline_ids": "1,2"}},
            {"show_in_pipelines": {"show_in_all": False, "pipeline_ids": [1, 2]}},
        ),
    ],
)
def test_what_a_template_gives_is_sent_in_the_types_of_the_parts(
    action: str, name: str, rendered: Any, sent: Any
) -> None:
    declared = get_action(action)
    others = {
        "addProductVariation": {"name": "L", "id": 1},
        "addManyDealProducts": {"id": 1},
        "updateDealFieldOptions": {"field_code": "label"},
        "updateDealField": {"field_code": "label"},
        "addUser": {"email": "a@b.example"},
        "addLead": {"title": "A lead", "person_id": 1},
        "addProduct": {"name": "A product"},
        "addPerson": {"name": "Ada"},
        "addGoal": {
            "assignee": {"id": 1, "type": "person"},
            "type": {"name": "deals_won"},
            "expected_outcome": {"target": 50, "tracking_metric": "quantity"},
            "duration": {"start": "2026-01-01"},
            "interval": "weekly",
        },
    }.get(action, {})
    expected = (
        sent
        if sent is not None
        else {
            "location": {"value": "Narva mnt 5", "postal_code": "10117"},
            "prices": [{"currency": "EUR", "price": 9.9} | ({"cost": 4} if action == "addProduct" else {})],
            "postal_address": {"value": "Narva mnt 5", "street_number": "5"},
            "data": [{"product_id": 1, "item_price": 2.5, "quantity": 3}],
            "type": {"name": "deals_started", "params": {"pipeline_id": [1, 2]}},
        }[name]
    )

    body = bind(declared, {**others, name: rendered}).json

    assert repr(body if declared.body_is_array else body[name]) == repr(expected)


@pytest.mark.parametrize(
    ("action", "given", "words"),
    [
        (
            "addActivity",
            {"participants": [{"person_id": 1}, {"person_id": "x"}]},
            "participants[1].person_id must be a whole number, not 'x'",
        ),
        ("addProduct", {"name": "A", "prices": [{"price": "cheap"}]}, "prices[0].price must be a number, not 'cheap'"),
        ("addPerson", {"name": "A", "emails": [{"value": ["a@b.example"]}]}, "emails[0].value must be text"),
        ("updateLead", {"id": "1", "value": {"amount": ""}}, "value.amount must be a number, not ''"),
        ("addUser", {"email": "a@b.example", "access": [{"app": "sale"}]}, "access[0].app must be one of"),
        (
            "updateDealField",
            {"field_code": "x", "ui_visibility": {"show_in_pipelines": {"pipeline_ids": ["one"]}}},
            "ui_visibility.show_in_pipelines.pipeline_ids must be a whole number, not 'one'",
        ),
        (
            "addActivity",
            {"participants": [{"personid": 1}]},
            "participants[0] has no 'personid' (did you mean 'person_id'?)",
        ),
        ("addLead", {"title": "A", "value": {"ammount": 1}}, "value has no 'ammount' (did you mean 'amount'?)"),
        ("addPerson", {"name": "A", "emails": [{"email": "a@b.c"}]}, "emails[0] has no 'email' (it takes: value, "),
        ("addProduct", {"name": "A", "prices": {"EUR": 5}}, "prices[0] has no 'EUR' (it takes: currency, price, "),
    ],
)
def test_a_wrong_part_is_named_by_its_path_before_anything_is_sent(
    action: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(PipedriveParameterError) as raised:
        bind(get_action(action), given)

    assert words in str(raised.value)


@pytest.mark.parametrize(
    ("action", "name", "value"),
    [
        # as they were read: an answer may be sent back, changed
        ("updateProduct", "prices", [{"product_id": 1, "price": 1, "currency": "EUR", "cost": 0, "direct_cost": 0}]),
        ("updateActivity", "attendees", [{"email_address": "a@b.example", "name": None, "is_organizer": 1}]),
        ("updatePerson", "postal_address", {"value": "Narva mnt 5", "formatted_address": "Narva mnt 5, Tallinn"}),
        # a name that is near to one that is given too is not a misspelling of it
        ("updateOrganization", "address", {"value": "Tallinn", "country": "Estonia", "country_code": "EE"}),
    ],
)
def test_a_part_that_pipedrive_does_not_describe_is_sent_as_it_is(action: str, name: str, value: Any) -> None:
    assert bind(get_action(action), {"id": 1, name: value}).json[name] == value


def test_templates_in_objects_are_left_for_later_and_what_is_beside_them_is_checked_at_once() -> None:
    def resolved_later(value: Any) -> bool:
        return "{{" in str(value)

    check(get_action("addActivity"), {"participants": [{"person_id": "{{ one }}", "primary": True}]}, resolved_later)
    check(get_action("addActivity"), {"participants": ["{{ one }}"]}, resolved_later)
    with pytest.raises(PipedriveParameterError, match=r"participants\[0\] has no 'primry'"):
        check(get_action("addActivity"), {"participants": [{"person_id": "{{ one }}", "primry": True}]}, resolved_later)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('[{"a": true}]', [{"a": True}]),
        ("[{'a': True, 'b': None}]", [{"a": True, "b": None}]),
        (" {'a': 1} ", {"a": 1}),
        ("[not a list", "[not a list"),
        ("{'a': open('x')}", "{'a': open('x')}"),
        ("10115", "10115"),
    ],
)
def test_a_list_or_object_is_read_from_text_as_json_or_as_python_writes_it(text: str, value: Any) -> None:
    assert from_text(text) == value


def test_examples_in_messages_are_right_themselves() -> None:
    for action in ACTIONS.values():
        for parameter in action.parameters:
            if parameter.parts and parameter.name in EXAMPLES:
                known = {part.name for part in parameter.parts}
                shown = from_text(EXAMPLES[parameter.name])
                assert {*(shown[0] if isinstance(shown, list) else shown)} <= known, (action.key, parameter.name)
