"""The floor of tasks that ask: the question that Airflow gets, and answers of every kind."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_pipedrive.operators.people import HumanAnswer, Question, answer_of, ask, is_answer
from tests.support.people import EVA, AskingTask, waits_for_an_answer
from tests.support.people import asking as asking


def test_a_question_is_put_on_airflows_page_and_the_task_waits(asking: AskingTask) -> None:
    question = Question(
        "Which?", "Read this.", ["Yes", "No"], ["No"], {"why": {"default": "", "type": "string"}}, ["eva"],
        timedelta(hours=1),
    )  # fmt: skip
    context: Any = {"ti": asking}
    waiting = waits_for_an_answer(lambda: ask(context, question, {"plan": "abc"}))

    asked = asking.question
    assert (asked.subject, asked.body, asked.options, asked.defaults) == ("Which?", "Read this.", ["Yes", "No"], ["No"])
    assert asked.params["why"]["value"] == ""
    assert [(user.id, user.name) for user in asked.assigned_users] == [("eva", "eva")]
    assert waiting.kwargs == {"plan": "abc"}


NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("event", "answer"),
    [
        (
            {"chosen_options": ["Yes"], "params_input": {"why": "so"}, "responded_at": NOON, "responded_by_user": EVA},
            HumanAnswer("answered", ("Yes",), {"why": "so"}, EVA, "2026-05-04T12:00:00+00:00"),
        ),
        (
            {"chosen_options": ["No"], "params_input": None, "responded_at": "2026-05-04", "responded_by_user": None},
            HumanAnswer("default", ("No",), {}, None, "2026-05-04"),
        ),
        ({"error": "The timeout has passed", "error_type": "timeout"}, HumanAnswer("timeout")),
        ({"error": "not of the enum", "error_type": "validation"}, HumanAnswer("invalid")),
    ],
)
def test_what_came_of_a_question_is_told_apart(event: dict[str, Any], answer: HumanAnswer) -> None:
    assert is_answer(event)
    assert answer_of(event) == answer


def test_what_another_trigger_sends_is_not_an_answer() -> None:
    assert not is_answer({"until": 1})
    assert not is_answer(None)
