"""The example DAG in which an agent drafts and a person approves, run task by task; the model is a function."""

from __future__ import annotations

import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any
from uuid import uuid4

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.sandbox import Sandbox
from tests.example_dags.test_writing_dags import loaded
from tests.support.people import AskingTask, asked
from tests.support.people import asking as asking

pytest.importorskip("airflow.providers.common.ai", reason="the extra ai is not installed")

from airflow.providers.common.ai.hooks.pydantic_ai import PydanticAIHook
from pydantic_ai.messages import ModelMessage, ModelResponse, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

MADE_UP = 987_654


class Drafter:
    """A model that reads the first deal that it is asked about, and drafts for it, and for one that it makes up."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.tools: set[str] = set()
        self.read: list[str] = []

    def answer(self, messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        parts = messages[-1].parts
        self.read += [str(part.content) for part in parts if isinstance(part, ToolReturnPart)]
        if not self.read:
            prompt = " ".join(str(getattr(part, "content", "")) for part in parts)
            self.asked = [int(number) for number in re.findall(r"\d+", prompt)]
            self.tools = {tool.name for tool in info.function_tools}
            return ModelResponse(parts=[ToolCallPart("getDeal", {"id": self.asked[0]})])
        steps = [{"deal_id": deal, "text": "Call <Eva> back."} for deal in (self.asked[0], MADE_UP)]
        return ModelResponse(parts=[ToolCallPart(info.output_tools[0].name, {"steps": steps})])


class AgentsTask:
    """The agent's task instance: Airflow's edge."""

    dag_id, task_id, run_id, try_number, map_index = "pipedrive_next_steps", "draft", "manual", 1, -1

    def __init__(self, deals: list[int]) -> None:
        self.id = uuid4()
        self._deals = deals

    def xcom_pull(self, task_id: str) -> list[int]:
        """What the task before has returned."""
        assert task_id == "stale"
        return self._deals

    def xcom_push(self, key: str, value: Any) -> None:
        """What the operator keeps of the run is Airflow's affair."""


def drafted(dag: Any, deals: list[int], mocker: MockerFixture) -> tuple[Drafter, Any]:
    """What the agent's task returns."""
    model = Drafter()
    mocker.patch.dict("os.environ", AIRFLOW_CONN_PYDANTICAI_DEFAULT=json.dumps({"conn_type": "pydanticai"}))
    mocker.patch.object(PydanticAIHook, "get_conn", return_value=FunctionModel(model.answer))
    task = dag.get_task("draft")
    ti = AgentsTask(deals)
    context: Any = {"ti": ti, "task_instance": ti, "run_id": "manual"}
    task.render_template_fields(context)
    return model, task.execute(context)


def stale(module: ModuleType, mocker: MockerFixture, days: int) -> list[int]:
    """The deals of a run that looks for three."""
    mocker.patch.object(module, "get_current_context", return_value={"params": {"days": days, "most": 3}})
    found: list[int] = module.dag.get_task("stale").python_callable()
    return found


def test_what_an_agent_drafts_becomes_notes_when_somebody_has_approved_it(
    sandbox: Sandbox, asking: AskingTask, mocker: MockerFixture, tmp_path: Path
) -> None:
    module = loaded("pipedrive_next_steps")
    dag, deals = module.dag, stale(module, mocker, days=1)
    model, drafts = drafted(dag, deals, mocker)
    rows = dag.get_task("notes").python_callable(deals, drafts)
    before = len(sandbox.records("notes"))
    write = dag.get_task("write")
    write.rows, write.folder = rows, tmp_path
    parked = asked(write, asking)

    assert len(deals) == 3
    assert model.asked == deals
    assert model.tools == {"getDeal", "getActivities", "getNotes"}
    assert model.read[0].startswith("1 of 1 shown\n<crm_data>")
    assert "Call &lt;Eva&gt; back." in rows[0]["content"]
    assert len(sandbox.records("notes")) == before

    receipt = parked.answered("Approve")

    assert (receipt["created"], receipt["approval"]["by"]["name"]) == (1, "Eva")
    written = max(sandbox.records("notes").values(), key=lambda note: note["id"])
    assert (written["deal_id"], written["content"]) == (deals[0], rows[0]["content"])


def test_a_deal_that_was_touched_lately_is_no_matter_for_the_agent(sandbox: Sandbox, mocker: MockerFixture) -> None:
    assert stale(loaded("pipedrive_next_steps"), mocker, days=20_000) == []
