"""What can be extracted: each entity once, with how it is listed, made incremental and told apart.

What the actions know (windows, sorting, ``ids``, option labels, page sizes, token costs) is taken from there. What
Pipedrive's lists show and hide is written here, and drawn together in docs/entities.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Literal

from airflow_provider_pipedrive.catalog.actions import ACTIONS
from airflow_provider_pipedrive.catalog.model import Action

Incremental = Literal["window", "since", "newest", "whole"]
"""How an entity is made incremental: ``window`` by ``updated_since`` and ``updated_until``; ``since`` by
``updated_since`` alone, the end applied by the client; ``newest`` read newest-first down to the window's begin;
``whole`` not at all: always read whole."""

_LEAD_SORT = (
    *("id", "title", "owner_id", "creator_id", "was_seen", "expected_close_date", "next_activity_id"),
    *("add_time", "update_time"),
)
_V1_SORT = {
    "getFiles": ("id", "update_time"),
    "getLeads": _LEAD_SORT,
    "getArchivedLeads": _LEAD_SORT,
    "getNotes": ("id", "user_id", "deal_id", "person_id", "org_id", "content", "add_time", "update_time"),
}
"""What v1's ``sort`` takes; for v2 the catalog says it. https://developers.pipedrive.com/docs/api/v1/openapi.yaml"""


@dataclass(frozen=True)
class Entity:
    """One kind of record that can be extracted.

    :ivar name: snake_case plural: ``deals``, ``lead_labels``
    :ivar action: key of the action that lists it
    :ivar incremental: how it is made incremental
    :ivar key: the names in a record that tell it apart
    :ivar updated: the name in a record of the time of its last update, or None where it has none
    :ivar sort: how the list is sorted: by ``sort_by`` and ``sort_direction`` (``v2``), by ``sort="field ASC"`` (``v1``)
    :ivar sort_by: what it may be sorted by
    :ivar takes_ids: whether the list takes ``ids``, at most 100 of them
    :ivar single: key of the action that reads one record by its id
    :ivar definitions: key of the action that lists the definitions of its fields
    :ivar parent: the entity by whose ids it is read
    :ivar parent_parameter: the parameter that takes these ids
    :ivar parent_batch: how many of these ids one request takes
    :ivar records: the key of the answer's ``data`` that holds the records, where ``data`` is not the list itself
    :ivar parameters: sent with every request
    :ivar option_labels: whether Pipedrive can put option labels next to the ids (``include_option_labels``)
    :ivar counted_by: key of the action whose answer's ``total_count`` is the number of its records
    :ivar archived_in: the entity that lists by their last update those that were archived
    :ivar every_status: the value of ``status`` that also lists what was deleted
    :ivar changelog_of: the entity whose records' changelogs it is made of
    :ivar description: what it is, and what its list does not show
    """

    name: str
    action: str
    incremental: Incremental
    description: str
    key: tuple[str, ...] = ("id",)
    updated: str | None = "update_time"
    sort: Literal["v2", "v1"] | None = None
    sort_by: tuple[str, ...] = ()
    takes_ids: bool = False
    single: str | None = None
    definitions: str | None = None
    parent: str | None = None
    parent_parameter: str | None = None
    parent_batch: int = 1
    records: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=lambda: MappingProxyType({}))
    option_labels: bool = False
    counted_by: str | None = None
    archived_in: str | None = None
    every_status: str | None = None
    changelog_of: str | None = None

    @property
    def listing(self) -> Action:
        """The action that lists it."""
        return ACTIONS[self.action]


def _declare(
    name: str, action: str, description: str, *, incremental: Incremental | None = None, **more: Any
) -> Entity:
    """An entity, completed with what the catalog says of its list.

    ``incremental`` is given where the list could be read newest-first, but reading it whole costs no more.
    """
    listing = ACTIONS[action]
    by_v2 = listing.by_name.get("sort_by")
    sort_by = by_v2.enum if by_v2 else _V1_SORT.get(action, ())
    parent = listing.by_name.get(more.get("parent_parameter", ""))
    return Entity(
        name=name,
        action=action,
        description=description,
        incremental=incremental or _incremental(listing, sort_by),
        sort=("v2" if by_v2 else "v1") if sort_by else None,
        sort_by=sort_by,
        takes_ids="ids" in listing.by_name,
        option_labels="include_option_labels" in listing.by_name,
        parent_batch=(parent.max_items or 1) if parent else 1,
        **more,
    )


def _incremental(listing: Action, sort_by: tuple[str, ...]) -> Incremental:
    if "updated_since" in listing.by_name:
        return "window" if "updated_until" in listing.by_name else "since"
    return "newest" if "update_time" in sort_by else "whole"


_ARCHIVED = "They are in no other list. A record that is taken out of the archive leaves this list without a trace."

ENTITIES: Final[Mapping[str, Entity]] = MappingProxyType(
    {
        entity.name: entity
        for entity in (
            _declare(
                "deals",
                "getDeals",
                "Deals that are neither archived nor deleted. Deleted ones are listed for 30 days on request "
                "(`status=deleted`). A new participant, follower, note, file or activity need not count as an update.",
                single="getDeal",
                definitions="getDealFields",
                counted_by="getDealsSummary",
                archived_in="archived_deals",
                every_status="open,won,lost,deleted",
            ),
            _declare(
                "archived_deals",
                "getArchivedDeals",
                f"Archived deals. {_ARCHIVED}",
                single="getDeal",
                definitions="getDealFields",
            ),
            _declare(
                "persons",
                "getPersons",
                "Persons. Of two merged ones the loser vanishes. What Contact Sync adds (job title, birthday, "
                "notes, messengers, postal address) comes only where it is switched on.",
                single="getPerson",
                definitions="getPersonFields",
            ),
            _declare(
                "organizations",
                "getOrganizations",
                "Organizations. Of two merged ones the loser vanishes.",
                single="getOrganization",
                definitions="getOrganizationFields",
            ),
            _declare(
                "activities",
                "getActivities",
                "Activities of all users that the credential's user may see, done or not.",
                single="getActivity",
                definitions="getActivityFields",
            ),
            _declare(
                "products",
                "getProducts",
                "Products with their prices.",
                single="getProduct",
                definitions="getProductFields",
            ),
            _declare(
                "leads",
                "getLeads",
                "Leads that are not archived. They have the deals' custom fields. One that was converted to a deal or "
                "archived leaves the list.",
                single="getLead",
                definitions="getDealFields",
            ),
            _declare(
                "archived_leads",
                "getArchivedLeads",
                f"Archived leads. They have the deals' custom fields. {_ARCHIVED} Whether archiving counts as an "
                "update is not documented: read them whole now and then.",
                single="getLead",
                definitions="getDealFields",
            ),
            _declare("notes", "getNotes", "Notes, as HTML.", single="getNote"),
            _declare(
                "files",
                "getFiles",
                "What is known of the files, not their contents. Attachments of e-mails and images inside them are "
                "among them (`mail_message_id`, `inline_flag`).",
                single="getFile",
            ),
            _declare(
                "users",
                "getUsers",
                "Users of the company. `modified` is hidden from users who are no administrators.",
                updated="modified",
                single="getUser",
            ),
            _declare("pipelines", "getPipelines", "Pipelines of deals.", incremental="whole", single="getPipeline"),
            _declare("stages", "getStages", "Stages of all pipelines.", incremental="whole", single="getStage"),
            _declare("filters", "getFilters", "Filters of every kind, without their conditions.", single="getFilter"),
            _declare("currencies", "getCurrencies", "Currencies, the company's own among them.", updated=None),
            _declare("activity_types", "getActivityTypes", "Types of activities."),
            _declare("lead_labels", "getLeadLabels", "Labels of leads: a lead's `label_ids` are their ids."),
            _declare("lead_sources", "getLeadSources", "Where leads come from.", key=("name",), updated=None),
            _declare(
                "deal_products",
                "getDealsProducts",
                "Products attached to deals, by batches of deal ids.",
                incremental="whole",
                parent="deals",
                parent_parameter="deal_ids",
            ),
            _declare(
                "installments",
                "getInstallments",
                "Installments of deals, by batches of deal ids.",
                updated=None,
                parent="deals",
                parent_parameter="deal_ids",
            ),
            _declare(
                "deal_fields",
                "getDealFields",
                "Definitions of the fields of deals and leads, with their options.",
                key=("field_code",),
                updated=None,
                single="getDealField",
            ),
            _declare(
                "person_fields",
                "getPersonFields",
                "Definitions of the fields of persons.",
                key=("field_code",),
                updated=None,
                single="getPersonField",
            ),
            _declare(
                "organization_fields",
                "getOrganizationFields",
                "Definitions of the fields of organizations.",
                key=("field_code",),
                updated=None,
                single="getOrganizationField",
            ),
            _declare(
                "product_fields",
                "getProductFields",
                "Definitions of the fields of products.",
                key=("field_code",),
                updated=None,
                single="getProductField",
            ),
            _declare(
                "activity_fields",
                "getActivityFields",
                "Definitions of the fields of activities.",
                key=("field_code",),
                updated=None,
                single="getActivityField",
            ),
            _declare(
                "lead_fields",
                "getLeadFields",
                "Definitions of the leads' own fields. Their custom fields are the deals'.",
                key=("key",),
            ),
            _declare("note_fields", "getNoteFields", "Definitions of the fields of notes.", key=("key",), updated=None),
            _declare(
                "project_fields",
                "getProjectFields",
                "Definitions of the fields of projects.",
                key=("field_code",),
                updated=None,
                single="getProjectField",
            ),
            _declare(
                "call_logs",
                "getUserCallLogs",
                "Call logs of the credential's user only: Pipedrive lists nobody else's. The recordings themselves "
                "are not listed.",
                updated=None,
                single="getCallLog",
            ),
            _declare(
                "projects",
                "getProjects",
                "Projects that are not archived.",
                single="getProject",
                definitions="getProjectFields",
            ),
            _declare(
                "archived_projects",
                "getArchivedProjects",
                f"Archived projects. {_ARCHIVED}",
                single="getProject",
                definitions="getProjectFields",
            ),
            _declare("tasks", "getTasks", "Tasks of projects, done or not.", single="getTask"),
            _declare("boards", "getProjectsBoards", "Boards of projects.", single="getProjectsBoard"),
            _declare(
                "phases",
                "getProjectsPhases",
                "Phases of the boards, one request a board.",
                single="getProjectsPhase",
                parent="boards",
                parent_parameter="board_id",
            ),
            _declare("project_templates", "getProjectTemplates", "Templates of projects.", single="getProjectTemplate"),
            _declare("goals", "getGoals", "Goals, not their results.", updated=None, records="goals"),
            _declare("roles", "getRoles", "Roles of users.", updated=None, single="getRole"),
            _declare(
                "permission_sets",
                "getPermissionSets",
                "Permission sets of every app, without their contents.",
                updated=None,
                single="getPermissionSet",
            ),
        )
    }
)
"""Every entity by its name."""
