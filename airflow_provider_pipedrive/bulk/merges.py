"""Groups of duplicates become one record each: planned whole, journalled, and continued after a crash."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from airflow_provider_pipedrive.bulk.approval import SHOWN, Ask, PlanApproval, Proposal, only_with, planned, unapproved
from airflow_provider_pipedrive.bulk.journal import Journal, row_to_json, to_json
from airflow_provider_pipedrive.bulk.merge_job import MERGES, MergeJob
from airflow_provider_pipedrive.bulk.merge_plan import GroupPlan, plan_group
from airflow_provider_pipedrive.bulk.merge_receipt import count_operations, described_plans, merge_price, merge_receipt
from airflow_provider_pipedrive.bulk.mirror import journal_in
from airflow_provider_pipedrive.bulk.records import by_ids
from airflow_provider_pipedrive.bulk.requests import request_of
from airflow_provider_pipedrive.bulk.run_usage import RunUsage, check_price
from airflow_provider_pipedrive.bulk.targets import target_of
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.client.directory import Directory
from airflow_provider_pipedrive.client.fields import FieldBook
from airflow_provider_pipedrive.client.record_links import record_url
from airflow_provider_pipedrive.errors import (
    PipedriveNotFoundError,
    PipedriveParameterError,
    PipedriveTokenCapError,
    PipedriveValidationError,
)

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient

log = logging.getLogger(__name__)
_PERMITTED: Final = {
    "persons": "getPersonUsers",
    "organizations": "getOrganizationUsers",
    "deals": "getDealUsers",
}
_COUNTED: Final = {
    "persons": ("open_deals_count", "closed_deals_count"),
    "organizations": ("open_deals_count", "closed_deals_count"),
}
_WARNING: Final = (
    "%s: %s in %s will be merged away. A merge cannot be undone: these records vanish, what hangs on them moves to the "
    "survivor, and values in which they differ from it are lost. %s lists them."
)


def merge(
    client: PipedriveClient, groups: Iterable[Mapping[str, Any]], job: MergeJob, *, folder: Any
) -> dict[str, Any]:
    """Merge the records of each group into its survivor.

    Everything is read and decided before the first merge. Called again with the same groups and folder, a run that
    died continues, and one that has ended answers its receipt again. Pipedrive does not undo a merge: the journal
    keeps every record as it was.

    :param groups: dicts with ``ids``, and ``survivor`` where somebody has chosen it: those of
        :func:`~airflow_provider_pipedrive.bulk.find_duplicates`, or of a review
    :param folder: where the run keeps what it has decided and done: a local path, or one in object storage
    :returns: the receipt: ``groups``, ``merged`` (records that are gone), ``updated`` (survivors written before),
        ``vanished`` (records that somebody else has removed meanwhile), ``rejected`` (groups set aside), ``requests``,
        ``tokens``, ``seconds``, ``dry_run``, ``price`` (API tokens left to spend, of a dry run), ``approval``
        (``plan``, ``by``, ``at``, or None where nobody was asked), and the paths ``rejects``, ``diff`` and ``results``
        (JSON lines) as text, or None
    :raises PipedriveParameterError: a group is wrong, or the folder is another run's: nothing was merged
    :raises PipedriveTokenCapError: ``max_merges`` or ``max_tokens`` would be exceeded
    :raises PipedriveError: what ended the run; what was done is journalled
    """
    receipt = _run(client, groups, job, folder, None)
    assert isinstance(receipt, dict), "nobody is asked"
    return receipt


def merge_when_approved(
    client: PipedriveClient,
    groups: Iterable[Mapping[str, Any]],
    job: MergeJob,
    *,
    folder: Any,
    approval: PlanApproval | None,
) -> dict[str, Any] | Proposal:
    """Like :func:`merge`, but only what somebody has approved is merged.

    The plan is made of what Pipedrive has now. Where it is not the one that was approved, nothing is merged, and it is
    returned to be looked at. A run that has begun to merge continues: its plan stays.

    :param approval: who has approved which plan, if anybody has
    :returns: the receipt, or the plan that is to be approved
    :raises PipedriveError: as :func:`merge` does
    """
    return _run(client, groups, job, folder, only_with(approval))


def _run(
    client: PipedriveClient, groups: Iterable[Mapping[str, Any]], job: MergeJob, folder: Any, ask: Ask | None
) -> dict[str, Any] | Proposal:
    journal = journal_in(folder)
    try:
        return _MergeRun(client, job, journal, ask).do(groups)
    finally:
        journal.close()


class _MergeRun:
    def __init__(self, client: PipedriveClient, job: MergeJob, journal: Journal, ask: Ask | None) -> None:
        self._ask = ask
        self._shown: list[Mapping[str, Any]] = []
        self._client = client
        self._job = job
        self._journal = journal
        self._target = target_of(job.entity)
        self._directory = Directory(client)
        self._book = FieldBook(client, job.entity, self._target.fields_action, self._directory)
        self._usage = RunUsage(client, journal)

    def do(self, groups: Iterable[Mapping[str, Any]]) -> dict[str, Any] | Proposal:
        given = list(groups)
        wanted = self._wanted(given)
        identity = self._identity(given)
        has_begun = self._has_begun(identity)
        if has_begun and (receipt := self._journal.get("receipt")):
            return dict(receipt)
        with self._usage.capped(self._job.max_tokens, self._spent(identity)):
            if not has_begun:
                self._plan(wanted, identity)
            if not self._job.dry_run:
                check_price(self._client, merge_price(self._journal, self._job.entity), self._job.max_tokens, "Merging")
                if not has_begun and (proposal := unapproved(self._journal, self._ask, self._proposal)):
                    return proposal
                self._merge()
        receipt = merge_receipt(self._journal, self._job, self._client.origin)
        if not self._job.dry_run:
            self._journal.set(receipt=receipt)
        return receipt

    def _identity(self, groups: Sequence[Mapping[str, Any]]) -> str:
        company = self._directory.owner.company_id
        text = "\n".join([f"{company} {self._job.identity()}", *map(row_to_json, groups)])
        return hashlib.sha256(text.encode()).hexdigest()

    def _spent(self, identity: str) -> int:
        """API tokens that earlier tries of this run have spent."""
        usage = self._journal.get("usage") if self._journal.get("merge_identity") == identity else None
        return int(usage["tokens"]) if usage else 0

    def _has_begun(self, identity: str) -> bool:
        """Whether an earlier try has begun to merge: then its plan is carried out.

        :raises PipedriveParameterError: the folder is another run's
        """
        if not self._journal.get("writing_since"):
            return False
        if self._journal.get("merge_identity") != identity:
            raise PipedriveParameterError(
                f"{self._journal.folder} holds the journal of another run: other groups, another job or another "
                "account. Give each run a folder of its own; to continue a run, give it the same groups and job."
            )
        return True

    # ---- the plan

    def _plan(self, wanted: Sequence[tuple[list[Any], Any]], identity: str) -> None:
        company = self._directory.owner.company_id
        usage = self._journal.get("usage") if self._journal.get("merge_identity") == identity else None
        self._journal.clear()
        self._journal.set(merge_identity=identity, company=company, rows=len(wanted), usage=usage)
        records = self._read([one for ids, _ in wanted for one in ids])
        plans: dict[int, GroupPlan] = {}
        with self._journal.transaction():
            for number, (ids, chosen) in enumerate(wanted, 1):
                there = [records[one] for one in ids if one in records]
                plan = plan_group(self._job, self._book, there, chosen, self._watchers)
                if isinstance(plan, str):
                    self._journal.reject(number, plan, None, to_json({"ids": ids, "survivor": chosen}))
                    continue
                plans[number] = plan
                self._keep(number, plan, [one for one in ids if one not in records])
        self._journal.set(diff=self._journal.lines("diff.jsonl", self._looked_at(plans)))
        merges = count_operations(self._journal, "merge", "planned")
        if self._job.max_merges is not None and merges > self._job.max_merges:
            raise PipedriveTokenCapError(
                f"{counted(merges, 'record')} of {self._job.entity} would be merged away, more than max_merges="
                f"{self._job.max_merges} allows. Nothing was merged. Look at {self._journal.get('diff')}, and raise it."
            )

    def _looked_at(self, plans: Mapping[int, GroupPlan]) -> Iterator[dict[str, Any]]:
        """What is shown of each group, of which the plan's fingerprint is taken: so a change of a record that nobody is
        shown, such as the number of its activities, makes no other plan of it."""
        digest = hashlib.sha256()
        for line in described_plans(self._book, plans):
            digest.update(to_json(line).encode())
            if len(self._shown) < SHOWN:
                self._shown.append(line)
            yield line
        self._journal.set(plan=digest.hexdigest())

    def _proposal(self) -> Proposal:
        return Proposal(
            plan=str(self._journal.get("plan")),
            entity=self._job.entity,
            operations=planned(self._journal),
            price=merge_price(self._journal, self._job.entity),
            rejected=self._journal.rejected,
            records=tuple(self._shown),
            diff=self._journal.get("diff"),
        )

    def _wanted(self, groups: Sequence[Mapping[str, Any]]) -> list[tuple[list[Any], Any]]:
        """Ids and survivor of each group.

        :raises PipedriveParameterError: a group is wrong, or of another account, or a record is in two of them
        """
        found, seen = [], dict[Any, int]()
        for number, group in enumerate(groups, 1):
            ids, survivor = self._job.checked_group(number, group)
            for identity in ids:
                if seen.setdefault(identity, number) != number:
                    raise PipedriveParameterError(f"Record {identity} is in the groups {seen[identity]} and {number}.")
            for record in group.get("records") or ():
                own = record_url(self._job.entity, record.get("id"), self._client.origin)
                if own is not None and record.get("link") not in (None, own):
                    raise PipedriveParameterError(
                        f"Group {number} was found in another account ({record['link']}) than {self._client.origin}."
                    )
            found.append((ids, survivor))
        return found

    def _read(self, ids: Sequence[int]) -> dict[int, Mapping[str, Any]]:
        parameters: dict[str, Any] = {}
        if counts := _COUNTED.get(self._job.entity):
            parameters["include_fields"] = list(counts)
        return {record["id"]: record for record in by_ids(self._client, self._target, ids, parameters)}

    def _watchers(self, identity: Any) -> frozenset[int]:
        return frozenset(self._client.run(_PERMITTED[self._job.entity], {"id": identity}))

    def _keep(self, number: int, plan: GroupPlan, gone: Sequence[Any]) -> None:
        survivor = plan.survivor["id"]
        if plan.written:
            self._add(number, "update", survivor, plan.written, {"id": survivor})
        for record in plan.losers:
            self._add(number, "merge", record["id"], {"merge_with_id": survivor}, record)
        for identity in gone:
            self._add(number, "merge", identity, {"merge_with_id": survivor}, {}, state="vanished")

    def _add(self, group: int, action: str, identity: Any, fields: Any, before: Any, state: str = "planned") -> None:
        self._journal.run(
            "INSERT INTO operations (row, phase, action, entity, id, fields, before, state) "
            "VALUES (?, 1, ?, ?, ?, ?, ?, ?)",
            [group, action, self._job.entity, to_json(identity), to_json(fields), to_json(before), state],
        )

    # ---- merging

    def _merge(self) -> None:
        if not self._journal.get("writing_since"):
            records, groups = count_operations(self._journal, "merge", "planned"), self._groups_left
            log.warning(
                _WARNING,
                *(self._job.entity, counted(records, "record"), counted(groups, "group"), self._journal.get("diff")),
            )
            self._journal.set(writing_since=time.time())
            self._journal.store_plan()
        self._settle()
        for number, group, action, identity, fields in self._open():
            if self._journal.one("SELECT 1 FROM rejects WHERE row = ?", [group]):
                self._note(number, "rejected")
            else:
                self._send(number, group, action, json.loads(identity), json.loads(fields))

    @property
    def _groups_left(self) -> int:
        return int(self._journal.one("SELECT count(DISTINCT row) FROM operations WHERE state = 'planned'"))

    def _open(self) -> list[tuple[int, int, str, str, str]]:
        return self._journal.run(
            "SELECT operation, row, action, id, fields FROM operations WHERE state = 'planned' ORDER BY operation"
        ).fetchall()

    def _settle(self) -> None:
        """Merges that were sent and not answered: a record that is gone was merged, one that is there was not."""
        sent = self._journal.run("SELECT operation, id FROM operations WHERE state = 'sent'").fetchall()
        for number, identity in sent:
            self._note(number, "planned" if self._lives(json.loads(identity)) else "done")

    def _send(self, number: int, group: int, action: str, identity: Any, fields: Mapping[str, Any]) -> None:
        self._note(number, "sent" if action == "merge" else "planned")
        self._journal.checkpoint(force=True)
        try:
            if action == "merge":
                self._client.run(MERGES[self._job.entity], {"id": identity, **fields})
            else:
                self._client.run(*request_of(self._target, self._book, "update", identity, fields, {}))
        except (PipedriveNotFoundError, PipedriveValidationError) as error:
            self._refused(number, group, action, identity, fields, error.reason or str(error))
        else:
            self._note(number, "done")

    def _refused(
        self, number: int, group: int, action: str, identity: Any, fields: Mapping[str, Any], reason: str
    ) -> None:
        """A record has vanished meanwhile, or Pipedrive does not want it: the rest of the run goes on."""
        survivor = fields["merge_with_id"] if action == "merge" else identity
        if action == "merge" and not self._lives(identity):
            self._note(number, "vanished")
            return
        if not self._lives(survivor):
            reason = f"the record that was to stay, {survivor}, was removed meanwhile"
        self._note(number, "rejected")
        self._journal.reject(group, reason, None, to_json({"id": identity, **fields}))
        log.warning("%s: group %d is set aside: %s.", self._job.entity, group, reason)

    def _lives(self, identity: Any) -> bool:
        return bool(list(by_ids(self._client, self._target, [identity], {})))

    def _note(self, number: int, state: str) -> None:
        self._journal.run("UPDATE operations SET state = ? WHERE operation = ?", [state, number])
