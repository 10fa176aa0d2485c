"""Somebody approves what a task is about to write, or refuses it."""

from __future__ import annotations

import json
import logging
from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NoReturn

from airflow.providers.common.compat.sdk import AirflowFailException, AirflowSkipException, BaseOperator

from airflow_provider_pipedrive.catalog.advice import counted, singular
from airflow_provider_pipedrive.client.record_links import record_url
from airflow_provider_pipedrive.errors import PipedriveError, PipedriveParameterError
from airflow_provider_pipedrive.hooks.lineage import ReportsLineage
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.people import Question, Users, answer_of, ask, check_can_ask
from airflow_provider_pipedrive.operators.tables import changes_table, plain_text
from airflow_provider_pipedrive.operators.task_support import permanent_errors_end_the_task, storage_path

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.bulk.approval import PlanApproval, Proposal

log = logging.getLogger(__name__)
APPROVE, REFUSE = "Approve", "Refuse"
XCOM_KEY = "pipedrive_approval"
_LINES = 100
"""Lines of a table that a person is shown."""


@dataclass(frozen=True)
class Approval:
    """How approval is asked for. ``True`` in its place means: of anybody, for as long as it takes.

    :ivar timeout: how long to wait
    :ivar users: who may approve, as ids of Airflow's users, or dicts of ``id`` and ``name``
    :ivar on_refusal: whether a refusal skips the task or fails it
    :ivar on_timeout: whether time that is up fails the task or skips it
    """

    timeout: timedelta | None = None
    users: Users = ()
    on_refusal: Literal["skip", "fail"] = "skip"
    on_timeout: Literal["fail", "skip"] = "fail"

    def __post_init__(self) -> None:
        for name in ("on_refusal", "on_timeout"):
            if getattr(self, name) not in ("skip", "fail"):
                raise PipedriveParameterError(f"{name} must be skip or fail, not {getattr(self, name)!r}.")


def approval_settings(given: bool | Approval, what: str) -> Approval | None:
    """``approval`` as it was given to an operator; None where nobody is asked.

    :param what: whose argument it is, for the error
    :raises PipedriveParameterError: it is neither a bool nor settings, or this Airflow cannot ask people
    """
    if given is False:
        return None
    if given is not True and not isinstance(given, Approval):
        raise PipedriveParameterError(f"approval must be True, False or an Approval, not {given!r}.")
    check_can_ask(what)
    return Approval() if given is True else given


def ask_approval(
    context: Context, settings: Approval, subject: str, body: str, kept: Mapping[str, Any] | None = None
) -> NoReturn:
    """Ask, and end this part of the task; :func:`approved` takes what ``execute_complete`` is given.

    :param body: what is to be done, in Markdown
    :param kept: arguments of ``execute_complete`` besides ``event``
    """
    question = Question(subject, body, [APPROVE, REFUSE], users=settings.users, timeout=settings.timeout)
    ask(context, question, kept)


def approved(context: Context, settings: Approval, event: Mapping[str, Any]) -> dict[str, Any]:
    """Who has approved: ``outcome``, ``by`` (``id`` and ``name``) and ``at``, pushed under the key
    ``pipedrive_approval`` too, as every outcome is.

    :raises AirflowSkipException: it was refused, or time is up, and the settings skip the task then
    :raises AirflowFailException: the same, and they fail it
    """
    answer = answer_of(event)
    is_approved = answer.options == (APPROVE,)
    outcome = "approved" if is_approved else "refused" if answer.outcome == "answered" else "timed out"
    told = {"outcome": outcome, "by": dict(answer.by) if answer.by else None, "at": answer.at}
    context["ti"].xcom_push(key=XCOM_KEY, value=told)
    if is_approved:
        log.info("Approved by %s.", answer.name)
        return told
    is_refusal = outcome == "refused"
    text = f"Refused by {answer.name}" if is_refusal else f"Nobody answered in {settings.timeout}"
    ends = settings.on_refusal if is_refusal else settings.on_timeout
    log.info("%s: nothing is written.", text)  # Airflow 3 does not log why a task skips itself
    raise (AirflowSkipException if ends == "skip" else AirflowFailException)(f"{text}: nothing was written.")


def described_proposal(proposal: Proposal, origin: str) -> tuple[str, str]:
    """Headline and text of a bulk run's plan.

    :param origin: the connection's, for the links to records
    """
    counts = [
        f"{counted(number, plain_text(singular(entity)))} to {plain_text(action)}"
        for (entity, action), number in proposal.operations.items()
    ]
    facts = [*counts, f"about {counted(proposal.price, 'API token')}"]
    if proposal.rejected:
        facts.append(f"{counted(proposal.rejected, 'row')} set aside")
    lines = changes_table(proposal.records, _LINES, lambda identity: record_url(proposal.entity, identity, origin))
    every = f"\n\nAll records: {plain_text(proposal.diff, 500)}" if proposal.diff else ""
    return f"Write to Pipedrive: {counts[0]}?", f"{'; '.join(facts)}.\n\n{lines}{every}"


def settled(
    context: Context,
    settings: Approval,
    done: dict[str, Any] | Proposal,
    origin: str,
    approval: PlanApproval | None,
) -> dict[str, Any]:
    """The receipt of a run; where nobody has approved its plan yet, ask, and end this part of the task.

    :param done: what the run has given: its receipt, or the plan that is to be approved
    :param origin: the connection's, for the links to records
    :param approval: who has approved which plan, if anybody has
    :raises PipedriveError: another plan was approved
    """
    if isinstance(done, dict):
        return done
    if approval is None:
        ask_approval(context, settings, *described_proposal(done, origin), kept={"plan": done.plan})
    raise PipedriveError(
        "What would be written is no longer what was approved: the rows, or the records in Pipedrive, have "
        "changed meanwhile. Nothing was written; the next try shows the new changes.",
        retryable=True,
    )


class PlannedWriteOperator(BaseOperator, ReportsLineage):
    """Decides everything before its first write, shows it to somebody where ``approval`` says so, and continues what an
    earlier try has begun.

    Airflow's class comes first: of a class without ``__init__`` whose first base is another, Airflow 3.3 takes None for
    the defaults of mapped tasks, such as ``inlets``, and no mapped task would start.
    """

    approval: Approval | None

    def execute(self, context: Context) -> dict[str, Any]:
        """Write, continuing an earlier try's run, and return the receipt."""
        return self._run(context, waited=False)

    def execute_complete(self, context: Context, event: Any = None, plan: str | None = None) -> dict[str, Any]:
        """Write the rest, when the day's tokens are expected to be renewed; or what somebody has approved.

        :param plan: the fingerprint of the plan that they were shown
        """
        if self.approval is None or plan is None:
            return self._run(context, waited=True)
        from airflow_provider_pipedrive.bulk.approval import PlanApproval

        said = approved(context, self.approval, event)
        return self._run(context, waited=False, approval=PlanApproval(plan, said["by"], said["at"]))

    @abstractmethod
    def _run(self, context: Context, *, waited: bool, approval: PlanApproval | None = None) -> dict[str, Any]:
        """One try: a receipt.

        :param waited: whether it follows a wait for the day's tokens
        :param approval: who has approved which plan
        """


class PipedriveApprovalOperator(BaseOperator):
    """Show a plan of one's own, and wait without a worker until somebody approves or refuses it (Airflow 3.1 and
    later).

    The result says who approved: ``outcome``, ``by`` (``id``, ``name``), ``at``. A task that was refused is skipped,
    and what comes after it with it; one whose time is up fails. See docs/people.md.

    :param subject: the headline (templated)
    :param plan: what is to be done: records as ``diff.jsonl`` of a bulk run has them (dicts of ``id``, ``key``,
        ``action``, ``before``, ``after``), the path of such a file, or the receipt of a run with ``dry_run=True``
        (templated)
    :param text: what else there is to know, in Markdown (templated)
    :param timeout: how long to wait; by default for ever
    :param users: who may approve, as ids of Airflow's users; by default everybody who may answer for the DAG
    :param on_refusal: ``skip`` or ``fail``
    :param on_timeout: ``fail`` or ``skip``
    """

    template_fields: Sequence[str] = ("subject", "plan", "text")
    template_fields_renderers: ClassVar[dict[str, str]] = {"text": "md"}
    ui_color = "#e6f4ea"
    plan = KeptFromLineage()

    def __init__(
        self,
        *,
        subject: str,
        plan: Any = (),
        text: str = "",
        timeout: timedelta | None = None,
        users: Users = (),
        on_refusal: Literal["skip", "fail"] = "skip",
        on_timeout: Literal["fail", "skip"] = "fail",
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_can_ask(type(self).__name__)
        self.subject = subject
        self.plan = plan
        self.text = text
        self.settings = Approval(timeout, users, on_refusal, on_timeout)

    def execute(self, context: Context) -> dict[str, Any]:
        """Ask."""
        with permanent_errors_end_the_task():
            records = _records_of(self.plan)
        parts = [self.text, *_price_of(self.plan), changes_table(records, _LINES) if records else ""]
        ask_approval(context, self.settings, self.subject, "\n\n".join(filter(None, parts)))

    def execute_complete(self, context: Context, event: Any = None) -> dict[str, Any]:
        """Say who approved, or end the task."""
        return approved(context, self.settings, event)


def _records_of(plan: Any) -> list[Mapping[str, Any]]:
    """The first records of a plan, as many as are shown."""
    if isinstance(plan, Mapping):
        if "diff" not in plan:
            raise PipedriveParameterError(
                "plan is a dict without `diff`: give a receipt of a bulk run, or its records."
            )
        plan = plan["diff"] or ()
    if isinstance(plan, str):
        with storage_path("plan", plan).open(encoding="utf-8") as file:
            return [json.loads(line) for line in islice(iter(file.readline, ""), _LINES + 1)]
    if not isinstance(plan, Iterable):
        raise PipedriveParameterError(f"plan must be records, a path or a receipt, not {type(plan).__name__}.")
    records = list(islice(plan, _LINES + 1))
    if not all(isinstance(record, Mapping) for record in records):
        raise PipedriveParameterError("plan must be a list of dicts: id, key, action, before, after.")
    return records


def _price_of(plan: Any) -> list[str]:
    if not isinstance(plan, Mapping):
        return []
    names = ("created", "updated", "archived", "deleted", "rejected")
    counts = [f"{plan[name]} {name}" for name in names if plan.get(name)]
    price = [f"about {counted(plan['price'], 'API token')}"] if plan.get("price") else []
    return [f"{'; '.join(counts + price)}."] if counts or price else []
