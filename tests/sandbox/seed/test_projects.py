"""Projects with their boards, phases and tasks."""

from __future__ import annotations

from tests.support.seeded_company import Company, plain


def test_a_project_is_in_a_phase_of_its_board(company: Company) -> None:
    for project in company["projects"].values():
        assert company["phases"][project["phase_id"]]["board_id"] == project["board_id"]


def test_a_project_has_two_to_five_tasks_the_second_a_part_of_the_first(company: Company) -> None:
    for key, project in company["projects"].items():
        tasks = [task for task in company["tasks"].values() if task["project_id"] == key]
        assert 2 <= len(tasks) <= 5
        assert [task["parent_task_id"] for task in tasks] == [None, tasks[0]["id"], *[None] * (len(tasks) - 2)]
        assert all(plain(task["add_time"]) >= plain(project["add_time"]) for task in tasks)


def test_a_task_that_is_done_says_when(company: Company) -> None:
    for task in company["tasks"].values():
        assert task["is_done"] == (task["marked_as_done_time"] is not None)
