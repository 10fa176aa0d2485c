"""Stages, pipelines, users, labels, currencies and activity types of a company, by the names that people give them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.client.owner import Owner, owner_of
from airflow_provider_pipedrive.client.values import InvalidValue
from airflow_provider_pipedrive.client.whole_numbers import whole_number

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client.runner import ActionRunner


class Directory:
    """The company's stages, pipelines, users, labels, currencies and activity types: each list is read at most once,
    and only if it is needed."""

    def __init__(self, client: ActionRunner) -> None:
        self._client = client

    @cached_property
    def me(self) -> Mapping[str, Any]:
        """The credential's user."""
        found: Mapping[str, Any] = self._client.run("getCurrentUser")
        return found

    @cached_property
    def owner(self) -> Owner:
        """Whose credential it is.

        :raises PipedriveResponseError: no user of a company came
        """
        return owner_of(self.me)

    @cached_property
    def users(self) -> list[Mapping[str, Any]]:
        """All users."""
        return list(self._client.run("getUsers") or [])

    @cached_property
    def stages(self) -> list[Mapping[str, Any]]:
        """The stages of all pipelines."""
        return list(self._client.iterate("getStages"))

    @cached_property
    def pipelines(self) -> list[Mapping[str, Any]]:
        """All pipelines."""
        return list(self._client.iterate("getPipelines"))

    @cached_property
    def currencies(self) -> list[Mapping[str, Any]]:
        """The currencies of the company."""
        return [item for item in self._client.run("getCurrencies") or [] if item.get("active_flag", True)]

    @cached_property
    def lead_labels(self) -> list[Mapping[str, Any]]:
        """The labels of leads."""
        return list(self._client.run("getLeadLabels") or [])

    @cached_property
    def activity_types(self) -> list[Mapping[str, Any]]:
        """The types of activities."""
        return list(self._client.run("getActivityTypes") or [])

    def user_id(self, value: Any) -> int:
        """A user by id, name or e-mail address.

        :raises InvalidValue: there is none, or there are several
        """
        return int(one_of("user", value, [(user["id"], [user.get("name"), user.get("email")]) for user in self.users]))

    def pipeline_id(self, value: Any) -> int:
        """A pipeline by id or name.

        :raises InvalidValue: there is none, or there are several
        """
        return int(one_of("pipeline", value, [(item["id"], [item.get("name")]) for item in self.pipelines]))

    def stage_id(self, value: Any, pipeline_id: int | None = None) -> int:
        """A stage by id or name; a name that several pipelines have needs the pipeline, or ``Pipeline: Stage``.

        :raises InvalidValue: there is none, or there are several
        """
        pipelines = {item["id"]: item.get("name") for item in self.pipelines}
        stages = [
            (stage["id"], _stage_names(stage, pipelines))
            for stage in self.stages
            if pipeline_id is None or stage.get("pipeline_id") == pipeline_id
        ]
        return int(one_of("stage", value, stages))

    def currency_code(self, value: Any) -> str:
        """A currency's code, its capital letters right.

        :raises InvalidValue: the company has no such currency
        """
        return str(one_of("currency", value, [(item["code"], [item["code"]]) for item in self.currencies]))

    def lead_label_id(self, value: Any) -> str:
        """A lead's label by id or name.

        :raises InvalidValue: there is none, or there are several
        """
        return str(one_of("label", value, [(item["id"], [item.get("name")]) for item in self.lead_labels]))

    def activity_type(self, value: Any) -> str:
        """The key of an activity type that is given by key or name.

        :raises InvalidValue: there is none, or there are several
        """
        types = [(item["key_string"], [item.get("name")]) for item in self.activity_types if item.get("key_string")]
        return str(one_of("activity type", value, types))


def _stage_names(stage: Mapping[str, Any], pipelines: Mapping[Any, Any]) -> list[str | None]:
    """What a stage is called, alone and with its pipeline."""
    name, pipeline = stage.get("name"), pipelines.get(stage.get("pipeline_id"))
    return [name, f"{pipeline}: {name}" if name and pipeline else None]


def folded(text: str) -> str:
    """A name as it is compared: without capital letters, and with single spaces."""
    return " ".join(str(text).split()).casefold()


def one_of(what: str, value: Any, known: Sequence[tuple[Any, Sequence[str | None]]]) -> Any:
    """The id of the one thing that ``value`` names, by a name or by its id.

    :param known: every id with its names
    :raises InvalidValue: there is none, or there are several
    """
    text = str(value).strip()
    for matches in _ways(text):
        found = list(dict.fromkeys(key for key, names in known if matches(key, names)))
        if len(found) == 1:
            return found[0]
        if found:
            shown = ", ".join(f"{_fullest(names)} ({key})" for key, names in known if key in found)
            raise InvalidValue(f"one {what}, but several are called {text!r}: {shown}; give the id")
    names = [str(name) for _key, texts in known for name in texts if name]
    near = nearest(text, names)
    hint = f"did you mean {near[0]!r}?" if near else f"there are: {', '.join(dict.fromkeys(names)) or 'none'}"
    raise InvalidValue(f"the name or id of {_article(what)} {what}, which {text!r} is not ({hint})")


def _fullest(names: Sequence[str | None]) -> str:
    """The last name is the one that tells most: a user's e-mail address, a stage with its pipeline."""
    return next(filter(None, reversed(names)), None) or ""


def _ways(text: str) -> list[Callable[[Any, Sequence[str | None]], bool]]:
    """From the strictest way of comparing to the loosest: a label of digits wins over an id."""
    loose = folded(text)
    number = whole_number(text)
    number_text = text if number is None else str(number)
    return [
        lambda key, names: text in names,
        lambda key, names: loose in [folded(name) for name in names if name],
        lambda key, names: number_text in names,
        lambda key, names: str(key) == number_text,
    ]


def _article(word: str) -> str:
    return "an" if word[0] in "aeio" else "a"
