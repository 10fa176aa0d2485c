"""Mail and files."""

from __future__ import annotations

from collections import Counter

from tests.support.seeded_company import Company


def test_files_hold_bytes_of_their_kind(company: Company) -> None:
    for file in company["files"].values():
        assert file["file_size"] == len(file["content"]) > 0
    starts = {file["file_type"]: file["content"][:4] for file in company["files"].values()}
    assert starts == {"pdf": b"%PDF", "img": b"\x89PNG", "txt": "Grö".encode(), "csv": b"prod"}


def test_a_mail_thread_has_the_messages_that_it_counts_and_their_attachments_are_files(company: Company) -> None:
    counts = Counter(message["mail_thread_id"] for message in company["mailMessages"].values())
    assert counts == {thread["id"]: thread["message_count"] for thread in company["mailThreads"].values()}
    attached = {str(m["id"]) for m in company["mailMessages"].values() if m["has_attachments_flag"]}
    files = [file for file in company["files"].values() if file["mail_message_id"]]
    assert {file["mail_message_id"] for file in files} == attached
    assert {(file["inline_flag"], file["cid"] is not None) for file in files} == {(True, True), (False, False)}
