"""One planned operation as the action and parameters that carry it out. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.bulk.targets import LINK_OF, PARTICIPANTS, Target

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.fields import FieldBook


@dataclass(frozen=True)
class PlannedWrite:
    """One line of the plan in the journal: a write that :func:`request_of` makes a call of an action of.

    :ivar number: its number in the journal
    :ivar row: the row that it is for; None for what no single row asks for
    :ivar action: ``create``, ``update``, ``archive`` or ``delete``
    :ivar identity: the record's id; None for one that is to be created
    :ivar fields: values in v2's shape by key
    :ivar before: what the record has in these fields; of a link also the deal that it belongs to
    :ivar not_before: when it may be sent, on the clock of ``time.monotonic``
    """

    number: int
    row: int | None
    action: str
    entity: str
    identity: Any
    fields: dict[str, Any]
    before: dict[str, Any]
    attempts: int = 0
    not_before: float = 0.0

    @property
    def lock(self) -> tuple[str, Any]:
        """What no two requests may write at once: the record, of a link the deal."""
        deal = self.fields.get(LINK_OF, self.before.get(LINK_OF))
        if deal is not None and self.entity.startswith("deal_"):
            return "deals", deal
        return (self.entity, self.identity) if self.identity is not None else ("operation", self.number)


def request_of(
    target: Target, book: FieldBook, action: str, identity: Any, fields: Mapping[str, Any], before: Mapping[str, Any]
) -> tuple[str, dict[str, Any]]:
    """The catalog action and its parameters.

    :param action: ``create``, ``update``, ``archive`` or ``delete``
    :param identity: the record's id; None for one that is to be created
    :param fields: values in v2's shape by key
    :param before: of a link also the deal that it belongs to
    """
    written = body_of(target, book, fields)
    if target.entity == "activities" and "person_id" in written and PARTICIPANTS not in written:
        written[PARTICIPANTS] = _participants(before.get(PARTICIPANTS) or [], written["person_id"])
        del written["person_id"]
    if action == "create":
        if target.is_link:
            return target.create, {"id": fields[LINK_OF], **written}
        return target.create, written
    path = {"id": before[LINK_OF], target.path_id: identity} if target.is_link else {"id": identity}
    if action == "delete":
        return target.delete, path
    return str(target.update), {**path, **written}


def _participants(present: Sequence[Mapping[str, Any]], person: int | None) -> list[dict[str, Any]]:
    """An activity's participants with another primary one; Pipedrive replaces the whole list."""
    rest = [
        {"person_id": item["person_id"], "primary": False}
        for item in present
        if not item.get("primary") and item["person_id"] != person
    ]
    return rest if person is None else [{"person_id": person, "primary": True}, *rest]


def body_of(target: Target, book: FieldBook, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Values as the body of the target's actions has them."""
    body: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    for key, value in fields.items():
        field = book.fields.get(key)
        if field is None:  # the deal of a link, which is in the path, and what archives a record
            body |= {} if key in (LINK_OF, "id") else {key: value}
        elif not field.custom:
            body[key] = field.kind.to_system(value, flat=target.flat)
        elif target.flat:
            body |= field.kind.to_flat(field, value)
        else:
            custom[key] = value
    return {**body, "custom_fields": custom} if custom else body
