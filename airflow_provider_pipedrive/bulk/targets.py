"""What rows can be written to: how each entity is listed, created, updated and removed. A row an entity; plain data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.field_kinds import Field

LINK_OF: Final = "deal_id"
"""The field of a link that names the deal it belongs to."""

PARTICIPANTS: Final = "participants"
"""The field of an activity by which its person is written; ``person_id`` can only be read.
https://pipedrive.readme.io/docs/pipedrive-api-v2-migration-guide"""


@dataclass(frozen=True)
class Target:
    """One entity that rows are written to.

    :ivar entity: its name
    :ivar create: the action that makes a record
    :ivar update: the action that changes one; None where nothing about it can be changed
    :ivar delete: the action that removes one
    :ivar listed: the action that lists all records, or those of one deal
    :ivar single: the action that reads one record by its id
    :ivar archived: the action that lists archived ones, which the first list leaves out
    :ivar search: the action that finds records by parts of texts; None where rows' keys are not searched for
    :ivar searched: where it looks: its word by the key of the field
    :ivar newest: parameters of ``listed`` that put the records made last first
    :ivar by_ids: whether ``listed`` takes ``ids``
    :ivar takes_fields: whether ``listed`` can leave out custom fields that are not asked for
    :ivar required: fields without which no record can be made
    :ivar default_match: what rows are matched on where the job does not say
    :ivar natural_key: of a link, the fields that tell its records apart
    :ivar record_id: of a link, the field that the path of an update or removal needs
    :ivar path_id: what that action calls it
    :ivar flat: custom fields are at the record's root, in v1's shape
    :ivar archives: whether it can be archived by ``is_archived``
    :ivar restorable: whether a removed record can be brought back
    :ivar aliases: words that rows may be matched on besides fields
    """

    entity: str
    create: str
    update: str | None
    delete: str
    listed: str
    single: str | None = None
    archived: str | None = None
    search: str | None = None
    searched: Mapping[str, str] = field(default_factory=dict)
    newest: Mapping[str, Any] = field(default_factory=dict)
    by_ids: bool = True
    takes_fields: bool = True
    required: tuple[str, ...] = ()
    default_match: tuple[str, ...] = ()
    natural_key: tuple[str, ...] = ()
    record_id: str = "id"
    path_id: str = "id"
    flat: bool = False
    archives: bool = False
    restorable: bool = False
    aliases: tuple[str, ...] = ()

    @property
    def is_link(self) -> bool:
        """Whether its records belong to a deal."""
        return bool(self.natural_key)

    def search_fields(self, key: Field) -> list[str]:
        """Where a search finds what is matched on a field, as it calls it; nowhere, where it does not."""
        if key.custom and key.kind.name == "text" and not key.options:
            return ["custom_fields"]
        return [self.searched[key.key]] if key.key in self.searched else []

    @property
    def fields_action(self) -> str:
        """The action whose body names the fields that can be written."""
        return self.update or self.create


_NEWEST_V2: Final = {"sort_by": "add_time", "sort_direction": "desc"}
_NEWEST_V1: Final = {"sort": "add_time DESC"}

TARGETS: Final[Mapping[str, Target]] = MappingProxyType(
    {
        target.entity: target
        for target in (
            Target(
                "deals", "addDeal", "updateDeal", "deleteDeal", "getDeals", "getDeal",
                archived="getArchivedDeals", search="searchDeals", searched={"title": "title"}, newest=_NEWEST_V2,
                required=("title",), archives=True, restorable=True,
            ),
            Target(
                "persons", "addPerson", "updatePerson", "deletePerson", "getPersons", "getPerson",
                search="searchPersons", searched={"email": "email", "name": "name"},
                newest=_NEWEST_V2, required=("name",), default_match=("email",),
                aliases=("email", "phone", "domain", "name"),
            ),
            Target(
                "organizations", "addOrganization", "updateOrganization", "deleteOrganization", "getOrganizations",
                "getOrganization", search="searchOrganization", searched={"name": "name"}, newest=_NEWEST_V2,
                required=("name",), aliases=("domain", "name"),
            ),
            Target(
                "products", "addProduct", "updateProduct", "deleteProduct", "getProducts", "getProduct",
                search="searchProducts", searched={"code": "code", "name": "name"},
                newest=_NEWEST_V2, required=("name",), aliases=("code", "name"),
            ),
            Target(
                "leads", "addLead", "updateLead", "deleteLead", "getLeads", "getLead",
                archived="getArchivedLeads", newest=_NEWEST_V1, by_ids=False, takes_fields=False, required=("title",),
                flat=True, archives=True,
            ),
            Target(
                "activities", "addActivity", "updateActivity", "deleteActivity", "getActivities", "getActivity",
                newest=_NEWEST_V2, takes_fields=False,
            ),
            Target(
                "notes", "addNote", "updateNote", "deleteNote", "getNotes", "getNote",
                newest=_NEWEST_V1, by_ids=False, takes_fields=False, required=("content",),
            ),
            Target(
                "deal_products", "addDealProduct", "updateDealProduct", "deleteDealProduct", "getDealProducts",
                takes_fields=False, by_ids=False, required=("product_id", "item_price", "quantity"),
                natural_key=(LINK_OF, "product_id"), path_id="product_attachment_id",
            ),
            Target(
                "deal_participants", "addDealParticipant", None, "deleteDealParticipant", "getDealParticipants",
                takes_fields=False, by_ids=False, required=("person_id",),
                natural_key=(LINK_OF, "person_id"), path_id="deal_participant_id",
            ),
            Target(
                "deal_followers", "addDealFollower", None, "deleteDealFollower", "getDealFollowers",
                takes_fields=False, by_ids=False, required=("user_id",),
                natural_key=(LINK_OF, "user_id"), record_id="user_id", path_id="follower_id",
            ),
        )
    }
)  # fmt: skip
"""Everything that rows can be written to, by name."""

Mode = Literal["create", "update", "upsert", "delete", "mirror"]
MODES: Final = ("create", "update", "upsert", "delete", "mirror")


def target_of(entity: Any) -> Target:
    """The target with this name.

    :raises PipedriveParameterError: there is none
    """
    if isinstance(entity, str) and entity in TARGETS:
        return TARGETS[entity]
    near = nearest(entity, TARGETS, cutoff=0.75)
    hint = f"Did you mean {near[0]!r}?" if near else f"Rows can be written to {', '.join(TARGETS)}."
    raise PipedriveParameterError(f"Rows cannot be written to {entity!r}. {hint}")
