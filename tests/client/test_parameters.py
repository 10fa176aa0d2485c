"""From a flat dict of parameters to a request."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from airflow_provider_pipedrive.catalog import get_action
from airflow_provider_pipedrive.client.parameters import NOTHING, bind, check
from airflow_provider_pipedrive.errors import PipedriveParameterError

FIELD = "0123456789abcdef0123456789abcdef01234567"


@pytest.mark.parametrize(
    ("action", "parameters", "target"),
    [
        ("getDeals", {}, "/api/v2/deals"),
        ("getDeals", {"owner_id": "5", "status": ["open", "won"]}, "/api/v2/deals?owner_id=5&status=open%2Cwon"),
        ("getDeals", {"owner_id": None}, "/api/v2/deals"),
        (
            "getDeals",
            {"updated_since": datetime(2026, 1, 31, 12, tzinfo=UTC)},
            "/api/v2/deals?updated_since=2026-01-31T12%3A00%3A00Z",
        ),
        ("getDeals", {"include_labels": "true"}, "/api/v2/deals?include_labels=true"),
        ("getDealMailMessages", {"id": 7, "include_body": True}, "/v1/deals/7/mailMessages?include_body=1"),
        ("getDeal", {"id": "7"}, "/api/v2/deals/7"),
        ("getDealPersons", {"id": 7}, "/api/v2/persons?deal_id=7"),
        ("getDealPersons", {"deal_id": 7}, "/api/v2/persons?deal_id=7"),
        ("getOrganizationPersons", {"id": 7}, "/api/v2/persons?org_id=7"),
        ("getOrganizationPersons", {"org_id": 7}, "/api/v2/persons?org_id=7"),
        ("getInstallments", {"deal_ids": [1, 2]}, "/api/v2/deals/installments?deal_ids=1&deal_ids=2"),
    ],
)
def test_path_and_query(action: str, parameters: dict[str, Any], target: str) -> None:
    assert bind(get_action(action), parameters).target() == target


@pytest.mark.parametrize(
    ("action", "parameters", "body"),
    [
        ("addDeal", {"title": "A", "value": "12.5", "org_id": None}, {"title": "A", "value": 12.5, "org_id": None}),
        ("addDeal", {"title": "A", "custom_fields": {FIELD: None}}, {"title": "A", "custom_fields": {FIELD: None}}),
        # An empty object says nothing, and was seen to clear fields.
        ("addDeal", {"title": "A", "custom_fields": {}}, {"title": "A"}),
        ("addLead", {"title": "A", "person_id": 1, FIELD: 5}, {"title": "A", "person_id": 1, FIELD: 5}),
        ("updateDeal", {"id": 7, "title": "B"}, {"title": "B"}),
        ("updateDeal", {"id": 7}, {}),
        ("getDeals", {}, NOTHING),
        ("deleteDeal", {"id": 7}, NOTHING),
    ],
)
def test_body(action: str, parameters: dict[str, Any], body: Any) -> None:
    assert bind(get_action(action), parameters).json == body


@pytest.mark.parametrize(
    ("field_code", "value", "body"),
    [
        ("name", "Mia", {"name": "Mia"}),
        ("owner_id", "5", {"owner_id": 5}),
        ("birthday", "1990-05-01", {"birthday": "1990-05-01"}),
        ("job_title", "Boss", {"job_title": "Boss"}),
        ("emails", [], {"emails": []}),
        (FIELD, "x", {"custom_fields": {FIELD: "x"}}),
        (FIELD, None, {"custom_fields": {FIELD: None}}),
    ],
)
def test_set_field_value_puts_own_columns_at_the_root_and_custom_fields_below(
    field_code: str, value: Any, body: dict[str, Any]
) -> None:
    request = bind(get_action("setFieldValueForPerson"), {"id": 7, "field_code": field_code, "value": value})
    assert (request.method, request.target(), request.json) == ("PATCH", "/api/v2/persons/7", body)


def test_a_form_body_writes_booleans_as_digits_and_leaves_nulls_out() -> None:
    request = bind(get_action("updateFile"), {"id": 1, "name": "a & b", "description": None})
    assert request.form == (("name", "a & b"),)
    assert request.json is NOTHING


@pytest.mark.parametrize(
    ("action", "parameters", "message"),
    [
        ("getDeals", {"stauts": "open"}, "getDeals: there is no parameter 'stauts' (did you mean status?)."),
        ("getDeals", {"ownerId": 1}, "getDeals: there is no parameter 'ownerId' (did you mean owner_id?)."),
        ("getDeals", {5: 1}, "getDeals: there is no parameter 5 (it takes:"),
        ("getDeals", {"max_records": 5}, "getDeals: there is no parameter 'max_records' (it is an argument"),
        ("addLead", {"title": "A", "person_id": 1, 5: 1}, "addLead: there is no parameter 5 (it takes:"),
        ("getDeal", {}, "getDeal: id must be given."),
        ("getDeal", {"id": "many"}, "getDeal: id must be a whole number, not 'many' (str)."),
        ("getDeal", {"id": None}, "getDeal: id must not be null."),
        ("getDeals", {"ids": None}, "getDeals: ids must not be null, which names no record: leave it out to read all"),
        ("getDeal", {"id": ""}, "getDeal: id must be a whole number, not '' (str)."),
        ("getDeal", {"id": True}, "getDeal: id must be a whole number, not True (bool)."),
        ("getPermissionSet", {"id": " "}, "getPermissionSet: id must be an id, not ' '."),
        ("getPermissionSet", {"id": ".."}, "getPermissionSet: id must be an id, not '..'."),
        ("getPermissionSet", {"id": "a\x00b"}, "getPermissionSet: id must be text without zero bytes."),
        ("getDeals", {"limit": 501}, "getDeals: limit must be from 1 to 500, not 501."),
        ("getDeals", {"limit": 0}, "getDeals: limit must be from 1 to 500, not 0."),
        ("getDeals", {"sort_by": "idd"}, "getDeals: sort_by must be one of id, update_time, add_time, not 'idd' (str)"),
        ("getDealPersons", {"id": 7, "deal_id": 7}, "getDealPersons: deal_id and id mean the same: give one of them."),
        ("getDeals", {"filter_id": 1, "owner_id": 2}, "getDeals: filter_id makes Pipedrive ignore owner_id"),
        ("addDeal", {"title": None}, "addDeal: title must not be null."),
        ("addDeal", {"title": "A", FIELD: 1}, f"addDeal: {FIELD} is a custom field: put it into custom_fields="),
        ("addDeal", {"title": "A", "custom_fields": {FIELD: []}}, f"addDeal: custom_fields {FIELD}: an empty list is"),
        (
            "addLead",
            {"title": "A", "person_id": 1, "custom_fields": {}},
            "addLead: custom fields of leads are given next to",
        ),
        ("addFile", {"file": None}, "addFile: file must be a file: a path, bytes or a file object."),
        (
            "setFieldValueForPerson",
            {"id": 7, "field_code": FIELD, "value": []},
            "setFieldValueForPerson: custom_fields",
        ),
        (
            "setFieldValueForPerson",
            {"id": 7, "field_code": "owner_id", "value": "many"},
            "setFieldValueForPerson: owner_id must be a whole number, not 'many' (str).",
        ),
        (
            "addLead",
            {"title": "x", "organization_id": 1, "Score": 5},
            "addLead: there is no parameter 'Score' (a custom field is given as custom_fields={'Score': 5}",
        ),
        (
            "updateDeal",
            {"id": 1, "Score": 5},
            "updateDeal: there is no parameter 'Score' (a custom field is given as custom_fields={'Score': 5}",
        ),
        (
            "addPerson",
            {"name": "A", "Preferred language": "Estonian"},
            "addPerson: there is no parameter 'Preferred language' (a custom field is given as "
            "custom_fields={'Preferred language': 'Estonian'}; the parameters are ",
        ),
        *(
            (
                "addPerson",
                {"name": "A", "emails": given},
                "addPerson: emails must be a list of objects (dicts), such as "
                "[{'value': 'ada@example.com', 'primary': True, 'label': 'work'}], not ",
            )
            for given in (["a@b.example"], "a@b.example", [{"value": "a@b.example"}, "c@d.example"], 5)
        ),
        (
            "addProduct",
            {"name": "A", "prices": [100]},
            "addProduct: prices must be a list of objects (dicts), such as [{'currency': 'EUR', 'price': 100}], not ",
        ),
        (
            "addLead",
            {"title": "A", "person_id": 1, "value": 1200},
            "addLead: value must be an object (a dict), such as {'amount': 1200, 'currency': 'EUR'}, not 1200 (int).",
        ),
        ("getDeal", {"id": "many", "x": 1}, "getDeal: id must be a whole number, not 'many' (str); there is no"),
    ],
)
def test_what_is_wrong_fails_before_sending_and_says_how_it_is_right(
    action: str, parameters: dict[Any, Any], message: str
) -> None:
    with pytest.raises(PipedriveParameterError) as refused:
        bind(get_action(action), parameters)
    assert str(refused.value).startswith(message)
    assert refused.value.action == action


@pytest.mark.parametrize(
    ("action", "name", "meant"),
    [
        *(("addDeal", "organization_id", "org_id"), ("addDeal", "company_id", "org_id"), ("addDeal", "name", "title")),
        *(("addDeal", "contact_id", "person_id"), ("addDeal", "amount", "value"), ("addDeal", "stage", "stage_id")),
        *(("addDeal", "user_id", "owner_id"), ("addPerson", "email", "emails"), ("addPerson", "company", "org_id")),
        *(("getDeals", "modified_since", "updated_since"), ("addActivity", "title", "subject")),
        *(("addActivity", "due", "due_date"), ("addDeal", "expected_close", "expected_close_date")),
        *(("getDeals", "start", "cursor"), ("getFiles", "offset", "start"), ("searchDeals", "query", "term")),
        *(("updateDeal", "deal_id", "id"), ("updateOrganization", "company_id", "id")),
        *(("updateStage", "rotten_flag", "is_deal_rot_enabled"), ("updateStage", "rotten_days", "days_to_rotten")),
        *(("addActivity", "assigned_to_user_id", "owner_id"), ("addDealProduct", "discount_percentage", "discount")),
        *(("deleteDealFollower", "userId", "follower_id"), ("deletePersonFollower", "user_id", "follower_id")),
        *(("updateDealProduct", "deal_product_id", "product_attachment_id"), ("searchPersons", "q", "term")),
        *(("getDealField", "field_key", "field_code"), ("getDealFieldV1", "field_id", "id")),
        *(
            ("deletePerson", "contactId", "id"),
            ("addDealProduct", "deal_id", "id"),
            ("getDealFollowers", "dealId", "id"),
        ),
    ],
)
def test_other_systems_words_for_a_parameter_lead_to_its_name(action: str, name: str, meant: str) -> None:
    with pytest.raises(PipedriveParameterError) as refused:
        bind(get_action(action), {name: 1})
    assert f"there is no parameter {name!r} (did you mean {meant}?)" in str(refused.value)


def test_in_v1_a_follower_is_not_named_by_the_user() -> None:
    with pytest.raises(PipedriveParameterError, match=r"no parameter 'user_id' \(it takes: follower_id, id\)"):
        bind(get_action("deleteDealFollowerV1"), {"id": 1, "user_id": 2, "follower_id": 3})


def test_a_filter_of_none_takes_the_place_of_no_other_condition() -> None:
    assert bind(get_action("getDeals"), {"filter_id": None, "owner_id": 2}).query == (("owner_id", "2"),)


@pytest.mark.parametrize(
    ("value", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("../../x", "..%2F..%2Fx"),
        ("a?b#c", "a%3Fb%23c"),
        ("%2e%2e", "%252e%252e"),
        ("Zoë", "Zo%C3%AB"),
        ("a\r\nHost: evil", "a%0D%0AHost%3A%20evil"),
        ("a\\b", "a%5Cb"),
    ],
)
def test_no_value_can_leave_its_path_segment(value: str, segment: str) -> None:
    assert bind(get_action("getPermissionSet"), {"id": value}).target() == f"/v1/permissionSets/{segment}"


def test_paging_takes_the_place_of_the_callers_own_position() -> None:
    request = bind(get_action("getDeals"), {"cursor": "first", "limit": 5})
    assert request.target(cursor="second") == "/api/v2/deals?limit=5&cursor=second"


def test_a_value_that_is_not_known_yet_is_not_judged_but_the_rest_is() -> None:
    def is_template(value: Any) -> bool:
        return isinstance(value, str) and "{{" in value

    check(get_action("getDeal"), {"id": "{{ params.id }}"}, is_template)
    with pytest.raises(PipedriveParameterError, match="there is no parameter 'idd'"):
        check(get_action("getDeal"), {"id": "{{ params.id }}", "idd": 1}, is_template)
