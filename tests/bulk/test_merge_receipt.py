"""What a merge says beforehand and afterwards."""

from __future__ import annotations

from pathlib import Path

from airflow_provider_pipedrive.bulk import MergeJob
from airflow_provider_pipedrive.bulk.journal import Journal
from airflow_provider_pipedrive.bulk.merge_receipt import merge_receipt
from tests.bulk.conftest import lines

ORIGIN = "https://acme.pipedrive.com"


def journal_with(folder: Path, *states: str) -> Journal:
    journal = Journal(folder)
    journal.set(rows=1, usage={"requests": 3, "tokens": 90, "seconds": 1.5})
    for number, state in enumerate(states, 2):
        journal.run(
            "INSERT INTO operations (row, phase, action, entity, id, fields, before, state) "
            "VALUES (1, 1, 'merge', 'persons', ?, ?, ?, ?)",
            [str(number), '{"merge_with_id": 1}', f'{{"id": {number}}}', state],
        )
    return journal


def test_a_receipt_counts_what_was_done_and_keeps_every_record_as_it_was(tmp_path: Path) -> None:
    journal = journal_with(tmp_path, "done", "vanished", "rejected")

    receipt = merge_receipt(journal, MergeJob("persons"), ORIGIN)

    assert {name: receipt[name] for name in ("groups", "merged", "updated", "vanished", "price", "tokens")} == {
        "groups": 1, "merged": 1, "updated": 0, "vanished": 1, "price": None, "tokens": 90,
    }  # fmt: skip
    assert [(line["id"], line["outcome"], line["before"]) for line in lines(receipt["results"])] == [
        (2, "merged", {"id": 2}),
        (3, "vanished", {"id": 3}),
        (4, "rejected", {"id": 4}),
    ]
    assert lines(receipt["results"])[0]["link"] == f"{ORIGIN}/person/1"
    journal.close()


def test_a_dry_run_has_a_price_and_no_results(tmp_path: Path) -> None:
    journal = journal_with(tmp_path, "planned", "planned")

    receipt = merge_receipt(journal, MergeJob("persons", dry_run=True), ORIGIN)

    assert (receipt["merged"], receipt["price"], receipt["results"]) == (2, 80, None)
    journal.close()
