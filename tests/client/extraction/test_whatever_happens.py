"""Every record once, in its last state: hundreds of lists of every kind, edited meanwhile, answered in any order."""

from __future__ import annotations

import json
import shutil
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.client.extraction import snapshot
from airflow_provider_pipedrive.client.extraction.entities import ENTITIES
from airflow_provider_pipedrive.client.extraction.landing import EntityLanding
from airflow_provider_pipedrive.client.extraction.snapshot import Outcome, Snapshot
from airflow_provider_pipedrive.client.extraction.walk import Tally
from airflow_provider_pipedrive.errors import PipedriveConnectionError
from tests.client.extraction.company_in_memory import BEGIN, Company, Crew, Killed, landing_in, small_pages

__all__ = ["small_pages"]
SEEDS = 60
_choose = Snapshot._choose


def company_of(seed: int, entity: str) -> Company:
    """A list: with gaps or without, after an import or not, with records that were never updated or without."""
    company = Company(
        seed,
        count=20 + 7 * seed % 400,
        gaps=[0.0, 0.3][seed % 2],
        lump=[0.0, 0.6, 0.05][seed % 3],
        untouched=[0.0, 0.02, 0.0, 0.3][seed // 2 % 4],
    )
    company.restless = seed % 5 != 0
    company.deletes_show = entity == "deals"
    return company


def read(company: Company, folder: Path, entity: str, connections: int, fails_at: int | None) -> list[dict[str, Any]]:
    landing = landing_in(folder, ENTITIES[entity])
    crew = Crew(company, connections, fails_at)
    reader = Snapshot(crew, ENTITIES[entity], landing, Tally(), overlap=5.0, clock=lambda: company.now)
    try:
        outcome = reader.read()
    finally:
        landing.abort()
    return published(landing, outcome)


def published(landing: EntityLanding, outcome: Outcome) -> list[dict[str, Any]]:
    manifest = landing.publish(outcome.dropped, {})
    parts = [(landing.target / part["name"]).read_text() for part in manifest["parts"]]
    return [json.loads(line) for part in parts for line in part.splitlines()]


def killed_at(finishes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the process end before it finishes that part, and so all that are open."""
    left = [finishes]
    finish = EntityLanding.finish

    def perhaps(self: EntityLanding, stream: str, covered: Any) -> None:
        if stream in self._open:
            left[0] -= 1
            if left[0] < 0:
                raise Killed
        finish(self, stream, covered)

    monkeypatch.setattr(EntityLanding, "finish", perhaps)


def read_at_last(
    company: Company, folder: Path, entity: str, connections: int, ends: str, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """Read it again and again until it comes to its end."""
    if ends == "failed":
        with suppress(PipedriveConnectionError):
            return read(company, folder, entity, connections, company.dice.randrange(1, 12))
    for _ in range(ends.count("killed") + ends.count("twice")):
        with monkeypatch.context() as patch, suppress(Killed):
            killed_at(company.dice.randrange(0, 6), patch)
            return read(company, folder, entity, connections, None)
    return read(company, folder, entity, connections, None)


@pytest.mark.usefixtures("small_pages")
@pytest.mark.parametrize("entity", ["deals", "persons"])
@pytest.mark.parametrize("way", ["windows", "both ends", "front to back"])
def test_every_live_record_is_there_once_in_its_last_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str, entity: str
) -> None:
    monkeypatch.setattr(snapshot.Snapshot, "_choose", lambda self, likeness, took, *, more: way)
    connections = 1 if way == "front to back" else 8
    for seed in range(SEEDS):
        folder = tmp_path / str(seed)
        company = company_of(seed, entity)
        ends = company.dice.choice(["", "", "failed", "killed", "killed twice"])
        found = read_at_last(company, folder, entity, connections, ends, monkeypatch)
        assert sorted(found, key=lambda record: record["id"]) == [
            record for _, record in sorted(company.records.items())
        ], f"seed {seed} ({ends})"
        shutil.rmtree(folder)


def test_the_list_in_memory_begins_with_what_it_says() -> None:
    company = Company(1, count=100, gaps=0.0, lump=0.6, untouched=0.0)
    assert len(company.records) == 100
    assert company.now == BEGIN
