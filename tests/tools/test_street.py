"""Imports point one way through the package: from rooms that use to rooms that are used, never back and never round."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from measures import PACKAGE, House, strongly_connected

HOUSE = House()

# Each line may import from the lines above it, and from its own as long as that is never mutual.
STREET = [
    ["errors", "connection_form"],
    ["catalog"],
    ["client"],
    ["extraction", "bulk", "events", "files"],
    ["subjects"],
    ["accounts", "warehouse", "hooks"],
    ["operators", "transfers", "sensors", "triggers", "assets", "notifications", "policies", "toolsets"],
    ["plugin", "cli", "get_provider_info"],
    ["__main__"],
]
PLACE = {room: place for place, rooms in enumerate(STREET) for room in rooms}
WITHOUT_AIRFLOW = ["catalog", "errors", "client", "extraction", "bulk", "events", "files", "subjects", "sandbox"]


def test_every_room_has_its_place_on_the_street() -> None:
    rooms = {module.room for module in HOUSE.modules.values()} - {"", "sandbox"}
    assert sorted(rooms) == sorted(PLACE)


def test_no_room_imports_one_further_down_the_street() -> None:
    found = {
        rooms: modules
        for rooms, modules in HOUSE.room_imports.items()
        if "sandbox" not in rooms and PLACE[rooms[0]] < PLACE[rooms[1]]
    }
    assert not found


def test_no_folder_imports_a_folder_that_imports_it() -> None:
    assert HOUSE.mutual_folders() == []


def test_no_round_leads_through_the_folders_of_a_room() -> None:
    graph: dict[str, set[str]] = {}
    for importing, imported in HOUSE.folder_imports:
        graph.setdefault(importing, set()).add(imported)
        graph.setdefault(imported, set())
    assert strongly_connected(graph) == []


def test_folders_of_a_room_that_import_each_other_are_found(tmp_path: Path) -> None:
    for folder, other in (("reading", "output"), ("output", "reading")):
        (tmp_path / PACKAGE / "extraction" / folder).mkdir(parents=True)
        imported = f"from {PACKAGE}.extraction.{other} import parts\n"
        (tmp_path / PACKAGE / "extraction" / folder / "parts.py").write_text(imported)
    assert House(tmp_path).mutual_folders() == [("extraction.output", "extraction.reading")]


def test_the_sandbox_knows_the_catalog_and_nothing_else_and_nobody_knows_the_sandbox() -> None:
    assert {rooms for rooms in HOUSE.room_imports if "sandbox" in rooms} == {("sandbox", "catalog")}


@pytest.mark.parametrize("room", WITHOUT_AIRFLOW)
def test_a_room_without_airflow_imports_none(room: str) -> None:
    imported = {
        (module.name, name)
        for module in HOUSE.modules.values()
        if module.room == room
        for node in ast.walk(module.tree)
        for name in _names(node)
        if name.partition(".")[0] == "airflow"
    }
    assert not imported


def _names(node: ast.AST) -> list[str]:
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) else []


def test_a_round_of_imports_is_found_however_long_it_is() -> None:
    assert strongly_connected({"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": set()}) == [("a", "b", "c")]
