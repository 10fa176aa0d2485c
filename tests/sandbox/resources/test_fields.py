"""Definitions of fields, in both versions."""

from __future__ import annotations

from tests.support.sandbox_api import Api, code_of


def test_a_field_and_its_options_are_the_same_in_both_versions(api: Api) -> None:
    body = {"field_name": "Size", "field_type": "enum", "options": [{"label": "S"}, {"label": "M"}]}
    field = api.post("/api/v2/dealFields", body).json()["data"]
    code = field["field_code"]
    assert len(code) == 40
    options = f"/api/v2/dealFields/{code}/options"
    added = api.post(options, [{"label": "L"}]).json()["data"]
    assert [option["label"] for option in added] == ["L"]
    api.patch(options, [{"id": field["options"][0]["id"], "label": "Small"}])
    api("DELETE", options, json=[{"id": field["options"][1]["id"]}])
    assert api("DELETE", options, json=[{"id": 999_999}]).status_code == 400
    assert [option["label"] for option in api.data(f"/api/v2/dealFields/{code}")["options"]] == ["Small", "L"]
    old = next(row for row in api.data("/v1/dealFields", limit=500) if row["key"] == code)
    assert (old["name"], [option["label"] for option in old["options"]]) == ("Size", ["Small", "L"])
    api.delete(f"/v1/dealFields/{old['id']}")
    assert api.get(f"/api/v2/dealFields/{code}").status_code == 404


def test_a_deleted_field_takes_its_values_along(api: Api, bare: int) -> None:
    code = api.post("/api/v2/dealFields", {"field_name": "New", "field_type": "varchar"}).json()["data"]["field_code"]
    api.patch(f"/api/v2/deals/{bare}", {"custom_fields": {code: "x"}})
    api.delete(f"/api/v2/dealFields/{code}")
    assert code not in (api.data(f"/api/v2/deals/{bare}")["custom_fields"] or {})
    assert api.patch(f"/api/v2/deals/{bare}", {"custom_fields": {code: "x"}}).status_code == 400


def test_a_v1_field_leaves_out_what_it_has_not(api: Api) -> None:
    title = api.data("/v1/dealFields", limit=1)[0]
    assert title["key"] == "title"
    assert not {"options", "options_deleted", "is_subfield", "subfields"} & title.keys()
    assert title["json_column_flag"] is False
    assert title["show_in_pipelines"] == {"show_in_all": True, "pipeline_ids": []}


def test_the_parts_of_a_composite_field_are_rows_of_their_own(api: Api) -> None:
    money = code_of(api, "Yearly value")
    rows = [field for field in api.data("/v1/dealFields", limit=500) if field["key"].startswith(money)]
    whole, part = rows
    assert whole["json_column_flag"] is True
    assert "is_subfield" not in whole
    assert {name: part[name] for name in ("id", "key", "is_subfield", "parent_id", "id_suffix", "field_type")} == {
        "id": None,
        "key": f"{money}_currency",
        "is_subfield": True,
        "parent_id": whole["id"],
        "id_suffix": "currency",
        "field_type": "varchar",
    }


def test_a_new_composite_field_has_its_parts(api: Api) -> None:
    field = {"field_name": "Visit", "field_type": "timerange"}
    made = api.post("/api/v2/dealFields", field).json()["data"]
    code = made["field_code"]
    assert [part["field_code"] for part in made["subfields"]] == [f"{code}_until", f"{code}_timezone_id"]


def test_mandatory_flag_is_a_boolean_or_an_object(api: Api) -> None:
    flags = {field["key"]: field["mandatory_flag"] for field in api.data("/v1/dealFields", limit=500)}
    assert (flags["title"], flags["value"], flags["person_id"]) == (True, False, {"org_id": "<=0"})
