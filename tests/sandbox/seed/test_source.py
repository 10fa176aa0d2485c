"""The company that the sandbox stands on: believable, whole, and the same every time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import msgspec
import pytest

from airflow_provider_pipedrive.sandbox.seed import build, field_code

NOW = datetime(2026, 11, 1, 12, 0, 0, tzinfo=UTC)

FIELDS = {
    # Fields of Pipedrive's models: v2 where a table has v2's shape, otherwise v1.
    "deals": "id title owner_id creator_user_id person_id org_id pipeline_id stage_id value currency add_time"
    " update_time stage_change_time is_deleted is_archived archive_time status probability lost_reason visible_to"
    " close_time won_time lost_time expected_close_date label_ids origin origin_id channel channel_id source_lead_id"
    " arr mrr acv custom_fields",
    "persons": "id name first_name last_name owner_id org_id add_time update_time emails phones is_deleted visible_to"
    " label_ids picture_id postal_address notes im birthday job_title custom_fields",
    "organizations": "id name owner_id add_time update_time is_deleted visible_to address label_ids website linkedin"
    " industry annual_revenue employee_count custom_fields",
    "products": "id name code unit tax is_deleted is_linkable visible_to owner_id add_time update_time description"
    " category billing_frequency billing_frequency_cycles prices custom_fields",
    "dealProducts": "id sum tax deal_id name product_id product_variation_id order_nr add_time update_time comments"
    " currency discount discount_type quantity item_price tax_method is_enabled billing_frequency"
    " billing_frequency_cycles billing_start_date",
    "activities": "id subject type owner_id creator_user_id is_deleted add_time update_time deal_id lead_id person_id"
    " org_id project_id due_date due_time duration busy done marked_as_done_time location participants attendees"
    " conference_meeting_client conference_meeting_url conference_meeting_id public_description priority outcome note",
    "pipelines": "id name order_nr is_deleted is_deal_probability_enabled add_time update_time",
    "stages": "id order_nr name is_deleted deal_probability pipeline_id is_deal_rot_enabled days_to_rotten add_time"
    " update_time",
    "projects": "id title description status board_id phase_id owner_id start_date end_date deal_ids person_ids"
    " org_ids label_ids health_status add_time update_time status_change_time archive_time custom_fields",
    "boards": "id name order_nr add_time update_time",
    "phases": "id name board_id order_nr add_time update_time",
    "tasks": "id title creator_id description project_id is_done is_milestone due_date start_date parent_task_id"
    " assignee_ids priority add_time update_time marked_as_done_time",
    "projectTemplates": "id title description projects_board_id owner_id add_time update_time",
    "dealFields": "field_name field_code description field_type options subfields is_custom_field"
    " is_optional_response_field ui_visibility important_fields required_fields",
    "leads": "id title owner_id creator_id label_ids person_id organization_id source_name origin origin_id channel"
    " channel_id source_deal_id is_archived was_seen value expected_close_date next_activity_id add_time update_time"
    " visible_to cc_email",
    "notes": "id active_flag add_time content lead_id deal_id last_update_user_id org_id person_id project_id task_id"
    " pinned_to_deal_flag pinned_to_organization_flag pinned_to_person_flag pinned_to_project_flag"
    " pinned_to_task_flag update_time user_id",
    "files": "id user_id deal_id person_id org_id product_id activity_id lead_id project_id add_time update_time"
    " file_name file_size active_flag inline_flag remote_location remote_id cid s3_bucket mail_message_id"
    " mail_template_id name description",
    "callLogs": "id activity_id subject duration outcome from_phone_number to_phone_number has_recording start_time"
    " end_time person_id org_id deal_id lead_id note company_id user_id",
    "mailThreads": "id account_id user_id subject snippet read_flag mail_tracking_status has_attachments_flag"
    " has_inline_attachments_flag has_real_attachments_flag deleted_flag synced_flag smart_bcc_flag"
    " mail_link_tracking_enabled_flag parties drafts_parties folders version snippet_draft snippet_sent message_count"
    " has_draft_flag has_sent_flag archived_flag shared_flag external_deleted_flag first_message_to_me_flag"
    " last_message_timestamp first_message_timestamp last_message_sent_timestamp last_message_received_timestamp"
    " add_time update_time deal_id deal_status lead_id all_messages_sent_flag",
    "mailMessages": "id from to cc bcc body_url body account_id user_id mail_thread_id subject snippet"
    " mail_tracking_status mail_link_tracking_enabled_flag read_flag draft draft_flag synced_flag deleted_flag"
    " has_body_flag sent_flag sent_from_pipedrive_flag smart_bcc_flag message_time add_time update_time"
    " has_attachments_flag has_inline_attachments_flag has_real_attachments_flag",
    "filters": "id name filter_code is_editable active_flag type temporary_flag user_id add_time update_time"
    " visible_to last_used_time custom_view_id conditions",
    "users": "id name default_currency locale lang email phone activated last_login created modified"
    " has_created_company access active_flag timezone_name timezone_offset role_id icon_url is_you is_deleted",
    "roles": "id name parent_role_id active_flag level assignment_count sub_role_count",
    "permissionSets": "id name description app type assignment_count contents",
    "goals": "id owner_id title type assignee interval duration expected_outcome is_active report_ids",
    "teams": "id name description manager_id users active_flag deleted_flag add_time created_by_user_id",
    "activityTypes": "id name icon_key color order_nr key_string active_flag is_custom_flag add_time update_time",
    "leadLabels": "id name color add_time update_time",
    "leadSources": "name",
    "currencies": "id code name decimal_points symbol active_flag is_custom_flag",
    "organizationRelationships": "id type rel_owner_org_id rel_linked_org_id add_time update_time active_flag",
    "followers": "id entity record_id user_id add_time",
    "participants": "id deal_id person_id add_time",
    "dealChanges": "id deal_id field_key old_value new_value time actor_user_id",
}
FIELDS |= dict.fromkeys(
    (
        "personFields",
        "organizationFields",
        "productFields",
        "activityFields",
        "projectFields",
        "leadFields",
        "noteFields",
    ),
    FIELDS["dealFields"],
)
CUSTOM_TYPES = {
    "varchar", "varchar_auto", "text", "double", "monetary", "enum", "set", "user", "org", "people", "phone", "date",
    "daterange", "time", "timerange", "address",
}  # fmt: skip
V2_TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
V1_TIME = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
MILLISECONDS = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z"
Company = dict[str, dict[Any, dict[str, Any]]]


@pytest.fixture(scope="module")
def company() -> Company:
    return build(1, 600, NOW)


def deals_with(company: Company, **wanted: Any) -> Iterator[dict[str, Any]]:
    for deal in company["deals"].values():
        if all(deal[name] == value for name, value in wanted.items()):
            yield deal


def plain(moment: str) -> str:
    """A time of any of the three formats as ``2026-01-31 12:00:00``."""
    return moment[:19].replace("T", " ")


# Shape


def test_every_record_has_all_fields_of_pipedrives_model(company: Company) -> None:
    missing = {
        (table, name)
        for table, names in FIELDS.items()
        for record in company[table].values()
        for name in names.split()
        if name not in record
    }
    assert missing == set()
    assert set(company) == set(FIELDS)


def test_every_record_lies_under_its_id(company: Company) -> None:
    for table, records in company.items():
        if table != "leadSources":  # they have no id in Pipedrive
            assert [record["id"] for record in records.values()] == list(records), table


@pytest.mark.parametrize(
    ("table", "form"),
    [
        ("deals", V2_TIME),
        ("persons", V2_TIME),
        ("activities", V2_TIME),
        ("projects", V2_TIME),
        ("dealProducts", V2_TIME),
        ("notes", V1_TIME),
        ("files", V1_TIME),
        ("mailThreads", V1_TIME),
        ("mailMessages", V1_TIME),
        ("organizationRelationships", V1_TIME),
        ("leads", MILLISECONDS),
        ("leadLabels", MILLISECONDS),
    ],
)
def test_times_are_written_as_the_version_of_the_record_writes_them(company: Company, table: str, form: str) -> None:
    for record in company[table].values():
        assert re.fullmatch(form, record["add_time"])
        assert re.fullmatch(form, record["update_time"])


def test_a_deal_is_about_as_large_as_a_real_one(company: Company) -> None:
    sizes = [len(msgspec.json.encode(deal)) for deal in company["deals"].values()]
    assert 1000 < sum(sizes) / len(sizes) < 1400


def test_leads_have_the_custom_fields_of_deals_flat_and_only_those_that_are_set(company: Company) -> None:
    codes = {row["field_code"] for row in company["dealFields"].values() if row["is_custom_field"]}
    keys = {key: value for lead in company["leads"].values() for key, value in lead.items() if key[:40] in codes}
    assert None not in keys.values()
    assert all(isinstance(value, str | int | float) for value in keys.values())
    assert field_code(1, "dealFields", "Yearly value") + "_currency" in keys
    assert not any("custom_fields" in lead for lead in company["leads"].values())


def test_files_hold_bytes_of_their_kind(company: Company) -> None:
    for file in company["files"].values():
        assert file["file_size"] == len(file["content"]) > 0
    starts = {file["file_type"]: file["content"][:4] for file in company["files"].values()}
    assert starts == {"pdf": b"%PDF", "img": b"\x89PNG", "txt": "Grö".encode(), "csv": b"prod"}


# The same every time


def test_the_same_seed_size_and_moment_give_the_same_company() -> None:
    assert build(7, 40, NOW) == build(7, 40, NOW)
    assert build(7, 40, NOW)["deals"] != build(8, 40, NOW)["deals"]


def test_the_company_does_not_depend_on_the_process_that_makes_it() -> None:
    code = (
        "import hashlib; from datetime import UTC, datetime;"
        "from airflow_provider_pipedrive.sandbox.seed import build;"
        "print(hashlib.sha256(repr(build(7, 40, datetime(2026, 11, 1, 12, tzinfo=UTC))).encode()).hexdigest())"
    )
    made = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            timeout=60,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(made) == 1


def test_a_custom_field_has_the_same_code_for_the_same_seed() -> None:
    assert field_code(1, "dealFields", "Segment") == "48518331116f22e83ac2f70301c01ab410b46e3c"
    assert field_code(2, "dealFields", "Segment") != field_code(1, "dealFields", "Segment")


# Size


@pytest.mark.parametrize("deals", [0, 1, 2, 3, 5, 10])
def test_a_small_company_is_complete(deals: int) -> None:
    tables = build(1, deals, NOW)
    of_deals = {"deals", "dealChanges", "dealProducts", "participants"}
    assert {name for name, table in tables.items() if not table} <= (of_deals if deals == 0 else {"dealChanges"})
    assert len(tables["deals"]) == deals


def test_everything_grows_with_the_deals(company: Company) -> None:
    counts = {table: len(company[table]) for table in ("deals", "organizations", "persons", "activities", "leads")}
    assert counts == {"deals": 600, "organizations": 300, "persons": 480, "activities": 1200, "leads": 60}


def test_a_company_cannot_have_less_than_no_deals() -> None:
    with pytest.raises(ValueError, match="give 0 or more"):
        build(1, -1, NOW)


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        build(1, 1, NOW.replace(tzinfo=None))


# Deals and their history


def test_the_history_of_a_deal_ends_where_the_deal_stands(company: Company) -> None:
    histories: dict[int, list[dict[str, Any]]] = {}
    for change in company["dealChanges"].values():
        histories.setdefault(change["deal_id"], []).append(change)
    for deal in company["deals"].values():
        changes = histories.get(deal["id"], [])
        for field in ("stage_id", "status", "value", "is_archived"):
            of_field = [change for change in changes if change["field_key"] == field]
            assert [change["new_value"] for change in of_field[:-1]] == [c["old_value"] for c in of_field[1:]]
            if of_field:
                assert of_field[-1]["new_value"] == deal[field]
        moves = [change["time"] for change in changes if change["field_key"] == "stage_id"]
        assert deal["stage_change_time"] == (moves[-1] if moves else None)
        times = [deal["add_time"], *(change["time"] for change in changes), deal["update_time"], "2026-11-01T12:00:00Z"]
        assert times == sorted(times)


def test_a_deal_goes_through_the_stages_of_its_pipeline_in_their_order(company: Company) -> None:
    stages = company["stages"]
    assert Counter(stage["pipeline_id"] for stage in stages.values()) == {1: 6, 2: 4, 3: 4}
    for change in company["dealChanges"].values():
        if change["field_key"] == "stage_id":
            before, after = stages[change["old_value"]], stages[change["new_value"]]
            assert before["order_nr"] < after["order_nr"]
            assert before["pipeline_id"] == after["pipeline_id"] == company["deals"][change["deal_id"]]["pipeline_id"]


def test_deals_are_open_won_lost_deleted_and_archived(company: Company) -> None:
    statuses = Counter(deal["status"] for deal in company["deals"].values())
    assert set(statuses) == {"open", "won", "lost", "deleted"}
    assert 600 * 0.25 < statuses["open"] < 600 * 0.45
    assert statuses["lost"] > statuses["won"] > 600 * 0.15
    assert {deal["status"] for deal in deals_with(company, is_deleted=True)} == {"deleted"}
    assert all(deal["archive_time"] for deal in deals_with(company, is_archived=True))
    assert any(deals_with(company, is_archived=True))


def test_what_a_closed_deal_says_fits_its_status(company: Company) -> None:
    for deal in deals_with(company, status="won"):
        assert deal["won_time"] == deal["close_time"] is not None
        assert (deal["lost_time"], deal["lost_reason"]) == (None, None)
    for deal in deals_with(company, status="lost"):
        assert deal["lost_time"] == deal["close_time"] is not None
        assert deal["lost_reason"] is not None
        assert deal["won_time"] is None
    for deal in deals_with(company, status="open"):
        assert (deal["won_time"], deal["lost_time"], deal["close_time"], deal["lost_reason"]) == (None,) * 4


def test_deleted_records_were_deleted_within_the_thirty_days_that_pipedrive_keeps_them(company: Company) -> None:
    for table in ("deals", "persons", "organizations"):
        deleted = [record["update_time"] for record in company[table].values() if record["is_deleted"]]
        assert deleted
        assert min(deleted) > "2026-10-02"


def test_a_small_company_lists_as_many_deals_as_it_was_asked_for() -> None:
    deals = build(1, 39, NOW)["deals"].values()
    assert [deal["id"] for deal in deals if not deal["is_deleted"] and not deal["is_archived"]] == list(range(1, 40))
    assert {deal["status"] for deal in deals} == {"open", "won", "lost"}


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
def test_from_forty_deals_on_some_are_deleted_and_some_archived(seed: int) -> None:
    deals = build(seed, 40, NOW)["deals"].values()
    assert {deal["status"] for deal in deals} == {"open", "won", "lost", "deleted"}
    assert any(deal["is_archived"] for deal in deals)


def test_a_deals_value_is_the_sum_of_its_products(company: Company) -> None:
    sums: Counter[int] = Counter()
    for row in company["dealProducts"].values():
        assert row["sum"] == round(row["item_price"] * row["quantity"] * (100 - row["discount"]) / 100, 2)
        assert row["currency"] == company["deals"][row["deal_id"]]["currency"]
        sums[row["deal_id"]] += row["sum"]
    assert len(sums) > 60
    assert {deal_id: company["deals"][deal_id]["value"] for deal_id in sums} == pytest.approx(dict(sums))


# Times


def test_ids_grow_in_the_order_of_creation(company: Company) -> None:
    for table in ("deals", "persons", "organizations", "activities", "notes", "files", "leads"):
        times = [record["add_time"] for record in company[table].values()]
        assert times == sorted(times), table


def test_nothing_was_edited_before_it_was_added_or_after_now(company: Company) -> None:
    for table, records in company.items():
        for record in records.values():
            if record.get("add_time") and record.get("update_time"):
                assert plain(record["add_time"]) <= plain(record["update_time"]) <= "2026-11-01 12:00:00", table


def test_nothing_is_linked_to_what_was_added_later(company: Company) -> None:
    links = {
        "deals": {"person_id": "persons", "org_id": "organizations"},
        "persons": {"org_id": "organizations"},
        "participants": {"deal_id": "deals", "person_id": "persons"},
        "dealProducts": {"deal_id": "deals", "product_id": "products"},
        "activities": {"deal_id": "deals", "person_id": "persons", "lead_id": "leads", "project_id": "projects"},
        "notes": {"deal_id": "deals", "person_id": "persons", "lead_id": "leads", "project_id": "projects"},
        "files": {"deal_id": "deals", "lead_id": "leads", "product_id": "products", "activity_id": "activities"},
        "mailMessages": {"deal_id": "deals", "person_id": "persons", "mail_thread_id": "mailThreads"},
        "leads": {"person_id": "persons", "organization_id": "organizations"},
    }
    for table, names in links.items():
        for name, other in names.items():
            linked = [record for record in company[table].values() if record[name] is not None]
            assert linked, (table, name)
            for record in linked:
                assert plain(company[other][record[name]]["add_time"]) <= plain(record["add_time"]), (table, name)


def test_more_was_added_lately_than_long_ago(company: Company) -> None:
    times = [deal["add_time"] for deal in company["deals"].values()]
    borders = ("2023-11-01", "2024-11-01", "2025-11-01", "2026-11-01")
    first, second, third = (sum(a < time < b for time in times) for a, b in pairwise(borders))
    assert 0 < first < second < third
    assert first + second + third > 590


def test_several_records_share_a_second_and_some_were_never_edited(company: Company) -> None:
    deals = company["deals"].values()
    assert max(Counter(deal["add_time"] for deal in deals).values()) > 1
    assert max(Counter(deal["update_time"] for deal in deals).values()) > 5
    assert any(deal["add_time"] == deal["update_time"] for deal in deals)


# Custom fields


def test_there_is_a_custom_field_of_every_type_and_values_of_each(company: Company) -> None:
    fields = {row["field_code"]: row["field_type"] for row in company["dealFields"].values() if row["is_custom_field"]}
    assert set(fields.values()) == CUSTOM_TYPES
    values = [deal["custom_fields"] for deal in company["deals"].values()]
    assert {fields[code] for custom in values for code, value in custom.items() if value is not None} == CUSTOM_TYPES
    assert any(value is None for custom in values for value in custom.values())
    assert any(custom.keys() < fields.keys() for custom in values)


def test_composed_values_have_the_parts_that_v2_gives_them(company: Company) -> None:
    parts = {
        row["field_type"]: {
            tuple(sorted(value))
            for deal in company["deals"].values()
            if isinstance(value := deal["custom_fields"].get(row["field_code"]), dict)
        }
        for row in company["dealFields"].values()
        if row["field_type"] in ("monetary", "daterange", "time", "timerange", "address") and row["is_custom_field"]
    }
    assert parts == {
        "monetary": {("currency", "value")},
        "daterange": {("until", "value")},
        "time": {("timezone_id", "timezone_name", "value")},
        "timerange": {("timezone_id", "timezone_name", "until", "value")},
        "address": {
            (
                "admin_area_level_1",
                "admin_area_level_2",
                "country",
                "formatted_address",
                "locality",
                "postal_code",
                "route",
                "street_number",
                "sublocality",
                "subpremise",
                "value",
            )
        },
    }


def test_names_of_custom_fields_and_labels_of_options_are_not_unique(company: Company) -> None:
    custom = [row for row in company["personFields"].values() if row["is_custom_field"]]
    assert [row["field_name"] for row in custom].count("Source") == 2
    options = next(row["options"] for row in custom if row["field_type"] == "enum")
    assert [option["label"] for option in options] == ["Fair", "Web", "Web"]
    assert field_code(1, "personFields", "Source", 2) in {row["field_code"] for row in custom}


def test_one_deal_has_an_option_that_was_deleted_from_its_field(company: Company) -> None:
    segment = next(row for row in company["dealFields"].values() if row["field_name"] == "Segment")
    known = {option["id"] for option in segment["options"]}
    used = Counter(deal["custom_fields"].get(segment["field_code"]) for deal in company["deals"].values())
    unknown = {option: count for option, count in used.items() if option is not None and option not in known}
    assert unknown == {segment["options_deleted"][0]["id"]: 1}


def test_options_that_records_use_are_defined(company: Company) -> None:
    labels = {option["id"] for row in company["dealFields"].values() if row["field_code"] == "label_ids"
              for option in row["options"]}  # fmt: skip
    assert {label for deal in company["deals"].values() for label in deal["label_ids"]} == labels
    for option_of in ("personFields", "organizationFields", "productFields", "projectFields"):
        table = option_of.removesuffix("Fields") + "s"
        for row in company[option_of].values():
            if row["field_type"] == "enum" and row["is_custom_field"]:
                used = {record["custom_fields"].get(row["field_code"]) for record in company[table].values()}
                assert used - {None} <= {option["id"] for option in row["options"]}, row["field_name"]


# People and their work


def test_the_first_user_is_the_admin_and_one_has_left(company: Company) -> None:
    users = list(company["users"].values())
    assert [user["is_admin"] for user in users] == [1] + [0] * 11
    assert users[0]["is_you"]
    assert [user["id"] for user in users if not user["active_flag"]] == [users[-1]["id"]]
    assert users[-1]["id"] not in {deal["owner_id"] for deal in company["deals"].values()}


def test_names_come_in_several_scripts(company: Company) -> None:
    names = " ".join(person["name"] for person in company["persons"].values())
    for letters in ("[a-z]", "[À-ž]", "[\u4e00-\u9fff]"):
        assert re.search(letters, names)


def test_activities_lie_in_the_past_when_they_are_done(company: Company) -> None:
    for activity in company["activities"].values():
        assert activity["done"] == (activity["marked_as_done_time"] is not None)
        if activity["done"]:
            assert activity["add_time"] <= activity["marked_as_done_time"] <= activity["update_time"]
    open_ones = [activity for activity in company["activities"].values() if not activity["done"]]
    assert any(activity["due_date"] > "2026-11-01" for activity in open_ones)
    assert any(activity["due_date"] < "2026-11-01" for activity in open_ones)


def test_a_mail_thread_has_the_messages_that_it_counts_and_their_attachments_are_files(company: Company) -> None:
    counts = Counter(message["mail_thread_id"] for message in company["mailMessages"].values())
    assert counts == {thread["id"]: thread["message_count"] for thread in company["mailThreads"].values()}
    attached = {str(m["id"]) for m in company["mailMessages"].values() if m["has_attachments_flag"]}
    files = [file for file in company["files"].values() if file["mail_message_id"]]
    assert {file["mail_message_id"] for file in files} == attached
    assert {(file["inline_flag"], file["cid"] is not None) for file in files} == {(True, True), (False, False)}


def test_filters_name_fields_by_their_number(company: Company) -> None:
    conditions = company["filters"][1]["conditions"]["conditions"][0]["conditions"]
    assert conditions[0]["value"] == "open"
    assert company["dealFields"][int(conditions[0]["field_id"])]["field_code"] == "status"
