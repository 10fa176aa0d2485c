"""What is to be extracted: checked when a DAG is parsed, so nothing heavy is imported here."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from importlib.util import find_spec
from typing import Any, Literal, cast

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.catalog.advice import nearest
from airflow_provider_pipedrive.client.parameters import check
from airflow_provider_pipedrive.client.switches import check_switches
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.entities import HISTORIES, OBSERVED, entity_of
from airflow_provider_pipedrive.extraction.rows.privacy import PrivacyRules

Format = Literal["jsonl", "jsonl.gz", "csv", "parquet"]
FORMATS: tuple[Format, ...] = ("jsonl", "jsonl.gz", "csv", "parquet")
TYPED_ROWS = "arrows"
"""Not for users: typed rows as they wait to be published as Parquet. A warehouse loads them without that."""
LOOKBACK = 60.0
"""Seconds that a window reaches back: nothing promises that a write is visible at once."""
KEEP_PREVIOUS = 3600.0
"""Seconds that the files of the publication before are kept, for who is still reading them."""
MB = 1024 * 1024
PART_MB = 128
"""Size from which a file gets no further parts when it is published: large enough for engines to read it at speed."""
Mode = Literal["snapshot", "changes"]
MODES = ("snapshot", "changes")
_MEASURED = {"lookback": "seconds", "keep_previous": "seconds", "part_mb": "MB"}
CONCURRENCY = 32
"""Requests at once, unless told otherwise; the rate limit paces them all the same."""


@dataclass(frozen=True)
class ExtractionJob:
    """What is to be extracted, and how it lands.

    :ivar entities: names from docs/entities.md
    :ivar mode: ``snapshot``: every entity whole; ``changes``: what was last updated in a window
    :ivar since: begin of the window; without one, from the job's own watermark on, or the window that the run had
        before
    :ivar until: end of the window, not included; without one, now. Only with ``since``
    :ivar format: ``jsonl``, ``jsonl.gz``, ``csv`` or ``parquet``
    :ivar escape_formulas: in ``csv``, put an apostrophe in front of texts (and column names) that a spreadsheet would
        take for a formula; they do not read back as they were
    :ivar columns: ``readable``: custom fields as columns under their names, options as labels; ``raw``: records as
        Pipedrive sends them
    :ivar rename: let a column follow a field that was renamed in Pipedrive
    :ivar partition: folder below each entity's, such as ``dt=2026-01-31``; a run replaces what it finds there. Without
        one, a snapshot replaces the snapshot before, and what changed lands in a folder of the run's own
    :ivar parameters: by entity, what narrows its list down, such as ``{"deals": {"filter_id": 7}}``
    :ivar versions: ``latest``: of a record that was edited while a snapshot was read, its last state; ``all``: each
        state that was seen
    :ivar deletes: tell of deleted records as far as that costs nothing: those of which the lists tell, and after a
        snapshot those that were landed before and are not in it (1 API token each, to look them up)
    :ivar sweep: in mode ``changes``, look for deleted records among all that were landed: a page of ids for every 500
    :ivar allow_shrink: publish a snapshot although it has over 10 % fewer rows than the one before, or was read as
        another user
    :ivar lookback: seconds that a window reaches back
    :ivar concurrency: requests at once, 1 to 64
    :ivar max_tokens: API tokens that a run may spend; it ends before it would spend more, and can go on later
    :ivar keep_previous: seconds that files stay which a new manifest no longer names, for who is still reading them
    :ivar latest: after a snapshot is published, put its rows into one more file of an unchanging name,
        ``latest/<entity>.<format>``, which is replaced whole
    :ivar part_mb: a file that has so many MB gets no further rows; files may be smaller, see docs/extraction.md
    :ivar exclude: what is left out of every record before it is written: types (``email``, ``phone``, ``address``,
        ``notes``), and fields by name, of one entity alone as ``persons.name``
    :ivar hash: the same, with a keyed hash in its place: equal values stay equal. The connection's ``hash_key`` is the
        key
    :raises PipedriveParameterError: what cannot be, and what to do
    """

    entities: Sequence[str]
    mode: Mode = "snapshot"
    since: datetime | None = None
    until: datetime | None = None
    format: str = "jsonl"
    escape_formulas: bool = False
    columns: Literal["readable", "raw"] = "readable"
    rename: bool = False
    partition: str = ""
    parameters: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    versions: Literal["latest", "all"] = "latest"
    deletes: bool = True
    sweep: bool = False
    allow_shrink: bool = False
    lookback: float = LOOKBACK
    concurrency: int = CONCURRENCY
    max_tokens: int | None = None
    keep_previous: float = KEEP_PREVIOUS
    part_mb: float = PART_MB
    latest: bool = False
    exclude: Sequence[str] = ()
    hash: Sequence[str] = ()

    def __post_init__(self) -> None:
        is_list = isinstance(self.entities, Sequence | Set) and not isinstance(self.entities, str)
        if not is_list or not self.entities or not all(isinstance(name, str) for name in self.entities):
            raise PipedriveParameterError('entities must be a list of names, such as ["deals", "persons"].')
        for name in self.entities:
            entity_of(name)
        check_switches(self, "escape_formulas", "rename", "deletes", "sweep", "allow_shrink", "latest")
        self._check_types()
        if OBSERVED in self.entities and "deals" not in self.entities:
            raise PipedriveParameterError(f"{OBSERVED} is seen in the deals: put deals among the entities too.")
        if doubled := sorted({name for name in self.entities if list(self.entities).count(name) > 1}):
            raise PipedriveParameterError(f"entities names {', '.join(doubled)} twice.")
        self._check_choices()
        self._rules().check()
        self._check_window()
        self._check_numbers()
        self._check_partition()
        for name, given in self.parameters.items():
            _check_parameters(name, given)

    def privacy(self, hash_key: str | None) -> PrivacyRules:
        """What must not leave the worker.

        :param hash_key: the connection's
        :raises PipedriveParameterError: something is to be hashed, and there is no key
        """
        if self.hash and not hash_key:
            raise PipedriveParameterError(
                "hash needs a key: without one, anybody can try all phone numbers. Put hash_key into the connection's "
                "extra, 16 characters or more that nobody guesses; with another key, all hashes are others."
            )
        return replace(self._rules(), key=(hash_key or "").encode())

    def _rules(self) -> PrivacyRules:
        for name in ("exclude", "hash"):
            if isinstance(getattr(self, name), str):
                raise PipedriveParameterError(f'{name} must be a list of field names and types, such as ["phone"].')
        return PrivacyRules(tuple(self.exclude), tuple(self.hash))

    def _check_choices(self) -> None:
        if self.escape_formulas and self.format != "csv":
            raise PipedriveParameterError(
                f'escape_formulas is for files that people open in a spreadsheet, format="csv": leave it out for '
                f"{self.format!r}."
            )
        if self.format != TYPED_ROWS:
            check_format(self.format)
        _one_of("mode", self.mode, MODES)
        _one_of("columns", self.columns, ("readable", "raw"))
        _one_of("versions", self.versions, ("latest", "all"))
        if self.columns == "raw" and not self.format.startswith("jsonl"):
            raise PipedriveParameterError('columns="raw" lands records as they come, which only jsonl can hold.')

    def _check_window(self) -> None:
        if self.mode == "snapshot" and (self.since or self.until):
            raise PipedriveParameterError('A snapshot has no window: leave out since and until, or set mode="changes".')
        if self.mode == "changes" and self.latest:
            raise PipedriveParameterError(
                "latest is for snapshots: files of changes have no latest state. Leave it out, or use the view in "
                "docs/extraction.md."
            )
        if self.mode == "snapshot" and self.sweep:
            raise PipedriveParameterError("A snapshot finds deleted records by itself: leave out sweep.")
        if self.until and not self.since:
            raise PipedriveParameterError(
                "until needs since: without one, a run reads from its watermark on up to now."
            )
        if self.since and self.until and self.until <= self.since:
            raise PipedriveParameterError(f"until ({self.until}) must be later than since ({self.since}).")

    def _check_numbers(self) -> None:
        for name, unit in _MEASURED.items():
            if not 0 <= getattr(self, name) < math.inf:
                raise PipedriveParameterError(
                    f"{name} must be a number of {unit} from 0 on, not {getattr(self, name)}."
                )
        if not 1 <= self.concurrency <= 64:
            raise PipedriveParameterError(f"concurrency must be 1 to 64, not {self.concurrency}.")
        if self.max_tokens is not None and self.max_tokens < 1:
            raise PipedriveParameterError(f"max_tokens must be 1 or more, not {self.max_tokens}.")

    def _check_partition(self) -> None:
        if self.partition.startswith("/") or ".." in self.partition.split("/"):
            raise PipedriveParameterError(f"partition must stay below the entity's folder: {self.partition!r}.")
        if any(step.endswith(("?", "#")) for step in self.partition.split("/")):
            raise PipedriveParameterError(
                f"partition: {self.partition!r} has a step that ends with ? or #, which an address loses."
            )

    def _check_types(self) -> None:
        if not isinstance(self.parameters, Mapping) or not all(
            isinstance(v, Mapping) for v in self.parameters.values()
        ):
            raise PipedriveParameterError('parameters must be a dict of dicts, such as {"deals": {"filter_id": 7}}.')
        for name in self.parameters:
            entity_of(name)
            if name not in self.entities:
                raise PipedriveParameterError(f"parameters are given for {name}, which is not among the entities.")
        for name in ("concurrency", "max_tokens"):
            value = getattr(self, name)
            if type(value) is not int and not (name == "max_tokens" and value is None):
                raise PipedriveParameterError(f"{name} must be a whole number, not {value!r}.")
        for name, unit in _MEASURED.items():
            value = getattr(self, name)
            if type(value) not in (int, float):
                raise PipedriveParameterError(f"{name} must be a number of {unit}, not {value!r}.")
        if not isinstance(self.partition, str):
            raise PipedriveParameterError(f"partition must be text, such as dt=2026-01-31, not {self.partition!r}.")

    @property
    def key(self) -> str:
        """What tells it from other jobs of the folder: a run never continues where another choice of these ended."""
        chosen = {
            name: getattr(self, name)
            for name in (
                "mode",
                "format",
                "escape_formulas",
                "columns",
                "exclude",
                "hash",
                "rename",
                "partition",
                "parameters",
                "versions",
                "deletes",
                "lookback",
            )
        }
        window = [str(self.since), str(self.until)]
        text = json.dumps([sorted(self.entities), chosen, window], sort_keys=True, default=str)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


_OWN = {"sort_by", "sort_direction", "sort", "limit", "cursor", "start", "updated_since", "updated_until"}
"""Parameters that an extraction sets."""


def _check_parameters(name: str, given: Mapping[str, Any]) -> None:
    """Whether an entity's list takes these parameters."""
    if taken := sorted(_OWN & given.keys()):
        raise PipedriveParameterError(f"parameters of {name}: {', '.join(taken)} is set by the extraction itself.")
    entity = ENTITIES["deals"] if name in HISTORIES else entity_of(name)
    own = {entity.parent_parameter: [1]} if entity.parent_parameter else {}
    try:
        check(entity.listing, {**own, **entity.parameters, **given})
    except PipedriveParameterError as error:
        # By the entity's name: the user has never written that of its list action.
        what = str(error).removeprefix(f"{entity.listing.key}: ")
        raise PipedriveParameterError(f"parameters of {name}: {what}") from None


def _one_of(name: str, value: Any, known: Sequence[str]) -> None:
    if value not in known:
        raise PipedriveParameterError(f"{name} must be one of {', '.join(known)}, not {value!r}.")


def check_format(name: Any) -> Format:
    """The format of that name, if it can be written here.

    :raises PipedriveParameterError: there is no such format, or what writes it is not installed
    """
    if name not in FORMATS:
        near = nearest(name, FORMATS)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise PipedriveParameterError(f"format must be one of {', '.join(FORMATS)}, not {name!r}{hint}.")
    if name == "parquet" and find_spec("pyarrow") is None:
        raise PipedriveParameterError(
            "The format parquet needs pyarrow on the workers: pip install 'airflow-provider-pipedrive[parquet]'."
        )
    return cast(Format, name)
