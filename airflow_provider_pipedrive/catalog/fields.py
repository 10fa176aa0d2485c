"""The fields that Pipedrive itself gives the records of each entity, typed.

In the table a word is ``name:type``; without a type the field is a text. ``type[]`` is a list of that type. More may
come in a response than Pipedrive's specifications say, and a record need not have all of its fields.
https://developers.pipedrive.com/docs/api/v1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

ADDRESS_PARTS: Final = (
    "subpremise",
    "street_number",
    "route",
    "sublocality",
    "locality",
    "admin_area_level_1",
    "admin_area_level_2",
    "country",
    "postal_code",
    "formatted_address",
)
"""What an address has besides its text. https://pipedrive.readme.io/docs/core-api-concepts-custom-fields"""

OBJECTS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(
    {
        "address": MappingProxyType({"value": "string", **dict.fromkeys(ADDRESS_PARTS, "string")}),
        "money": MappingProxyType({"amount": "number", "currency": "string"}),
    }
)
"""The types that are objects of known parts, with the types of their parts, what they are mainly first."""


REFERENCES: Final[Mapping[str, str]] = MappingProxyType(
    {
        **dict.fromkeys(("owner_id", "creator_user_id", "creator_id", "user_id", "last_update_user_id"), "users"),
        **dict.fromkeys(("created_by_user_id", "last_updated_by_user_id"), "users"),
        **dict.fromkeys(("deal_id", "source_deal_id"), "deals"),
        **dict.fromkeys(("lead_id", "source_lead_id"), "leads"),
        **dict.fromkeys(("org_id", "organization_id"), "organizations"),
        **dict.fromkeys(("stage_id", "from_stage_id", "to_stage_id"), "stages"),
        **dict.fromkeys(("activity_id", "next_activity_id"), "activities"),
        **dict.fromkeys(("task_id", "parent_task_id"), "tasks"),
        **dict.fromkeys(("role_id", "parent_role_id"), "roles"),
        **dict.fromkeys(("board_id", "projects_board_id"), "boards"),
        "person_id": "persons",
        "pipeline_id": "pipelines",
        "product_id": "products",
        "project_id": "projects",
        "phase_id": "phases",
    }
)
"""The entity whose ids a field of Pipedrive's own has, by the field's name, which means the same in every entity.
https://developers.pipedrive.com/docs/api/v1"""
CUSTOM_REFERENCES: Final[Mapping[str, str]] = MappingProxyType(
    {"user": "users", "org": "organizations", "people": "persons"}
)
"""The same for a custom field, by its type. https://pipedrive.readme.io/docs/core-api-concepts-custom-fields"""


@dataclass(frozen=True)
class SystemField:
    """A field of Pipedrive's own.

    :ivar type: ``string``, ``integer``, ``number``, ``boolean``, ``timestamp``, ``date``, ``time``, ``list``, ``json``
        (any object), ``option`` (the id of an option of the field's definition), or one of :data:`OBJECTS`
    :ivar items: the type of a list's elements
    """

    name: str
    type: str
    items: str | None = None


def _parsed(words: str) -> tuple[SystemField, ...]:
    fields = []
    for word in words.split():
        name, _, kind = word.partition(":")
        items = kind.removesuffix("[]")
        fields.append(SystemField(name, kind or "string") if items == kind else SystemField(name, "list", items))
    return tuple(fields)


_DEALS = """
    id:integer title creator_user_id:integer owner_id:integer person_id:integer org_id:integer pipeline_id:integer
    stage_id:integer value:number currency add_time:timestamp update_time:timestamp stage_change_time:timestamp
    is_deleted:boolean is_archived:boolean archive_time:timestamp status probability:number lost_reason
    visible_to:integer close_time:timestamp won_time:timestamp lost_time:timestamp expected_close_date:date
    label_ids:option[] origin origin_id channel:option channel_id
    source_lead_id arr:number mrr:number acv:number"""
_LEADS = """
    id title owner_id:integer creator_id:integer label_ids:string[] person_id:integer organization_id:integer
    source_name origin origin_id channel:option channel_id source_deal_id:integer
    is_archived:boolean was_seen:boolean value:money expected_close_date:date
    next_activity_id:integer add_time:timestamp update_time:timestamp visible_to:integer cc_email"""
_PROJECTS = """
    id:integer title description status board_id:integer phase_id:integer owner_id:integer start_date:date end_date:date
    deal_ids:integer[] person_ids:integer[] org_ids:integer[] label_ids:option[]
    health_status:integer add_time:timestamp update_time:timestamp status_change_time:timestamp
    archive_time:timestamp"""
_FIELDS = """
    field_name field_code field_type is_custom_field:boolean is_optional_response_field:boolean description
    options:json[] subfields:json[] ui_visibility:json important_fields:json required_fields:json"""

FIELDS: Final[Mapping[str, tuple[SystemField, ...]]] = MappingProxyType(
    {
        entity: _parsed(words)
        for entity, words in {
            "deals": _DEALS,
            "archived_deals": _DEALS,
            "persons": """
                id:integer name first_name last_name owner_id:integer org_id:integer add_time:timestamp
                update_time:timestamp emails:json[] phones:json[] is_deleted:boolean visible_to:integer
                label_ids:option[] picture_id:integer postal_address:address notes
                im:json[] birthday:date job_title""",
            "organizations": """
                id:integer name owner_id:integer add_time:timestamp update_time:timestamp is_deleted:boolean
                visible_to:integer address:address label_ids:option[] website linkedin
                industry:option annual_revenue:number employee_count:integer""",
            "activities": """
                id:integer subject type owner_id:integer creator_user_id:integer is_deleted:boolean add_time:timestamp
                update_time:timestamp deal_id:integer lead_id person_id:integer org_id:integer project_id:integer
                due_date:date due_time:time duration:time busy:boolean done:boolean marked_as_done_time:timestamp
                location:address participants:json[] attendees:json[] conference_meeting_client
                conference_meeting_url conference_meeting_id public_description priority:option outcome:option note""",
            "products": """
                id:integer name code unit tax:number is_deleted:boolean is_linkable:boolean visible_to:integer
                owner_id:integer add_time:timestamp update_time:timestamp description category billing_frequency
                billing_frequency_cycles:integer prices:json[]""",
            "leads": _LEADS,
            "archived_leads": _LEADS,
            "notes": """
                id:integer active_flag:boolean add_time:timestamp content deal:json lead_id deal_id:integer
                last_update_user_id:integer org_id:integer organization:json person:json person_id:integer
                project_id:integer project:json task_id:integer task:json lead:json pinned_to_lead_flag:boolean
                pinned_to_deal_flag:boolean pinned_to_organization_flag:boolean pinned_to_person_flag:boolean
                pinned_to_project_flag:boolean pinned_to_task_flag:boolean update_time:timestamp
                user:json user_id:integer""",
            "files": """
                id:integer user_id:integer deal_id:integer person_id:integer org_id:integer product_id:integer
                activity_id:integer lead_id project_id:integer log_id:integer add_time:timestamp update_time:timestamp
                file_name file_type file_size:integer active_flag:boolean inline_flag:boolean remote_location remote_id
                cid s3_bucket mail_message_id mail_template_id deal_name person_name org_name product_name lead_name
                project_name url name description""",
            "users": """
                id:integer name default_currency locale lang:integer email phone activated:boolean last_login:timestamp
                created:timestamp modified:timestamp has_created_company:boolean access:json[] active_flag:boolean
                timezone_name timezone_offset role_id:integer icon_url is_you:boolean is_deleted:boolean""",
            "pipelines": """
                id:integer name order_nr:integer is_deleted:boolean is_deal_probability_enabled:boolean
                add_time:timestamp update_time:timestamp""",
            "stages": """
                id:integer order_nr:integer name is_deleted:boolean deal_probability:integer pipeline_id:integer
                is_deal_rot_enabled:boolean days_to_rotten:integer add_time:timestamp update_time:timestamp""",
            "filters": """
                id:integer name filter_code is_editable:boolean active_flag:boolean type temporary_flag:boolean
                user_id:integer add_time:timestamp update_time:timestamp visible_to:integer last_used_time:timestamp
                custom_view_id:integer""",
            "currencies": """
                id:integer code name decimal_points:integer symbol active_flag:boolean is_custom_flag:boolean""",
            "activity_types": """
                id:integer name icon_key color order_nr:integer key_string active_flag:boolean is_custom_flag:boolean
                add_time:timestamp update_time:timestamp""",
            "lead_labels": "id name color add_time:timestamp update_time:timestamp",
            "lead_sources": "name",
            "deal_products": """
                id:integer sum:number tax:number deal_id:integer name product_id:integer product_variation_id:integer
                order_nr:integer add_time:timestamp update_time:timestamp comments currency discount:number
                discount_type quantity:number item_price:number tax_method is_enabled:boolean billing_frequency
                billing_frequency_cycles:integer billing_start_date:date""",
            "installments": "id:integer amount:number billing_date:date description deal_id:integer",
            "deal_fields": _FIELDS,
            "person_fields": _FIELDS,
            "organization_fields": _FIELDS,
            "product_fields": _FIELDS,
            "activity_fields": _FIELDS,
            "lead_fields": """
                id:integer key name order_nr:integer field_type add_time:timestamp update_time:timestamp
                last_updated_by_user_id:integer created_by_user_id:integer active_flag:boolean edit_flag:boolean
                index_visible_flag:boolean details_visible_flag:boolean add_visible_flag:boolean important_flag:boolean
                bulk_edit_allowed:boolean searchable_flag:boolean filtering_allowed:boolean sortable_flag:boolean
                mandatory_flag:boolean options:json[] options_deleted:json[] is_subfield:boolean subfields:json[]""",
            "note_fields": """
                field_type id:integer key name active_flag:boolean edit_flag:boolean bulk_edit_allowed:boolean
                mandatory_flag:boolean options:json[]""",
            "project_fields": _FIELDS,
            "call_logs": """
                id user_id:integer activity_id:integer subject outcome duration:integer from_phone_number
                to_phone_number start_time:timestamp end_time:timestamp person_id:integer org_id:integer deal_id:integer
                lead_id note has_recording:boolean company_id:integer""",
            "projects": _PROJECTS,
            "archived_projects": _PROJECTS,
            "tasks": """
                id:integer title creator_id:integer description project_id:integer is_done:boolean is_milestone:boolean
                due_date:date start_date:date parent_task_id:integer assignee_ids:integer[] priority:integer
                add_time:timestamp update_time:timestamp marked_as_done_time:timestamp""",
            "boards": "id:integer name order_nr:integer add_time:timestamp update_time:timestamp",
            "phases": "id:integer name board_id:integer order_nr:integer add_time:timestamp update_time:timestamp",
            "project_templates": """
                id:integer title description projects_board_id:integer owner_id:integer add_time:timestamp
                update_time:timestamp""",
            "goals": """
                id owner_id:integer title type:json assignee:json interval duration:json expected_outcome:json
                is_active:boolean report_ids:string[]""",
            "roles": """
                id:integer parent_role_id:integer name level:integer active_flag:boolean assignment_count:integer
                sub_role_count:integer""",
            "permission_sets": "id name description app type assignment_count:integer",
        }.items()
    }
)
"""Pipedrive's own fields by entity, in the order of its documentation. Custom fields come besides."""
