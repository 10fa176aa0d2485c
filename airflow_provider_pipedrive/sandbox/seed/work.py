"""What people do: leads, activities, notes."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.seed.contacts import deleted_time, owner
from airflow_provider_pipedrive.sandbox.seed.office import FIRST_USER
from airflow_provider_pipedrive.sandbox.seed.source import DAY, Source, Table, day, iso_time, v1_time, v2_time
from airflow_provider_pipedrive.sandbox.seed.values import CustomValues, flat, place

_SUBJECTS = {
    "call": ("Call {}", "Call {} back"),
    "meeting": ("Meeting with {}", "Demo for {}"),
    "task": ("Send the offer to {}", "Prepare the contract for {}"),
    "deadline": ("{} decides",),
    "email": ("Write to {}", "Answer {}"),
    "lunch": ("Lunch with {}",),
}
_KINDS = ("call", "call", "call", "meeting", "meeting", "task", "task", "email", "email", "deadline", "lunch")


def about(source: Source, tables: dict[str, Table], moment: int) -> dict[str, Any]:
    """A deal that was there at the moment, with its person and organization; a person where there was no deal yet."""
    times = source.times["deals"]
    if times and times[0] <= moment:
        deal = tables["deals"][source.existing("deals", moment)]
        return {"deal_id": deal["id"], "person_id": deal["person_id"], "org_id": deal["org_id"]}
    person = tables["persons"][source.existing("persons", moment)]
    return {"deal_id": None, "person_id": person["id"], "org_id": person["org_id"]}


def leads(source: Source, tables: dict[str, Table]) -> Table:
    """Leads have v1's shape: custom fields of deals flat next to the rest, unset ones missing."""
    fields = tables["dealFields"]
    custom = CustomValues(source, fields, (len(tables["organizations"]), len(tables["persons"])), fill=0.15)
    added = source.times_of("leads", max(4, len(tables["deals"]) // 10))
    label_ids = list(tables["leadLabels"])
    rows: Table = {}
    for number, moment in enumerate(added, 1):
        lead_id = source.uuid()
        person = tables["persons"][source.existing("persons", moment)]
        customer = tables["organizations"].get(person["org_id"], person)
        rows[lead_id] = {
            "id": lead_id,
            "title": f"{customer['name']} lead",
            "owner_id": owner(source),
            "creator_id": FIRST_USER,
            "label_ids": [source.pick(label_ids)] if source.chance(0.5) else [],
            "person_id": person["id"],
            "organization_id": person["org_id"],
            "source_name": "Manually created",
            "origin": "ManuallyCreated",
            "origin_id": None,
            "channel": None,
            "channel_id": None,
            "source_deal_id": None,
            "is_archived": number == len(added) - 2 or (number > 3 and source.chance(0.1)),
            "was_seen": source.chance(0.7),
            "value": {"amount": source.between(1, 90) * 100, "currency": "EUR"} if source.chance(0.5) else None,
            "expected_close_date": day(moment, 40) if source.chance(0.3) else None,
            "next_activity_id": None,
            "add_time": iso_time(moment),
            "update_time": iso_time(source.edited(moment)),
            "visible_to": "3",
            "cc_email": f"sandbox+lead{number}@pipedrivemail.com",
            **flat(fields, custom.draw()),
        }
    return rows


def activities(source: Source, tables: dict[str, Table]) -> Table:
    """Two activities a deal; a few are about leads and projects."""
    added = source.times_of("activities", max(5, 2 * len(tables["deals"])))
    lead_ids = list(tables["leads"])
    rows: Table = {}
    for number, moment in enumerate(added, 1):
        links = _links(source, tables, moment, lead_ids)
        rows[number] = _activity(source, number, moment, links, tables)
        lead = tables["leads"].get(links["lead_id"] or "")
        if lead and lead["next_activity_id"] is None and not rows[number]["done"]:
            lead["next_activity_id"] = number
    return rows


def _links(source: Source, tables: dict[str, Table], moment: int, lead_ids: list[int | str]) -> dict[str, Any]:
    links = {"lead_id": None, "project_id": None, **about(source, tables, moment)}
    drawn = source.draw()
    if drawn < 0.05 and source.times["leads"][0] <= moment:
        lead = tables["leads"][lead_ids[source.existing("leads", moment) - 1]]
        linked = {"lead_id": lead["id"], "person_id": lead["person_id"], "org_id": lead["organization_id"]}
        return {**links, "deal_id": None, **linked}
    if drawn > 0.97 and source.times["projects"][0] <= moment:
        return {**links, "project_id": source.existing("projects", moment)}
    return links


def _activity(
    source: Source, number: int, added: int, links: dict[str, Any], tables: dict[str, Table]
) -> dict[str, Any]:
    kind = source.pick(_KINDS)
    person = tables["persons"].get(links["person_id"])
    due = added + source.below(20) * DAY
    done = source.chance(0.92 if due < source.now else 0.05)
    marked = source.between(added, min(due + 2 * DAY, source.now - 60)) if done else None
    deleted = deleted_time(source, number, 0, added) if number > 5 else None
    timed = kind in ("call", "meeting", "lunch")
    user = owner(source)
    remote = kind == "meeting" and source.chance(0.4)
    return {
        "id": number,
        "subject": source.pick(_SUBJECTS[kind]).format(person["name"] if person else "the customer"),
        "type": kind,
        "owner_id": user,
        "creator_user_id": user if source.chance(0.8) else FIRST_USER,
        "is_deleted": deleted is not None,
        "add_time": v2_time(added),
        "update_time": v2_time(deleted or source.edited(marked or added)),
        **links,
        "due_date": day(due),
        "due_time": source.pick(("08:00", "09:30", "13:30", "16:00")) if timed else None,
        "duration": source.pick(("00:30", "01:00")) if timed else None,
        "busy": timed and source.chance(0.6),
        "done": done,
        "marked_as_done_time": v2_time(marked) if marked else None,
        "location": place(source) if kind == "lunch" or (kind == "meeting" and not remote) else None,
        "participants": [{"person_id": person["id"], "primary": True}] if person else [],
        "attendees": _attendees(person, tables["users"][user]) if kind == "meeting" and person else [],
        "conference_meeting_client": "google-meet" if remote else None,
        "conference_meeting_url": f"https://meet.example.com/{number}" if remote else None,
        "conference_meeting_id": str(number) if remote else None,
        "public_description": None,
        "priority": source.pick((None, None, None, 1, 2, 3)),
        "outcome": None,
        "note": "<p>Was interested.</p>" if source.chance(0.3) else None,
    }


def _attendees(person: dict[str, Any], user: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "email": person["emails"][0]["value"] if person["emails"] else None,
            "name": person["name"],
            "status": "noreply",
            "is_organizer": False,
            "person_id": person["id"],
            "user_id": None,
        },
        {
            "email": user["email"],
            "name": user["name"],
            "status": "accepted",
            "is_organizer": True,
            "person_id": None,
            "user_id": user["id"],
        },
    ]


_NO_LINKS = dict.fromkeys(("deal_id", "person_id", "org_id", "lead_id", "project_id", "task_id"))
_NO_PINS = {f"pinned_to_{thing}_flag": False for thing in ("deal", "person", "organization", "project", "task")}


def notes(source: Source, tables: dict[str, Table]) -> Table:
    """One note for three deals, each about one thing; some are pinned to it."""
    lead_ids = list(tables["leads"])
    rows: Table = {}
    for number, moment in enumerate(source.times_of("notes", max(6, len(tables["deals"]) // 3)), 1):
        user = owner(source)
        updated = source.edited(moment)
        link, key = _noted(source, tables, moment, number, lead_ids)
        pin = f"pinned_to_{'organization' if link == 'org_id' else link.removesuffix('_id')}_flag"
        rows[number] = {
            "id": number,
            "user_id": user,
            "content": f"<p>Talked to <b>{source.pick(source.last_names)}</b>.<br>Wants to hear from us.</p>",
            "add_time": v1_time(moment),
            "update_time": v1_time(updated),
            "active_flag": True,
            **_NO_LINKS,
            link: key,
            "last_update_user_id": user if updated > moment else None,
            **_NO_PINS,
            **({pin: True} if pin in _NO_PINS and source.chance(0.15) else {}),
        }
    return rows


def _noted(
    source: Source, tables: dict[str, Table], moment: int, number: int, lead_ids: list[int | str]
) -> tuple[str, Any]:
    """What a note is about: mostly a deal, otherwise one of everything in turn."""
    found = about(source, tables, moment)
    turn = number % 8
    if turn == 2 and source.times["leads"][0] <= moment:
        return "lead_id", lead_ids[source.existing("leads", moment) - 1]
    if turn == 3 and source.times["projects"][0] <= moment:
        return "project_id", source.existing("projects", moment)
    if turn == 4 and found["org_id"] is not None:
        return "org_id", found["org_id"]
    if found["deal_id"] is None or (turn == 5 and found["person_id"] is not None):
        return "person_id", found["person_id"]
    return "deal_id", found["deal_id"]
