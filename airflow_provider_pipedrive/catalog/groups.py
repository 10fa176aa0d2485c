"""Parameters that several resources take together."""

from dataclasses import replace

from airflow_provider_pipedrive.catalog.model import Parameter, body, path, query
from airflow_provider_pipedrive.catalog.shapes import FLAGGED_STAGES, NEW_OPTIONS, OPTION_IDS, OPTIONS, REQUIRED

FIELD_CODE = path("field_code", "string")
FIELD_CODE_OR_ID = replace(FIELD_CODE, also="id")
"""Of a field that v1 has too, under a numeric id: see :attr:`.Action.adapter`."""
FIELD_EXTRAS = query(
    "include_fields", "array", items="string", enum=("ui_visibility", "important_fields", "required_fields")
)
FIELD_OPTIONS = body("options", "array", items="object", parts=NEW_OPTIONS)
ADDED_OPTIONS = body("body", "array", required=True, items="object", parts=NEW_OPTIONS)
UPDATED_OPTIONS = body("body", "array", required=True, items="object", parts=OPTIONS)
DELETED_OPTIONS = body("body", "array", required=True, items="object", parts=OPTION_IDS)
FIELD_TYPES_V1 = (
    "address",
    "date",
    "daterange",
    "double",
    "enum",
    "monetary",
    "org",
    "people",
    "phone",
    "set",
    "text",
    "time",
    "timerange",
    "user",
    "varchar",
    "varchar_auto",
    "visible_to",
)
FIELD_TYPES = (
    "varchar",
    "text",
    "double",
    "phone",
    "date",
    "daterange",
    "time",
    "timerange",
    "set",
    "enum",
    "varchar_auto",
    "address",
    "monetary",
    "org",
    "people",
    "user",
)
BILLING_FREQUENCIES = ("one-time", "annually", "semi-annually", "quarterly", "monthly", "weekly")
CUSTOM_FIELDS_SHOWN = (
    query("custom_fields", "array", items="string", max_items=15),
    query("include_option_labels", "boolean"),
    query("include_labels", "boolean"),
)
"""Which custom fields a list shows, and whether with the labels of their options."""
UPDATED = (
    query("updated_since", "datetime"),
    query("updated_until", "datetime"),
)
"""When a record was last updated."""
SORTED = (
    query("sort_by", "string", enum=("id", "update_time", "add_time")),
    query("sort_direction", "string", enum=("asc", "desc")),
)
"""How most of v2's lists are sorted."""
FLOW = (
    query("all_changes", "string"),
    query("items", "array", items="string"),
)
"""Which updates of a record are listed."""


def field_settings(
    visibility: tuple[Parameter, ...], required: tuple[Parameter, ...] = REQUIRED
) -> tuple[Parameter, ...]:
    """Where a field is shown, important and required.

    :param visibility: what ``ui_visibility`` takes, which differs from entity to entity
    :param required: what ``required_fields`` takes
    """
    return (
        body("ui_visibility", "object", parts=visibility),
        body("important_fields", "object", parts=FLAGGED_STAGES),
        body("required_fields", "object", parts=required),
    )
