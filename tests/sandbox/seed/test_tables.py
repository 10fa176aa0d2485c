"""The tables of the company: whole, linked, and as large as asked for."""

from __future__ import annotations

import re
from collections import Counter
from itertools import pairwise

import pytest

from airflow_provider_pipedrive.sandbox.seed import build
from tests.support.seeded_company import MILLISECONDS, NOW, V1_TIME, V2_TIME, Company, plain

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
