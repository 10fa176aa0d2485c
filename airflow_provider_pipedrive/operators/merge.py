"""Duplicates into one record each, as a task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from airflow.providers.common.compat.sdk import conf

from airflow_provider_pipedrive.bulk.merge_job import MergeJob
from airflow_provider_pipedrive.client.values import from_text
from airflow_provider_pipedrive.client.whole_numbers import read_count
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.hooks.allowed_paths import allowed
from airflow_provider_pipedrive.hooks.lineage import Lineage, entity, location, tell
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.approval import Approval, PlannedWriteOperator, approval_settings, settled
from airflow_provider_pipedrive.operators.task_support import (
    is_templated,
    journal_folder,
    spent_tokens_end_the_try,
    storage_path,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.bulk.approval import PlanApproval
    from airflow_provider_pipedrive.client import PipedriveClient


class PipedriveMergeOperator(PlannedWriteOperator):
    """Merge groups of duplicates, which Pipedrive does not undo: let a person approve them first.

    Everything is read and decided before the first merge; a try that dies is continued by the next one, and no record
    is merged twice. See docs/duplicates.md.

    :param groups: what to merge: a list of dicts with ``ids`` and perhaps ``survivor`` (such as another task's
        result), or the path of a review, of which the approved groups are merged (templated)
    :param entity: ``persons``, ``organizations`` or ``deals`` (templated)
    :param survivor: which record stays where a group does not say: ``oldest``, ``most_complete`` or ``most_deals``
    :param fields: what becomes of fields in which records differ: ``survivor``, ``all``, ``newest`` or ``largest``, by
        the field's name or key
    :param max_merges: records that may be merged away (templated)
    :param max_tokens: API tokens that the run may spend, all its tries together (templated)
    :param dry_run: decide everything, merge nothing: the receipt names the files that show it
    :param approval: show somebody what each merge keeps and loses, and merge when it is approved (Airflow 3.1 and
        later): True, or an :class:`.Approval`
    :param folder: where the run keeps its journal: a folder that every try of the task sees, local or in object
        storage; by default one of the run's own on this machine (templated)
    :param pipedrive_conn_id: the connection (templated)
    :param deferrable: where the day's API tokens are spent, wait for the new ones without a worker, and continue; the
        default is Airflow's ``[operators] default_deferrable``
    """

    template_fields: Sequence[str] = (
        "groups",
        "entity",
        "fields",
        "max_merges",
        "max_tokens",
        "folder",
        "pipedrive_conn_id",
    )
    template_fields_renderers: ClassVar[dict[str, str]] = {"fields": "json"}
    ui_color = "#e6f4ea"
    groups = KeptFromLineage()
    folder = KeptFromLineage()

    def __init__(
        self,
        *,
        groups: Any,
        entity: str,
        survivor: str = "oldest",
        fields: Mapping[str, str] | None = None,
        max_merges: int | str | None = None,
        max_tokens: int | str | None = None,
        dry_run: bool = False,
        approval: bool | Approval = False,
        folder: str | Path | None = None,
        pipedrive_conn_id: str = "pipedrive_default",
        deferrable: bool = conf.getboolean("operators", "default_deferrable", fallback=False),
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.groups = groups
        self.entity = entity
        self.survivor = survivor
        self.fields = fields
        self.max_merges = max_merges
        self.max_tokens = max_tokens
        self.plans_only = dry_run  # Airflow's operators have a method of the name dry_run
        self.approval = approval_settings(approval, "approval")
        self.folder = folder
        self.pipedrive_conn_id = pipedrive_conn_id
        self.deferrable = deferrable
        self._check_when_parsing()

    def _run(self, context: Context, *, waited: bool, approval: PlanApproval | None = None) -> dict[str, Any]:
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        hook = PipedriveHook(self.pipedrive_conn_id)
        lineage = Lineage()
        with spent_tokens_end_the_try(self, hook, waited=waited, at_once=1):
            receipt = self._merged(context, hook.client, lineage, approval)
        lineage.wrote(entity(hook.client.origin, self.entity))
        tell(hook, lineage.inputs, lineage.outputs)
        return receipt

    def _merged(
        self, context: Context, client: PipedriveClient, lineage: Lineage, approval: PlanApproval | None
    ) -> dict[str, Any]:
        """The receipt of a run; where somebody has to approve it first, ask."""
        from airflow_provider_pipedrive.bulk.merges import merge, merge_when_approved

        groups, job, folder = self._groups(lineage), self._job(), journal_folder(self, context)
        if self.approval is None:
            return merge(client, groups, job, folder=folder)
        done = merge_when_approved(client, groups, job, folder=folder, approval=approval)
        return settled(context, self.approval, done, client.origin, approval)

    def _groups(self, lineage: Lineage) -> list[Mapping[str, Any]]:
        """The groups of this run: those given, or those that a review approves."""
        from airflow_provider_pipedrive.bulk import approved_groups
        from airflow_provider_pipedrive.bulk.files import read_rows

        groups = self.groups
        if isinstance(groups, str) and isinstance(rendered := from_text(groups), list):
            groups = rendered  # a template renders another task's result to text
        if isinstance(groups, str | Path):
            file = storage_path("groups", allowed("groups", groups))
            lineage.read(location(file))
            return list(approved_groups(read_rows(file)))
        if not isinstance(groups, Sequence):
            raise PipedriveParameterError(
                f"groups must be a list of dicts with ids, or the path of a review, not {type(groups).__name__}."
            )
        return list(groups)

    def _job(self) -> MergeJob:
        return MergeJob(
            entity=self.entity,
            survivor=self.survivor,
            fields=self.fields or {},
            max_merges=_count("max_merges", self.max_merges),
            dry_run=self.plans_only,
            max_tokens=_count("max_tokens", self.max_tokens),
        )

    def _check_when_parsing(self) -> None:
        """Find wrong arguments; what is only known at run time is let through."""
        if self.groups is None or isinstance(self.groups, int | float | bytes | Mapping):
            raise PipedriveParameterError(
                f"groups must be a list of dicts with ids, or the path of a review, not {self.groups!r:.60}."
            )
        job = MergeJob(
            entity="persons" if is_templated(self.entity) else self.entity,
            survivor=self.survivor,
            fields={} if is_templated(self.fields) or self.fields is None else self.fields,
            max_merges=None if is_templated(self.max_merges) else _count("max_merges", self.max_merges),
            max_tokens=None if is_templated(self.max_tokens) else _count("max_tokens", self.max_tokens),
        )
        if isinstance(self.groups, list) and not is_templated(self.groups) and not is_templated(self.entity):
            for number, group in enumerate(self.groups, 1):
                job.checked_group(number, group)


def _count(name: str, most: Any) -> int | None:
    """A bound as a number; none where it is empty, as a template may render."""
    return None if most in (None, "") else read_count(name, most, least=0)
