"""What objects in bodies consist of, where several actions share it.

Of what Pipedrive describes as required only the whole is checked, by Pipedrive itself: its descriptions have been wrong
about it, and it takes keys that none of them names.
"""

from airflow_provider_pipedrive.catalog.model import part

PARTICIPANTS = (part("person_id", "integer"), part("primary", "boolean"))
ATTENDEES = (
    part("email", "string"),
    part("name", "string"),
    part("status", "string"),
    part("is_organizer", "boolean"),
    part("person_id", "integer"),
    part("user_id", "integer"),
)
CONTACT_ENTRIES = (part("value", "string"), part("primary", "boolean"), part("label", "string"))
"""E-mail addresses, phone numbers and accounts of messengers."""
ADDRESS = tuple(
    part(name, "string")
    for name in (
        "value",
        "country",
        "admin_area_level_1",
        "admin_area_level_2",
        "locality",
        "sublocality",
        "route",
        "street_number",
        "subpremise",
        "postal_code",
    )
)
PRICES = (
    part("currency", "string"),
    part("price", "number"),
    part("cost", "number"),
    part("direct_cost", "number"),
    part("notes", "string"),
)
LEAD_VALUE = (part("amount", "number"), part("currency", "string"))
NEW_OPTIONS = (part("label", "string"),)
"""Options of a field; v1 has some whose ids are texts."""
OPTIONS = (part("id", "integer"), *NEW_OPTIONS)
OPTION_IDS = (part("id", "integer"),)
FLAGGED_STAGES = (part("enabled", "boolean"), part("stage_ids", "array", items="integer"))
"""Where a field is important."""
REQUIRED = (part("enabled", "boolean"),)
REQUIRED_IN_DEALS = (*FLAGGED_STAGES, part("statuses", "object"))
_SHOWN = (part("add_visible_flag", "boolean"), part("details_visible_flag", "boolean"))
_IN_DIALOG = (part("show", "boolean"), part("order", "integer"))
VISIBILITY = _SHOWN
VISIBILITY_IN_DEALS = (
    *_SHOWN,
    part("projects_detail_visible_flag", "boolean"),
    part(
        "show_in_pipelines",
        "object",
        parts=(part("show_in_all", "boolean"), part("pipeline_ids", "array", items="integer")),
    ),
)
VISIBILITY_OF_CONTACTS = (
    *_SHOWN,
    part("show_in_add_deal_dialog", "object", parts=_IN_DIALOG),
    part("show_in_add_person_dialog", "object", parts=_IN_DIALOG),
)
GOAL_ASSIGNEE = (part("id", "any"), part("type", "string", enum=("person", "company", "team")))
GOAL_TYPE = (
    part("name", "string"),
    part(
        "params",
        "object",
        parts=(part("pipeline_id", "array", items="integer"), part("activity_type_id", "array", items="integer")),
    ),
)
GOAL_OUTCOME = (part("target", "any"), part("tracking_metric", "string"), part("currency_id", "integer"))
GOAL_DURATION = (part("start", "date"), part("end", "date"))

# ---- values of custom fields, https://pipedrive.readme.io/docs/core-api-concepts-custom-fields

MONEY = (part("value", "number"), part("currency", "string"))
DATE_RANGE = (part("value", "date"), part("until", "date"))
TIME_OF_DAY = (part("value", "time"), part("timezone_id", "integer"), part("timezone_name", "string"))
TIME_RANGE = (*TIME_OF_DAY, part("until", "time"))
CUSTOM_ADDRESS = (*ADDRESS, part("formatted_address", "string"))
