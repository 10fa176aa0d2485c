"""What people do: activities, leads, notes, files, calls, mail, projects."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.company.contacts import edited, owner
from airflow_provider_pipedrive.sandbox.company.fields import Table, custom_values
from airflow_provider_pipedrive.sandbox.company.office import FIRST_USER
from airflow_provider_pipedrive.sandbox.company.source import Source, day, iso_time, v1_time, v2_time

_SUBJECTS = {"call": "Call", "meeting": "Meeting", "task": "Send the offer", "email": "Write", "lunch": "Lunch"}
_PDF = (
    b"%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n"
    b"trailer<</Root 1 0 R>>\n%%EOF\n"
)
_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c626001000000ffff03000006000557bfabd40000000049454e44ae426082"
)
_FILES = (("offer.pdf", "pdf", _PDF), ("logo.png", "img", _PNG), ("notes.txt", "txt", "Größe, 尺寸\n".encode()))


def work(source: Source, tables: dict[str, Table]) -> dict[str, Table]:
    """All tables of work."""
    made: dict[str, Table] = {"activities": _activities(source, tables), "leads": _leads(source, tables)}
    made["notes"] = _notes(source, tables)
    made |= _mail(source, tables)
    made["files"] = _files(source, tables, made)
    made["callLogs"] = _calls(source, tables)
    made |= _projects(source, tables)
    made["organizationRelationships"] = _relations(source)
    return made


def _anchor(source: Source, tables: dict[str, Table]) -> dict[str, Any]:
    """A deal with its person and organization; a person alone where there are no deals."""
    if tables["deals"]:
        deal = tables["deals"][source.random.randint(1, len(tables["deals"]))]
        return {"deal_id": deal["id"], "person_id": deal["person_id"], "org_id": deal["org_id"]}
    person = tables["persons"][1]
    return {"deal_id": None, "person_id": person["id"], "org_id": person["org_id"]}


def _activities(source: Source, tables: dict[str, Table]) -> Table:
    count = max(5, 2 * len(tables["deals"]))
    added = sorted(source.past() for _ in range(count))
    return {number: _activity(source, number, moment, tables) for number, moment in enumerate(added, 1)}


def _activity(source: Source, number: int, added: int, tables: dict[str, Table]) -> dict[str, Any]:
    anchor = _anchor(source, tables)
    kind = source.pick(tuple(_SUBJECTS))
    done = source.chance(0.6)
    updated = edited(source, added)
    person = anchor["person_id"]
    return {
        "id": number,
        "subject": f"{_SUBJECTS[kind]}: {source.pick(source.last_names)}",
        "type": kind,
        "owner_id": owner(source),
        "creator_user_id": FIRST_USER,
        "is_deleted": number > 5 and source.chance(0.01),
        "add_time": v2_time(added),
        "update_time": v2_time(updated),
        **anchor,
        "lead_id": None,
        "project_id": None,
        "due_date": day(added, source.random.randint(0, 20)),
        "due_time": source.pick(("09:00", "13:30", "16:00", None)),
        "duration": source.pick(("00:30", "01:00", None)),
        "busy": source.chance(0.3),
        "done": done,
        "marked_as_done_time": v2_time(updated) if done else None,
        "location": None,
        "participants": [{"person_id": person, "primary": True}] if person else [],
        "attendees": [],
        "conference_meeting_client": None,
        "conference_meeting_url": None,
        "conference_meeting_id": None,
        "public_description": None,
        "priority": None,
        "outcome": None,
        "note": "Was interested." if source.chance(0.3) else None,
    }


def _leads(source: Source, tables: dict[str, Table]) -> Table:
    """Leads have v1's shape: custom fields of deals flat beside the rest, unset ones missing."""
    leads: Table = {}
    for moment in sorted(source.past() for _ in range(max(4, len(tables["deals"]) // 10))):
        lead_id = source.uuid()
        person = source.random.randint(1, len(tables["persons"]))
        leads[lead_id] = {
            "id": lead_id,
            "title": f"{source.pick(source.companies)} lead",
            "owner_id": owner(source),
            "creator_id": FIRST_USER,
            "label_ids": [source.pick(list(tables["leadLabels"]))] if source.chance(0.5) else [],
            "person_id": person,
            "organization_id": tables["persons"][person]["org_id"],
            "source_name": "Manually created",
            "origin": "ManuallyCreated",
            "origin_id": None,
            "channel": None,
            "channel_id": None,
            "source_deal_id": None,
            "is_archived": len(leads) > 2 and source.chance(0.1),
            "was_seen": source.chance(0.7),
            "value": {"amount": source.random.randint(1, 90) * 100, "currency": "EUR"} if source.chance(0.5) else None,
            "expected_close_date": day(moment, 40) if source.chance(0.3) else None,
            "next_activity_id": None,
            "add_time": iso_time(moment),
            "update_time": iso_time(edited(source, moment)),
            "visible_to": "3",
            "cc_email": None,
            **_flat_custom_values(source, tables["dealFields"]),
        }
    return leads


def _flat_custom_values(source: Source, fields: Table) -> dict[str, Any]:
    simple = {
        key: field
        for key, field in fields.items()
        if field["field_type"] in ("varchar", "double", "enum", "set", "date")
    }
    values = custom_values(source, simple, (1, 1), fill=0.4)
    texts = {code: ",".join(map(str, value)) if isinstance(value, list) else value for code, value in values.items()}
    enums = {field["field_code"] for field in simple.values() if field["field_type"] == "enum"}
    return {code: str(value) if code in enums else value for code, value in texts.items() if value is not None}


def _notes(source: Source, tables: dict[str, Table]) -> Table:
    notes: Table = {}
    for number, moment in enumerate(sorted(source.past() for _ in range(max(3, len(tables["deals"]) // 3))), 1):
        notes[number] = {
            "id": number,
            "user_id": owner(source),
            "content": f"<p>Talked to <b>{source.pick(source.last_names)}</b>.</p>",
            "add_time": v1_time(moment),
            "update_time": v1_time(edited(source, moment)),
            "active_flag": True,
            **_anchor(source, tables),
            "lead_id": None,
            "project_id": None,
            "task_id": None,
            "last_update_user_id": None,
        }
    return notes


def _mail(source: Source, tables: dict[str, Table]) -> dict[str, Table]:
    threads: Table = {}
    messages: Table = {}
    me = {"id": 1, "name": "Sales", "email_address": "sales@example.com", "linked_person_id": None}
    for number in range(1, 6):
        moment = source.past()
        anchor = _anchor(source, tables)
        them = {
            "id": 1 + number,
            "name": source.pick(source.first_names),
            "email_address": f"mail{number}@example.com",
            "linked_person_id": anchor["person_id"],
        }
        texts = {"subject": f"Offer {number}", "snippet": "Please find attached"}
        shared = {
            "account_id": "1",
            "user_id": FIRST_USER,
            "read_flag": 1,
            "deleted_flag": 0,
            "add_time": v1_time(moment),
            "update_time": v1_time(moment),
            **texts,
        }
        threads[number] = {
            "id": number,
            **shared,
            "folder": "inbox" if number % 2 else "sent",
            "folders": ["inbox" if number % 2 else "sent"],
            "archived_flag": 0,
            "shared_flag": 0,
            "message_count": 2,
            "parties": {"to": [me], "from": [them]},
            "deal_id": anchor["deal_id"],
            "lead_id": None,
            "last_message_timestamp": v1_time(moment),
        }
        for part in (1, 2):
            message = len(messages) + 1
            messages[message] = {
                "id": message,
                **shared,
                "mail_thread_id": number,
                "from": [them if part == 1 else me],
                "to": [me if part == 1 else them],
                "cc": [],
                "bcc": [],
                "body": "<p>Please find attached.</p>",
                "body_url": None,
                "message_time": v1_time(moment + part),
                **anchor,
            }
    return {"mailThreads": threads, "mailMessages": messages}


def _files(source: Source, tables: dict[str, Table], made: dict[str, Table]) -> Table:
    files: Table = {}
    for number, moment in enumerate(sorted(source.past() for _ in range(max(6, len(tables["deals"]) // 5))), 1):
        name, kind, content = source.pick(_FILES)
        of_mail = source.chance(0.2)
        files[number] = {
            "id": number,
            "user_id": owner(source),
            **_anchor(source, tables),
            "product_id": 1 if number == 1 else None,
            "activity_id": None,
            "lead_id": next(iter(made["leads"])) if number == 2 else None,
            "project_id": None,
            "log_id": None,
            "add_time": v1_time(moment),
            "update_time": v1_time(edited(source, moment)),
            "file_name": f"{source.hash('file', number)[:12]}-{name}",
            "file_type": kind,
            "file_size": len(content),
            "active_flag": True,
            "inline_flag": of_mail and kind == "img",
            "remote_location": "s3",
            "remote_id": f"company/{number}",
            "cid": None,
            "s3_bucket": None,
            "mail_message_id": str(source.random.randint(1, len(made["mailMessages"]))) if of_mail else None,
            "mail_template_id": None,
            "name": name,
            "description": None,
            "content": content,
        }
    return files


def _calls(source: Source, tables: dict[str, Table]) -> Table:
    calls: Table = {}
    for number in range(1, 6):
        call_id, moment = source.hash("call", number)[:32], source.past()
        calls[call_id] = {
            "id": call_id,
            "user_id": FIRST_USER,
            "company_id": 1,
            "outcome": source.pick(("connected", "no_answer", "busy")),
            "subject": f"Call {number}",
            "duration": "180",
            "from_phone_number": "+1 555 0000001",
            "to_phone_number": f"+1 555 {number:07d}",
            "start_time": iso_time(moment),
            "end_time": iso_time(moment + 180),
            "activity_id": None,
            "lead_id": None,
            "note": None,
            "has_recording": False,
            **_anchor(source, tables),
        }
    return calls


def _projects(source: Source, tables: dict[str, Table]) -> dict[str, Table]:
    time = v2_time(source.now - 300 * 86_400)
    both = {"add_time": time, "update_time": time}
    phases = ("Kick-off", "Implementation", "Review")
    projects: Table = {}
    tasks: Table = {}
    for number in range(1, max(3, len(tables["deals"]) // 50) + 1):
        anchor = _anchor(source, tables)
        projects[number] = {
            "id": number,
            "title": f"Project of deal {number}",
            "description": None,
            "status": "open",
            "board_id": 1,
            "phase_id": source.random.randint(1, 3),
            "owner_id": owner(source),
            "start_date": day(source.now, -100),
            "end_date": None,
            "deal_ids": [anchor["deal_id"]] if anchor["deal_id"] else [],
            "person_ids": [anchor["person_id"]] if anchor["person_id"] else [],
            "org_ids": [anchor["org_id"]] if anchor["org_id"] else [],
            "label_ids": [],
            "health_status": None,
            **both,
            "status_change_time": time,
            "archive_time": None,
            "is_archived": False,
            "is_deleted": False,
            "custom_fields": custom_values(source, tables["projectFields"], (1, 1)),
        }
        for part in (1, 2):
            task = len(tasks) + 1
            tasks[task] = {
                "id": task,
                "title": f"Step {part}",
                "creator_id": FIRST_USER,
                "description": None,
                "project_id": number,
                "is_done": part == 1,
                "is_milestone": False,
                "due_date": day(source.now, 10),
                "start_date": None,
                "parent_task_id": None,
                "assignee_ids": [owner(source)],
                "priority": None,
                **both,
                "marked_as_done_time": time if part == 1 else None,
                "is_deleted": False,
            }
    return {
        "boards": {1: {"id": 1, "name": "Delivery", "order_nr": 1, **both}},
        "phases": {
            number: {"id": number, "name": name, "board_id": 1, "order_nr": number, **both}
            for number, name in enumerate(phases, 1)
        },
        "projects": projects,
        "tasks": tasks,
        "projectTemplates": {
            1: {
                "id": 1,
                "title": "Delivery",
                "description": None,
                "projects_board_id": 1,
                "owner_id": FIRST_USER,
                **both,
            }
        },
    }


def _relations(source: Source) -> Table:
    time = v1_time(source.now - 100 * 86_400)
    return {
        1: {
            "id": 1,
            "type": "parent",
            "rel_owner_org_id": 1,
            "rel_linked_org_id": 2,
            "add_time": time,
            "update_time": time,
            "active_flag": True,
        }
    }
