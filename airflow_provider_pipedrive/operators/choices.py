"""A person picks a deal, an organization, a contact, a stage: while a DAG runs, or in the form that starts it."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, BaseOperator, Param

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.options import SOURCES
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.operators.people import Question, Users, answer_of, ask, check_can_ask
from airflow_provider_pipedrive.operators.task_support import is_templated, permanent_errors_end_the_task

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.client.choices import ChoiceList
    from airflow_provider_pipedrive.operators.people import HumanAnswer

log = logging.getLogger(__name__)
NONE = "none"
"""The key of "None of these"."""
_FIELD, _BUTTON = "choice", "Choose"
_SUBJECTS = {
    "selectDeal": "Which deal",
    "selectOrganization": "Which organization",
    "selectPerson": "Which person",
}
_VARIABLE = "pipedrive_choices_"


class _ReadsChoices(BaseOperator):
    """What is listed, for whoever is to choose.

    :param source: ``selectDeal``, ``selectOrganization``, ``selectPerson``, ``stages``, ``users``, ``pipelines``,
        ``filters``, ``labels``, ``personLabels``, ``organizationLabels`` or ``leadLabels``
    :param term: only what a search for this text finds: deals, organizations and persons (templated)
    :param parameters: narrow the list down, as the list action's parameters do: ``pipeline_id``, ``owner_id``,
        ``filter_id``, ``status``, ... (templated)
    :param most: how many to show: the best hits of a search, else the newest
    :param own_first: first the records that the connection's user owns
    :param pipedrive_conn_id: the connection (templated)
    """

    template_fields: Sequence[str] = ("term", "parameters", "pipedrive_conn_id")
    ui_color = "#e6f4ea"

    def __init__(
        self,
        *,
        source: str,
        term: str | None = None,
        parameters: Mapping[str, Any] | None = None,
        most: int = 100,
        own_first: bool = False,
        pipedrive_conn_id: str = "pipedrive_default",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.source = source
        self.term = term
        self.parameters = parameters
        self.most = most
        self.own_first = own_first
        self.pipedrive_conn_id = pipedrive_conn_id
        if source not in SOURCES:
            raise PipedriveParameterError(f"There are no options of {source!r}, only of {', '.join(SOURCES)}.")
        if type(most) is not int or not 1 <= most <= 1000:
            raise PipedriveParameterError(f"most must be a number from 1 to 1000, not {most!r}.")

    def _choices(self) -> ChoiceList:
        from airflow_provider_pipedrive.client.choices import choices
        from airflow_provider_pipedrive.hooks.lineage import report_options
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        found = choices(
            hook.client,
            self.source,
            term=self.term or None,
            parameters=self.parameters,
            most=self.most,
            own_first=self.own_first,
        )
        report_options(hook, self.source)
        self.log.info(
            "%s: %d to choose from%s; %s.",
            self.source,
            len(found.labels),
            ", of more that there are" if found.has_more else "",
            counted(hook.usage.tokens, "API token"),
        )
        return found


class PipedriveChoiceOperator(_ReadsChoices):
    """Wait without a worker until a person has picked a record, or several (Airflow 3.1 and later).

    The result is a dict: ``key`` (of the first record, null without one), ``keys``, ``labels``, ``outcome``
    (``chosen``, ``none`` of these, the ``default`` when time was up, or ``empty``, where there was nothing to choose
    from and nobody was asked), ``by`` (``id`` and ``name`` of who chose), ``at``, and with ``record=True`` the
    ``records`` as they are then. See docs/people.md.

    :param subject: the headline (templated)
    :param text: what a person needs to know to decide, in Markdown (templated)
    :param multiple: let several be picked
    :param default: the key, or with ``multiple`` keys, that are picked at first, and taken when time is up; ``"none"``
        for none of these (templated)
    :param timeout: how long to wait; without ``default`` the task fails when time is up
    :param users: who may choose, as ids of Airflow's users; by default everybody who may answer for the DAG
    :param record: read the records that were picked
    """

    template_fields: Sequence[str] = (*_ReadsChoices.template_fields, "subject", "text", "default")
    template_fields_renderers: ClassVar[dict[str, str]] = {"text": "md"}

    def __init__(
        self,
        *,
        subject: str | None = None,
        text: str = "",
        multiple: bool = False,
        default: str | int | Sequence[str | int] | None = None,
        timeout: timedelta | None = None,
        users: Users = (),
        record: bool = False,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_can_ask(type(self).__name__)
        self.subject = subject or f"{_SUBJECTS.get(self.source, f'Which of the {self.source}')}?"
        self.text = text
        self.multiple = multiple
        self.default = default
        self.timeout = timeout
        self.users = users
        self.record = record
        if not multiple and not isinstance(default, str | int | None) and not is_templated(default):
            raise PipedriveParameterError(f"default must be one key, unless multiple=True, not {default!r}.")

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask."""
        with permanent_errors_end_the_task():
            found = self._choices()
        if not found.labels:
            return self._result({}, [], "empty", None)
        return self._ask(context, found.labels, found.has_more)

    def execute_complete(
        self, context: Context, event: Any = None, labels: Mapping[str, str] | None = None, has_more: bool = False
    ) -> dict[str, Any]:
        """Return what was picked. What was not among the choices is asked for again.

        :param labels: the choices that were shown
        """
        shown, answer = labels or {}, answer_of(event)
        if answer.outcome == "timeout":
            raise AirflowFailException(f"Nobody has chosen within {self.timeout}.")
        keys = self._keys(answer, shown)
        if keys is None:
            self.log.warning("%s has chosen what was not offered: %.200r. Asking again.", answer.name, answer.values)
            return self._ask(context, shown, has_more)
        outcome = "default" if answer.outcome == "default" else "chosen" if keys else NONE
        return self._result(shown, keys, outcome, answer)

    def _ask(self, context: Context, labels: Mapping[str, str], has_more: bool) -> NoReturn:
        with permanent_errors_end_the_task():
            default = self._default(labels)
        picked: Any = default or ([] if self.multiple else NONE)
        best = "best hits" if self.term else "newest"
        more = f"The list has the {len(labels)} {best}; there are more."
        question = Question(
            subject=self.subject,
            body="\n\n".join(filter(None, [self.text, more if has_more else ""])),
            options=[_BUTTON],
            defaults=None if default is None else [_BUTTON],
            params={_FIELD: _field(labels, picked, multiple=self.multiple)},
            users=self.users,
            timeout=self.timeout,
        )
        ask(context, question, {"labels": dict(labels), "has_more": has_more})

    def _default(self, labels: Mapping[str, str]) -> Any:
        """What is taken when time is up; None where there is no default."""
        if self.default is None or self.default == "":
            return None
        given = [self.default] if isinstance(self.default, str | int) else list(self.default)
        keys = [str(key) for key in given if str(key) != NONE]
        unknown = [key for key in keys if key not in labels]
        if unknown:
            raise PipedriveParameterError(f"default: {', '.join(unknown)} is not among the choices.")
        return keys if self.multiple else next(iter(keys), NONE)

    def _keys(self, answer: HumanAnswer, labels: Mapping[str, str]) -> list[str] | None:
        """The keys that were picked; None where something else was sent. Airflow's API takes anything."""
        if answer.outcome == "invalid":
            return None
        value = answer.values.get(_FIELD)
        given = value if self.multiple and isinstance(value, list) else [value]
        keys = [key for key in given if key not in (None, "", NONE)]
        return keys if all(isinstance(key, str) and key in labels for key in keys) else None

    def _result(
        self, labels: Mapping[str, str], keys: Sequence[str], outcome: str, answer: HumanAnswer | None
    ) -> dict[str, Any]:
        result: dict[str, Any] = {
            "key": next(iter(keys), None),
            "keys": list(keys),
            "labels": [labels[key] for key in keys],
            "outcome": outcome,
            "by": dict(answer.by) if answer and answer.by else None,
            "at": answer.at if answer else "",
        }
        if self.record:
            result["records"] = [self._read(key) for key in keys]
        names = ", ".join(f"{label} ({key})" for key, label in zip(keys, result["labels"], strict=True))
        self.log.info("%s: %s, by %s.", names or "None", outcome, answer.name if answer else "nobody")
        return result

    def _read(self, key: str) -> Any:
        from airflow_provider_pipedrive.client.choices import GETS
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        with permanent_errors_end_the_task():
            if self.source not in GETS:
                raise PipedriveParameterError(f"{self.source} are not records: leave out record=True.")
            return PipedriveHook(self.pipedrive_conn_id).run(GETS[self.source], {"id": key})


def _field(labels: Mapping[str, str], picked: Any, *, multiple: bool) -> dict[str, Any]:
    """The form's field, as the arguments of Airflow's ``Param``: a list that can be searched by typing."""
    shown = {NONE: "None of these", **labels}
    given = {"default": picked, "values_display": shown, "title": "Choice"}
    if multiple:
        return {**given, "type": "array", "items": {"type": "string"}, "examples": list(shown)}
    return {**given, "type": "string", "enum": list(shown)}


class PipedriveRefreshChoicesOperator(_ReadsChoices):
    """Keep a list of records for :func:`choice_param`, which gives them to the form that starts a DAG.

    Returns how many there are. The list is kept in the Airflow Variable ``pipedrive_choices_<name>``.

    :param name: of the list, as ``choice_param`` asks for it
    """

    def __init__(self, *, name: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.name = name

    def execute(self, context: Context) -> int:
        """Read it and keep it."""
        from airflow.providers.common.compat.sdk import Variable

        with permanent_errors_end_the_task():
            found = self._choices()
        Variable.set(_VARIABLE + self.name, json.dumps(found.labels, ensure_ascii=False))
        return len(found.labels)


def choice_param(name: str, *, title: str = "Choice", multiple: bool = False) -> Param:
    """A field of the form that starts a DAG, with the records that :class:`PipedriveRefreshChoicesOperator` keeps.

    Nothing is asked of Pipedrive: a DAG's file may call it, and Airflow reads the list again whenever it reads the
    file. The run gets the key in ``params``, ``"none"`` for none of these, or a list of keys.

    :param name: of the list
    :param title: of the field
    :param multiple: let several be picked
    """
    spec = _field(_kept(name), [] if multiple else NONE, multiple=multiple)
    return Param(**{**spec, "title": title})


def _kept(name: str) -> dict[str, str]:
    from airflow.providers.common.compat.sdk import Variable

    try:
        # Given by position: the one spelling of a default that Airflow 2.11 and 3 share.
        found = Variable.get(_VARIABLE + name, None)
        return dict(json.loads(found)) if found else {}
    except Exception as error:  # noqa: BLE001 - a file that is read without a database is not to break
        log.warning("The choices %s cannot be read: %s", name, type(error).__name__)
        return {}
