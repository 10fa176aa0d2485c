"""What comes in and goes out: mail, calls, files."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.seed.contacts import owner
from airflow_provider_pipedrive.sandbox.seed.office import FIRST_USER
from airflow_provider_pipedrive.sandbox.seed.source import Source, Table, iso_time, v1_time
from airflow_provider_pipedrive.sandbox.seed.work import about
from airflow_provider_pipedrive.sandbox.state.creation import NEW_FILE


def _pdf(text: str) -> bytes:
    """A PDF of one page with one line."""
    stream = f"BT /F1 18 Tf 72 720 Td ({text}) Tj ET"
    objects = (
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</Font<</F1 5 0 R>>>>>>",
        f"<</Length {len(stream)}>>stream\n{stream}\nendstream",
        "<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    )
    document, places = "%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(document))
        document += f"{number} 0 obj{content}endobj\n"
    table = "".join(f"{place:010d} 00000 n \n" for place in places)
    size = len(objects) + 1
    trailer = f"trailer<</Size {size}/Root 1 0 R>>\nstartxref\n{len(document)}\n%%EOF\n"
    return f"{document}xref\n0 {size}\n0000000000 65535 f \n{table}{trailer}".encode("ascii")


_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
    "0000000b49444154789c6360000200000500017a5eab3f0000000049454e44ae426082"
)
_IMAGE = "logo.png"
# Name, Pipedrive's type, content.
_FILES = (
    ("offer.pdf", "pdf", _pdf("Offer")),
    ("Angebot für Łódź.pdf", "pdf", _pdf("Angebot")),
    ("contract.pdf", "pdf", _pdf("Contract")),
    (_IMAGE, "img", _PNG),
    ("notes.txt", "txt", "Größe, 尺寸, μέγεθος\n".encode()),
    ("prices.csv", "csv", b"product,price\nStarter licence,90\nTeam licence,450\n"),
)
_ATTACHED, _INLINE = _FILES[0], next(file for file in _FILES if file[0] == _IMAGE)
_FLAGS = dict.fromkeys(
    ("deleted_flag", "smart_bcc_flag", "mail_link_tracking_enabled_flag", "has_inline_attachments_flag"), 0
)


def mail(source: Source, tables: dict[str, Table]) -> dict[str, Table]:
    """One thread for ten deals, each with up to four messages; every third thread has an attachment."""
    threads: Table = {}
    messages: Table = {}
    me = {
        "id": 1,
        "name": tables["users"][FIRST_USER]["name"],
        "email_address": tables["users"][FIRST_USER]["email"],
        "linked_person_id": None,
        "linked_person_name": None,
        "mail_message_party_id": 1,
    }
    for number, moment in enumerate(source.times_of("mailThreads", max(5, len(tables["deals"]) // 10)), 1):
        links = about(source, tables, moment)
        them = _party(tables["persons"].get(links["person_id"]), number)
        first = len(messages) + 1
        attached = number % 3 == 1
        times = [moment, *sorted(source.between(moment, source.now - 60) for _ in range(source.below(4)))]
        written = [
            _message(number, first + part, time, links, me, them, (number + part) % 2 == 0, attached and part == 0)
            for part, time in enumerate(times)
        ]
        messages.update((message["id"], message) for message in written)
        threads[number] = _thread(number, written, links, me, them, attached, tables)
    return {"mailThreads": threads, "mailMessages": messages}


def _party(person: dict[str, Any] | None, number: int) -> dict[str, Any]:
    name = person["name"] if person else f"Sender {number}"
    address = person["emails"][0]["value"] if person and person["emails"] else f"sender{number}@example.com"
    key = person["id"] if person else None
    return {
        "id": 1 + number,
        "name": name,
        "email_address": address,
        "linked_person_id": key,
        "linked_person_name": name if person else None,
        "mail_message_party_id": 1 + number,
    }


def _texts(number: int) -> dict[str, Any]:
    return {
        "account_id": "1",
        "user_id": FIRST_USER,
        "subject": f"Offer {number}",
        "snippet": "Please find attached",
        "mail_tracking_status": None,
        "synced_flag": 1,
        **_FLAGS,
    }


def _message(
    thread: int,
    number: int,
    time: int,
    links: dict[str, Any],
    me: dict[str, Any],
    them: dict[str, Any],
    sent: bool,
    attached: bool,
) -> dict[str, Any]:
    return {
        "id": number,
        **_texts(thread),
        "mail_thread_id": thread,
        "from": [me if sent else them],
        "to": [them if sent else me],
        "cc": [],
        "bcc": [],
        "body": "<p>Please find attached.</p>",
        "body_url": f"https://mailbox.example.com/messages/{number}",
        "read_flag": 1,
        "draft": None,
        "draft_flag": 0,
        "has_body_flag": 1,
        "sent_flag": int(sent),
        "sent_from_pipedrive_flag": int(sent),
        "has_attachments_flag": int(attached),
        "has_inline_attachments_flag": int(attached),
        "has_real_attachments_flag": int(attached),
        "message_time": v1_time(time),
        "add_time": v1_time(time),
        "update_time": v1_time(time),
        **links,
    }


def _thread(
    number: int,
    messages: list[dict[str, Any]],
    links: dict[str, Any],
    me: dict[str, Any],
    them: dict[str, Any],
    attached: bool,
    tables: dict[str, Table],
) -> dict[str, Any]:
    times = {sent: [m["message_time"] for m in messages if m["sent_flag"] == sent] for sent in (0, 1)}
    deal = tables["deals"].get(links["deal_id"])
    return {
        "id": number,
        **_texts(number),
        "folder": "inbox" if times[0] else "sent",
        "folders": [name for name, sent in (("inbox", 0), ("sent", 1)) if times[sent]],
        "parties": {"to": [me if messages[0]["from"] == [them] else them], "from": messages[0]["from"]},
        "drafts_parties": [],
        "version": 1,
        "snippet_draft": None,
        "snippet_sent": "Please find attached" if times[1] else None,
        "message_count": len(messages),
        "read_flag": 1,
        "has_attachments_flag": int(attached),
        "has_inline_attachments_flag": int(attached),
        "has_real_attachments_flag": int(attached),
        "has_draft_flag": 0,
        "has_sent_flag": int(bool(times[1])),
        "archived_flag": 0,
        "shared_flag": int(number % 4 == 0),
        "external_deleted_flag": 0,
        "first_message_to_me_flag": 1 - messages[0]["sent_flag"],
        "all_messages_sent_flag": int(not times[0]),
        **_times(messages, *times.values()),
        "deal_id": links["deal_id"],
        "deal_status": deal["status"] if deal else None,
        "lead_id": None,
    }


def _times(messages: list[dict[str, Any]], received: list[str], sent: list[str]) -> dict[str, Any]:
    first, last = messages[0]["message_time"], messages[-1]["message_time"]
    return {
        "first_message_timestamp": first,
        "last_message_timestamp": last,
        "last_message_sent_timestamp": sent[-1] if sent else None,
        "last_message_received_timestamp": received[-1] if received else None,
        "add_time": first,
        "update_time": last,
    }


def calls(source: Source, tables: dict[str, Table]) -> Table:
    """One logged call for twenty deals; they have v1's shape with times of their own."""
    rows: Table = {}
    for number, moment in enumerate(source.times_of("callLogs", max(5, len(tables["deals"]) // 20)), 1):
        call_id = source.hash("call", number)[:32]
        links = about(source, tables, moment)
        person = tables["persons"].get(links["person_id"])
        phones = person["phones"] if person else []
        outcome = source.pick(("connected", "connected", "no_answer", "busy", "left_message"))
        seconds = source.between(30, 1_200) if outcome == "connected" else source.between(5, 40)
        rows[call_id] = {
            "id": call_id,
            "user_id": owner(source),
            "company_id": 1,
            "outcome": outcome,
            "subject": f"Call {person['name']}" if person else "Call",
            "duration": str(seconds),
            "from_phone_number": "+1 555 0000000",
            "to_phone_number": phones[0]["value"] if phones else f"+1 555 {9_000_000 + number}",
            "start_time": iso_time(moment),
            "end_time": iso_time(moment + seconds),
            "activity_id": None,
            "lead_id": None,
            "note": "Calls back next week" if source.chance(0.3) else None,
            "has_recording": False,
            **links,
        }
    return rows


def files(source: Source, tables: dict[str, Table]) -> Table:
    """One file for five deals, and those of the mail: an attachment and a picture inside the text."""
    uploads = source.times_of("files", max(6, len(tables["deals"]) // 5))
    lead_ids = list(tables["leads"])
    pending: list[tuple[str, dict[str, Any]]] = []
    for number, moment in enumerate(uploads, 1):
        links = _file_links(source, tables, number, moment, lead_ids)
        file = _file(source, source.pick(_FILES), links, owner(source), v1_time(moment), v1_time(source.edited(moment)))
        pending.append((v1_time(moment), file))
    for message in tables["mailMessages"].values():
        if message["has_attachments_flag"]:
            time = message["message_time"]
            links = {link: message[link] for link in ("deal_id", "person_id", "org_id")}
            for content, inline in ((_ATTACHED, False), (_INLINE, True)):
                file = _file(source, content, links, FIRST_USER, time, time)
                cid = f"image{message['id']}@example.com" if inline else None
                mailed = {"mail_message_id": str(message["id"]), "inline_flag": inline, "cid": cid}
                pending.append((time, {**file, **mailed}))
    pending.sort(key=lambda item: item[0])
    return {
        number: {"id": number, **file, "remote_id": f"company/{number}"} for number, (_, file) in enumerate(pending, 1)
    }


def _file_links(
    source: Source, tables: dict[str, Table], number: int, moment: int, lead_ids: list[int | str]
) -> dict[str, Any]:
    """Mostly a deal with its contacts; now and then a product, a lead, a project or an activity."""
    turn = number % 12
    if turn == 3:
        return {"product_id": source.existing("products", moment)}
    if turn == 5 and source.times["leads"][0] <= moment:
        return {"lead_id": lead_ids[source.existing("leads", moment) - 1]}
    if turn == 7 and source.times["projects"][0] <= moment:
        return {"project_id": source.existing("projects", moment)}
    if turn == 9 and source.times["activities"][0] <= moment:
        activity = tables["activities"][source.existing("activities", moment)]
        return {"activity_id": activity["id"], "deal_id": activity["deal_id"]}
    return about(source, tables, moment)


_NO_LINKS = dict.fromkeys(("deal_id", "person_id", "org_id", "product_id", "activity_id", "lead_id", "project_id"))


def _file(
    source: Source,
    file: tuple[str, str, bytes],
    links: dict[str, Any],
    user: int,
    added: str,
    updated: str,
) -> dict[str, Any]:
    name, kind, content = file
    stem, _, ending = name.rpartition(".")
    return {
        "user_id": user,
        **_NO_LINKS,
        **links,
        "log_id": None,
        "add_time": added,
        "update_time": updated,
        "file_name": f"{stem}_{source.below(1 << 48):012x}.{ending}",
        "file_type": kind,
        "file_size": len(content),
        **NEW_FILE,
        "name": name,
        "content": content,
    }
