"""One call that users make, and one try of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from airflow_provider_pipedrive.sandbox import Sandbox

RUN, BEGAN = "manual__2026-05-04T10:00:00+00:00", datetime(2026, 5, 4, 10, tzinfo=UTC)


class Kept(dict[str, Any]):
    """What Airflow 3.3 keeps for a task's next try."""

    def set(self, key: str, value: Any) -> None:
        self[key] = value


@dataclass(frozen=True)
class Try:
    """One try of a task.

    :ivar folder: a folder of its own, which the next try finds again
    :ivar number: from 1 on
    :ivar kept: what the tries before have kept
    """

    sandbox: Sandbox
    folder: Path
    number: int = 1
    kept: Kept = field(default_factory=Kept)

    @property
    def context(self) -> Any:
        """What Airflow hands to the task."""
        instance = SimpleNamespace(
            map_index=-1, dag_id="dag", task_id="task", run_id="run", max_tries=3, try_number=self.number,
            xcom_push=lambda key, value: None, get_first_reschedule_date=lambda context: None,
        )  # fmt: skip
        return {"ti": instance, "run_id": RUN, "dag_run": SimpleNamespace(start_date=BEGAN)}

    def records(self, entity: str) -> list[dict[str, Any]]:
        """What Pipedrive has."""
        return list(self.sandbox.records(entity).values())


@dataclass(frozen=True)
class Surface:
    """Something that users call.

    :ivar does: its name in the table
    :ivar run: does it and answers what came of it
    :ivar copies: how many records Pipedrive has of the one that it creates
    :ivar is_without: kinds of fault that say nothing here
    :ivar not_at_random: kinds of fault that may come several times in a row only in ways that nobody can tell from a
        right answer, or after which a row is not tried again and the receipt names it
    :ivar one_credential: another credential does not see what it has made, so that the same one must try again
    :ivar only_once: a person looks before it is done again, once it may have been done
    :ivar in_short_form: the few kinds of fault that the short form has of a slow call; None: all
    """

    does: str
    run: Callable[[Try], Any]
    copies: Callable[[Try], int] = lambda attempt: 0
    is_without: frozenset[str] = frozenset()
    not_at_random: frozenset[str] = frozenset()
    one_credential: bool = False
    only_once: bool = False
    in_short_form: frozenset[str] | None = None
