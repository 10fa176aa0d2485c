"""Projects with their boards, phases, tasks and templates."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.sandbox.seed.contacts import owner
from airflow_provider_pipedrive.sandbox.seed.office import FIRST_USER
from airflow_provider_pipedrive.sandbox.seed.source import DAY, Source, Table, day, v2_time
from airflow_provider_pipedrive.sandbox.seed.values import CustomValues
from airflow_provider_pipedrive.sandbox.seed.work import about

_BOARDS = {"Delivery": ("Kick-off", "Implementation", "Review"), "Internal": ("Planned", "Under way")}
_STEPS = ("Name the contacts", "Draw up the plan", "Set everything up", "Train the users", "Hand over")


def projects(source: Source, tables: dict[str, Table]) -> dict[str, Table]:
    """One project for fifty deals, each with some tasks."""
    added = source.times_of("projects", max(3, len(tables["deals"]) // 50))
    boards, phases = _boards(source)
    custom = CustomValues(source, tables["projectFields"])
    rows: Table = {}
    tasks: Table = {}
    for number, moment in enumerate(added, 1):
        rows[number] = _project(source, number, added, phases, custom, about(source, tables, moment))
        _add_tasks(source, tasks, number, moment)
    return {
        "boards": boards,
        "phases": phases,
        "projects": rows,
        "tasks": tasks,
        "projectTemplates": _templates(source),
    }


def _boards(source: Source) -> tuple[Table, Table]:
    both = dict.fromkeys(("add_time", "update_time"), v2_time(source.founded))
    boards: Table = {}
    phases: Table = {}
    for number, (board, names) in enumerate(_BOARDS.items(), 1):
        boards[number] = {"id": number, "name": board, "order_nr": number, **both}
        for position, name in enumerate(names, 1):
            phase = len(phases) + 1
            phases[phase] = {"id": phase, "name": name, "board_id": number, "order_nr": position, **both}
    return boards, phases


def _project(
    source: Source,
    number: int,
    added: list[int],
    phases: Table,
    custom: CustomValues,
    links: dict[str, Any],
) -> dict[str, Any]:
    moment = added[number - 1]
    status = "open" if number == 1 else source.pick(("open", "open", "completed", "canceled"))
    changed = source.between(moment, source.now - 3_600) if status != "open" else None
    updated = source.edited(changed or moment)
    archived = number == len(added) - 1 or (number > 1 and status != "open" and source.chance(0.1))
    phase = phases[1 + source.below(len(phases))]
    return {
        "id": number,
        "title": f"{source.pick(source.last_names)} rollout {number}",
        "description": "<p>As agreed in the contract.</p>" if source.chance(0.5) else None,
        "status": status,
        "board_id": phase["board_id"],
        "phase_id": phase["id"],
        "owner_id": owner(source, number),
        "start_date": day(moment, 7),
        "end_date": day(moment, source.between(30, 200)) if source.chance(0.6) else None,
        **{f"{link}s": [] if key is None else [key] for link, key in links.items()},
        "label_ids": [1 + source.below(3)] if source.chance(0.4) else [],
        "health_status": None,
        "add_time": v2_time(moment),
        "update_time": v2_time(updated),
        "status_change_time": v2_time(changed) if changed else None,
        "archive_time": v2_time(updated) if archived else None,
        "is_archived": archived,
        "is_deleted": False,
        "custom_fields": custom.draw(),
    }


def _add_tasks(source: Source, tasks: Table, project: int, started: int) -> None:
    """Two to five tasks, the second a part of the first."""
    first = len(tasks) + 1
    for step in range(source.between(2, len(_STEPS))):
        number = len(tasks) + 1
        added = min(started + step * 600, source.now - 120)
        due = started + (10 + 15 * step) * DAY
        done = due < source.now and source.chance(0.9)
        marked = source.between(added, min(due, source.now - 120)) if done else None
        tasks[number] = {
            "id": number,
            "title": _STEPS[step],
            "creator_id": FIRST_USER,
            "description": None,
            "project_id": project,
            "is_done": done,
            "is_milestone": step == len(_STEPS) - 1,
            "due_date": day(due),
            "start_date": day(added) if source.chance(0.3) else None,
            "parent_task_id": first if step == 1 else None,
            "assignee_ids": [owner(source)] if source.chance(0.9) else [],
            "priority": source.pick((None, None, 1, 2)),
            "add_time": v2_time(added),
            "update_time": v2_time(marked or added),
            "marked_as_done_time": v2_time(marked) if marked else None,
            "is_deleted": False,
        }


def _templates(source: Source) -> Table:
    both = dict.fromkeys(("add_time", "update_time"), v2_time(source.founded))
    return {
        number: {
            "id": number,
            "title": f"{board} as usual",
            "description": f"The steps of every project on the board {board}",
            "projects_board_id": number,
            "owner_id": FIRST_USER,
            **both,
        }
        for number, board in enumerate(_BOARDS, 1)
    }
