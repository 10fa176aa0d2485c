"""The table of entities says what the catalog and Pipedrive's models say."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive import sandbox
from airflow_provider_pipedrive.catalog import ACTIONS, ENTITIES, Entity
from tools.generate.entities_page import PAGE, page

ROOT = Path(__file__).parents[2]
SHAPES = json.loads((resources.files(sandbox) / "state/shapes.json").read_text("utf-8"))
ALL = pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)


def model(action: str) -> dict[str, Any]:
    """The fields of the records that an action answers with, as Pipedrive's specification has them."""
    _, name = SHAPES["operations"][f"GET {ACTIONS[action].path}"]
    fields: dict[str, Any] = SHAPES["models"][name]
    return fields


def test_these_entities_can_be_extracted() -> None:
    assert list(ENTITIES) == [
        *("deals", "archived_deals", "persons", "organizations", "activities", "products", "leads", "archived_leads"),
        *("notes", "files", "users", "pipelines", "stages", "filters", "currencies", "activity_types", "lead_labels"),
        *("lead_sources", "deal_products", "installments", "deal_fields", "person_fields", "organization_fields"),
        *("product_fields", "activity_fields", "lead_fields", "note_fields", "project_fields", "call_logs", "projects"),
        *("archived_projects", "tasks", "boards", "phases", "project_templates", "goals", "roles", "permission_sets"),
    ]


@ALL
def test_the_list_and_the_single_read_are_living_actions_that_only_read(entity: Entity) -> None:
    actions = [ACTIONS[key] for key in (entity.action, entity.single, entity.definitions) if key]

    assert {action.lifecycle for action in actions} <= {"active", "beta"}
    assert all(action.is_read and action.alias_of is None for action in actions)


@ALL
def test_the_list_needs_nothing_but_the_ids_of_its_parent(entity: Entity) -> None:
    needed = [parameter.name for parameter in ACTIONS[entity.action].parameters if parameter.required]

    assert needed == ([entity.parent_parameter] if entity.parent else [])
    assert entity.parent is None or entity.parent in ENTITIES
    assert set(entity.parameters) <= set(ACTIONS[entity.action].by_name)


@ALL
def test_every_parameter_that_the_engine_may_use_is_one_of_the_list(entity: Entity) -> None:
    named = ACTIONS[entity.action].by_name

    assert ("updated_since" in named, "updated_until" in named) == {
        "window": (True, True),
        "since": (True, False),
        "newest": (False, False),
        "whole": (False, False),
    }[entity.incremental]
    assert entity.takes_ids == ("ids" in named and named["ids"].max_items == 100)
    assert entity.option_labels == ("include_option_labels" in named)
    assert (entity.sort == "v2") == ({"sort_by", "sort_direction"} <= set(named))
    assert (entity.sort == "v1") == ("sort" in named)
    assert bool(entity.sort) == bool(entity.sort_by)
    assert entity.sort != "v2" or entity.sort_by == named["sort_by"].enum


@ALL
def test_what_is_read_newest_first_can_be_sorted_by_its_last_update(entity: Entity) -> None:
    assert entity.incremental != "newest" or entity.updated in entity.sort_by


def test_of_the_sortable_lists_only_those_that_fit_one_page_or_hang_on_a_parent_are_read_whole() -> None:
    whole = [name for name, entity in ENTITIES.items() if entity.incremental == "whole" and entity.sort]

    assert whole == ["pipelines", "stages", "deal_products", "installments"]


@ALL
def test_key_last_update_and_sorting_are_fields_of_the_record(entity: Entity) -> None:
    if entity.records:
        return  # the specification's answer is an object around the list: see the test of goals
    fields = model(entity.action)

    assert {*entity.key, *entity.sort_by} <= set(fields)
    assert entity.updated in fields if entity.updated else not {"update_time", "modified"} & set(fields)


def test_goals_stand_in_an_object() -> None:
    assert (ENTITIES["goals"].records, SHAPES["operations"]["GET /v1/goals/find"]) == (
        "goals",
        ["record", "v1.GetGoalsResponseData"],
    )
    assert SHAPES["models"]["v1.GetGoalsResponseData"] == {"goals": "list"}


@ALL
def test_the_single_read_takes_the_key_of_a_record(entity: Entity) -> None:
    if entity.single is None:
        return
    needed = [parameter.name for parameter in ACTIONS[entity.single].parameters if parameter.required]

    assert needed == list(entity.key)


@ALL
def test_every_list_is_read_by_its_largest_page(entity: Entity) -> None:
    paging = entity.listing.paging

    assert paging is None or paging.max_limit in {50, 100, 500}


@pytest.mark.parametrize(
    ("name", "incremental", "batch"),
    [
        ("deals", "window", 1),
        ("archived_deals", "window", 1),
        ("activities", "window", 1),
        ("products", "since", 1),
        ("leads", "since", 1),
        ("notes", "since", 1),
        ("archived_leads", "newest", 1),
        ("files", "newest", 1),
        ("users", "whole", 1),
        ("deal_products", "whole", 100),
        ("installments", "whole", 100),
        ("phases", "whole", 1),
    ],
)
def test_how_an_entity_is_made_incremental(name: str, incremental: str, batch: int) -> None:
    assert (ENTITIES[name].incremental, ENTITIES[name].parent_batch) == (incremental, batch)


def test_leads_have_the_fields_of_deals() -> None:
    assert {ENTITIES[name].definitions for name in ("deals", "archived_deals", "leads", "archived_leads")} == {
        "getDealFields"
    }


def test_option_labels_come_from_pipedrive_for_three_entities() -> None:
    assert [name for name, entity in ENTITIES.items() if entity.option_labels] == ["deals", "persons", "organizations"]


def test_the_page_of_entities_says_what_the_code_does() -> None:
    assert PAGE.read_text("utf-8") == page(), "run: python tools/generate/entities_page.py"


def test_the_page_has_a_line_and_a_section_for_every_entity() -> None:
    text = PAGE.read_text("utf-8")

    for name in ENTITIES:
        assert f"| [`{name}`](#{name}) |" in text
        assert f"\n### {name}\n" in text


def test_a_line_of_the_page_says_everything_about_its_entity() -> None:
    lines = PAGE.read_text("utf-8").splitlines()

    assert "| [`deals`](#deals) | `getDeals` | window | listed, sweep | `id` | `update_time` | 10 | 500 |" in lines
    assert "| [`files`](#files) | `getFiles` | newest first |  | `id` | `update_time` | 20 | 100 |" in lines
    assert "| [`currencies`](#currencies) | `getCurrencies` | whole |  | `id` |  | 20 | all |" in lines


def test_the_check_fails_where_the_page_is_out_of_step(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "airflow_provider_pipedrive", tmp_path / "airflow_provider_pipedrive")
    (tmp_path / "docs").mkdir()
    (tmp_path / "tools" / "generate").mkdir(parents=True)
    shutil.copy(ROOT / "tools" / "generate" / "entities_page.py", tmp_path / "tools" / "generate")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "tools" / "generate" / "entities_page.py"), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    before = run("--check")
    assert (before.returncode, "docs/entities.md is out of step" in before.stderr) == (1, True)
    assert run().returncode == 0
    assert run("--check").returncode == 0
