"""Projects and what belongs to them."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def test_deleting_a_project_deletes_its_tasks(api: Api) -> None:
    project = api.post("/api/v2/projects", {"title": "New"}).json()["data"]["id"]
    task = api.post("/api/v2/tasks", {"title": "New", "project_id": project}).json()["data"]["id"]
    api.delete(f"/api/v2/projects/{project}")
    assert api.data("/api/v2/tasks", project_id=project) == []
    assert task in api.sandbox.records("tasks")
