"""What an operator is given of records' values: Airflow renders and shows it, lineage gets none of it.

OpenLineage's provider puts an operator's attribute ``parameters`` into its events, whatever the operator, and with
``[openlineage] include_full_task_info`` everything that the operator's ``__dict__`` has. Of an object that is no JSON
it sends the name of the class only. So values are kept in such an object.
(``TaskInfo`` and ``TaskInfoComplete`` in ``airflow.providers.openlineage.utils.utils``)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from airflow.providers.common.compat.sdk import XComArg
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_0_PLUS


class RecordValues(Mapping[str, Any]):
    """A mapping that says its values to who asks for them, and to nobody who prints it.

    :param value: what was given: mostly a dict, but a template or another task's result too, until it is rendered
    """

    template_fields = ("value",)
    """Airflow renders these attributes of an object that it finds in a template field."""

    def __init__(self, value: Any) -> None:
        self.value = value

    def __getitem__(self, key: str) -> Any:
        return self.value[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.value or ())

    def __len__(self) -> int:
        return len(self.value or ())

    def __bool__(self) -> bool:
        return bool(self.value)

    def __eq__(self, other: object) -> bool:
        return bool(self.value == plain(other))

    __hash__ = None  # type: ignore[assignment]  # a dict has none either

    def __repr__(self) -> str:
        names = ", ".join(map(str, self.value)) if isinstance(self.value, Mapping) else ""
        return f"<{type(self).__name__}: {names}>"

    def serialize(self) -> Any:
        """What Airflow 3 shows among the rendered templates, its secrets hidden."""
        return self.value

    def __str__(self) -> str:
        """What Airflow 2 shows there."""
        return json.dumps(self.value, default=str, ensure_ascii=False)


def plain(value: Any) -> Any:
    """What is in it."""
    return value.value if isinstance(value, RecordValues) else value


class KeptFromLineage:
    """An attribute of an operator that stays out of its ``__dict__``, as far as lineage looks into it."""

    def __set_name__(self, owner: type, name: str) -> None:
        self._kept = f"_kept_{name}"

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        if task is None:
            return self
        try:
            return task.__dict__[self._kept].value
        except KeyError:
            raise AttributeError(self._kept) from None

    def __set__(self, task: Any, value: Any) -> None:
        task.__dict__[self._kept] = RecordValues(plain(value))


class ParametersKeptFromLineage(KeptFromLineage):
    """The attribute ``parameters``, which lineage asks for by its name: it is given a :class:`RecordValues`.

    While the operator is made it is plain: Airflow looks into it for results of other tasks then.
    """

    def __get__(self, task: Any, owner: type | None = None) -> Any:
        value = super().__get__(task, owner)
        if task is None or _is_being_made(task):
            return value
        # A new one each time: rendering changes it, and then sets it on the copy of the operator that runs.
        return RecordValues(value)

    def __set__(self, task: Any, value: Any) -> None:
        super().__set__(task, value)
        is_in_a_dag = getattr(task, "_BaseOperator__instantiated", False) and not task._lock_for_execution
        if is_in_a_dag and not AIRFLOW_V_3_0_PLUS:
            # Airflow 2 asks the attribute, not the new value, for results of other tasks.
            XComArg.apply_upstream_relationship(task, plain(value))


def _is_being_made(task: Any) -> bool:
    """Airflow marks an operator that is complete; one that is made of a mapped one is marked from the beginning."""
    marks = ("_BaseOperator__instantiated", "_BaseOperator__from_mapped")
    return not any(getattr(task, mark, False) for mark in marks)
