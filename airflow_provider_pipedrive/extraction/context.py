"""What a run works with, made before it reads: nothing of it changes afterwards."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_pipedrive.catalog import Entity
from airflow_provider_pipedrive.client.owner import owner_of
from airflow_provider_pipedrive.client.responses import read_json as parsed
from airflow_provider_pipedrive.extraction.definition import ExtractionJob
from airflow_provider_pipedrive.extraction.output.run_folder import RunFolder
from airflow_provider_pipedrive.extraction.output.staging import EntityStaging
from airflow_provider_pipedrive.extraction.progress import Progress
from airflow_provider_pipedrive.extraction.reading.outcome import ReadOutcome
from airflow_provider_pipedrive.extraction.reading.request_pool import ReadStats, RequestPool
from airflow_provider_pipedrive.extraction.reading.sweep import LandedIds
from airflow_provider_pipedrive.extraction.reading.update_window import UpdateWindow
from airflow_provider_pipedrive.extraction.rows.privacy import key_fingerprint
from airflow_provider_pipedrive.extraction.storage.disk import STATE
from airflow_provider_pipedrive.extraction.storage.files import read_json
from airflow_provider_pipedrive.extraction.watermarks import Watermarks, WindowClaim

if TYPE_CHECKING:
    from airflow_provider_pipedrive.client import PipedriveClient


@dataclass(frozen=True)
class ExtractionContext:
    """What a run works with.

    :ivar path: the job's folder
    :ivar run: the run's name
    :ivar writer: who runs it night after night
    :ivar folder: what is kept there of the run while it lasts
    :ivar account: whose records are read: ``company_id`` and ``user_id``
    :ivar began: when the run began, in seconds since the epoch
    :ivar spent: the requests and tokens that the client had needed before
    """

    client: PipedriveClient
    path: Any
    job: ExtractionJob
    run: str
    writer: str | None
    folder: RunFolder
    pool: RequestPool
    progress: Progress
    account: Mapping[str, Any]
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    began: float
    spent: tuple[int, int]
    _watermarks: dict[str, Watermarks] = field(default_factory=dict)

    @property
    def now(self) -> datetime:
        """Pipedrive's clock."""
        return self.pool.latest or datetime.fromtimestamp(self.clock(), UTC)

    @property
    def moment(self) -> datetime:
        """The same, in fractions of a second: to tell which of two runs has read later."""
        return self.pool.server_clock.now or self.now

    @property
    def partition(self) -> str:
        """The folder below each entity's. What changed lands next to what the runs before have landed, never in its
        place: their rows come no more."""
        return self.job.partition or (f"run={_safe(self.run)}" if self.job.mode == "changes" else "")

    def parameters(self, entity: str) -> Mapping[str, Any]:
        """What narrows an entity's list down."""
        return self.job.parameters.get(entity, {})

    def choice(self, entity: str) -> str:
        """Tells one choice of parameters from another."""
        return hashlib.sha256(repr(sorted(self.parameters(entity).items())).encode()).hexdigest()[:8]

    @property
    def whose(self) -> dict[str, Any]:
        """Whose records are read, and with which key they are hashed: other rows do not continue them."""
        key = key_fingerprint(self.client.settings.hash_key) if self.job.hash else ""
        return {**self.account, **({"hash_key": key} if key else {})}

    def watermarks(self, entity: str) -> Watermarks:
        """Where an entity's watermark is: another choice of its records has another one, and so has another key."""
        given = self.job.parameters.get(entity)
        chosen = {"parameters": json.dumps(given, sort_keys=True, default=str)} if given else {}
        scope = {**self.whose, "columns": self.job.columns, **chosen}
        return self._watermarks.setdefault(entity, Watermarks(self.path, scope))

    # ---- files next to the data

    def kept(self, *names: str) -> Any:
        """The file of that name among what is kept from run to run."""
        path = self.path / STATE
        for name in names:
            path = path / name
        return path

    @property
    def receipt(self) -> Any:
        """The run's receipt."""
        return self.kept("receipts", f"{_safe(self.run)}.json")

    @cached_property
    def receipt_before(self) -> dict[str, Any] | None:
        """What the run has landed already, if it is repeated."""
        return read_json(self.receipt)

    @property
    def stages(self) -> Any:
        """The stages in which deals were seen last."""
        return self.kept("stages.json")

    def last_snapshot(self, entity: str) -> Any:
        """What is known of the last snapshot of the same choice."""
        return self.kept("snapshots", f"{entity}-{self.choice(entity)}.json")


@dataclass
class EntityRun:
    """One entity in a run.

    :ivar window: None where it is read whole
    :ivar claim: the window that belongs to this run, where it goes by the watermark
    :ivar outcome: what reading it came to, when it is read
    :ivar known: the ids that were landed once, where deleted ones are looked for
    :ivar read_at: when all of it was read, by Pipedrive's clock
    """

    entity: Entity
    staging: EntityStaging
    window: UpdateWindow | None
    claim: WindowClaim | None
    stats: ReadStats = field(default_factory=ReadStats)
    outcome: ReadOutcome = field(default_factory=lambda: ReadOutcome("", {}))
    known: LandedIds | None = None
    read_at: datetime | None = None

    @property
    def name(self) -> str:
        """The entity's name."""
        return self.entity.name


def who_reads(client: PipedriveClient) -> tuple[dict[str, Any], Mapping[str, str]]:
    """Whose account it is, by the ids of company and user, and the headers of the response.

    :raises PipedriveResponseError: no user came
    """
    me, headers = client.page("getCurrentUser", {}, _user)
    owner = owner_of(me)
    return {"company_id": owner.company_id, "user_id": owner.user_id}, headers


def _user(body: bytes) -> dict[str, Any]:
    found = parsed(body)["data"]
    if not isinstance(found, dict):
        raise ValueError("no user came")
    return found


def iso(moment: datetime) -> str:
    """A time as receipts and watermarks have it."""
    return moment.astimezone(UTC).isoformat()


def _safe(name: str) -> str:
    return re.sub(r"[^\w.=-]+", "_", name)[:150]
