"""Users, stages, pipelines and labels by name in the parameters of one write.

``{"stage_id": "Negotiation", "owner_id": "anna@example.com", "label_ids": ["Hot"]}`` says what people say. Digits are
always an id, and a name that two of them have is an error that lists both, so that nothing can be mistaken. The lists
are read only if a name is given, and kept for minutes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.catalog.model import Action
from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.values import InvalidValue, from_text
from airflow_provider_pipedrive.client.whole_numbers import whole_number
from airflow_provider_pipedrive.errors import PipedriveParameterError

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.fields import FieldBook
    from airflow_provider_pipedrive.client.runner import ActionRunner

FRESH: Final = 300.0
"""Seconds for which lists and definitions are kept."""
_LABELS: Final = "label_ids"
_REFERENCES: Final[Mapping[str, Callable[[Directory, Any, Mapping[str, Any]], int]]] = {
    "owner_id": lambda directory, value, given: directory.user_id(value),
    "user_id": lambda directory, value, given: directory.user_id(value),
    "pipeline_id": lambda directory, value, given: directory.pipeline_id(value),
    "stage_id": lambda directory, value, given: directory.stage_id(value, _whole(given.get("pipeline_id"))),
}
"""How a name becomes an id, by parameter; a stage may need the pipeline that is given with it."""
_UUID = re.compile(r"\s*[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}\s*")


def names_in(action: Action, given: Mapping[str, Any]) -> list[str]:
    """The parameters of a write that are given by name, a pipeline before its stages."""
    if action.method == "GET":
        return []
    declared = {name for name, parameter in action.by_name.items() if parameter.place == "body"}
    named = [name for name in _REFERENCES if name in declared and _is_name(given.get(name))]
    named.sort(key=lambda name: name == "stage_id")
    labelled = _LABELS in declared and any(map(_is_name, _labels(given.get(_LABELS))))
    return [*named, *([_LABELS] if labelled else [])]


def without_names(action: Action, given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters with an id in place of each name: which one, only the account can tell."""
    return {**given, **{name: [1] if name == _LABELS else 1 for name in names_in(action, given)}}


class NamedReferences:
    """Turns names into ids, for one client.

    :param book: the fields of an entity, whose labels are among them; read again where asked
    """

    def __init__(self, client: ActionRunner, clock: Clock, book: Callable[..., FieldBook]) -> None:
        self._client = client
        self._clock = clock
        self._book = book
        self._directory: tuple[float, Directory] | None = None

    def to_ids(self, action: Action, given: dict[str, Any], entity: str | None) -> dict[str, Any]:
        """The parameters with ids in place of names.

        :param entity: whose labels are meant; None where the action writes none
        :raises PipedriveParameterError: there is nothing of a name, or several; each is named
        """
        named = names_in(action, given)
        if not named:
            return given
        found, faults = self._looked_up(named, given, entity, reread=False)
        if faults and self._is_known():  # something may have changed in Pipedrive since
            found, faults = self._looked_up(named, given, entity, reread=True)
        if faults:
            raise PipedriveParameterError(f"{action.key}: {'; '.join(faults)}.", action=action.key)
        return {**given, **found}

    def _looked_up(
        self, named: list[str], given: Mapping[str, Any], entity: str | None, *, reread: bool
    ) -> tuple[dict[str, Any], list[str]]:
        found: dict[str, Any] = {}
        faults: list[str] = []
        directory = self._lists(reread=reread)
        for name in named:
            try:
                if name == _LABELS:
                    found[name] = self._label_ids(given[name], entity, reread=reread)
                else:
                    found[name] = _REFERENCES[name](directory, given[name], {**given, **found})
            except InvalidValue as invalid:
                faults.append(invalid.about(name))
        return found, faults

    def _label_ids(self, value: Any, entity: str | None, *, reread: bool) -> Any:
        if entity is None:
            raise InvalidValue(f"ids, not {value!r}")
        book = self._book(entity, reread=reread)
        field = book.fields[_LABELS]
        return field.kind.to_wire(book, field, from_text(value) if isinstance(value, str) else value)

    def _is_known(self) -> bool:
        return self._directory is not None and self._clock.monotonic() - self._directory[0] <= FRESH

    def _lists(self, *, reread: bool) -> Directory:
        if self._directory is None or reread or not self._is_known():
            self._directory = (self._clock.monotonic(), Directory(self._client))
        return self._directory[1]


def _labels(value: Any) -> list[Any]:
    """What a list of labels consists of, also where a template has made a text of it."""
    value = from_text(value) if isinstance(value, str) else value
    if isinstance(value, str):
        return re.split(r"[,;]", value)
    return list(value) if isinstance(value, list | tuple | set) else [value]


def _is_name(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and whole_number(value) is None and not _UUID.fullmatch(value)


def _whole(value: Any) -> int | None:
    return whole_number(value)
