"""What is to be written, and within which bounds: checked when a DAG is parsed, so nothing heavy is imported here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import tzinfo
from typing import Any, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from airflow_provider_pipedrive.bulk.targets import MODES, Mode, Target, target_of
from airflow_provider_pipedrive.client.switches import check_switches
from airflow_provider_pipedrive.client.whole_numbers import check_count
from airflow_provider_pipedrive.errors import PipedriveParameterError

_CHOICES: Mapping[str, tuple[str, ...]] = {
    "mode": MODES,
    "on_ambiguous": ("reject", "newest", "oldest", "all"),
    "missing_options": ("fail", "create", "null"),
    "empty": ("ignore", "clear"),
    "diff": ("live", "state"),
}
_COUNTS = ("max_tokens", "max_writes", "max_deletes")
_BOUNDS = ("max_rejects", *_COUNTS, "dry_run", "concurrency")
"""What may differ between two tries of one run."""


@dataclass(frozen=True)
class BulkJob:
    """What rows are to do in Pipedrive.

    :ivar entity: ``deals``, ``persons``, ``organizations``, ``products``, ``leads``, ``activities``, ``notes``, or a
        link of a deal: ``deal_products``, ``deal_participants``, ``deal_followers``
    :ivar mode: ``create``, ``update``, ``upsert`` (update what is there, create the rest), ``delete``, or ``mirror``
        (upsert, and remove what is no longer in the rows, within ``within``)
    :ivar match_on: what tells which record a row is: ``id``, a field's name or key, or ``email``, ``phone``,
        ``domain``, ``name``, ``code``; a list for several together. Persons are matched on ``email`` by default
    :ivar mapping: the rows' columns to fields, by name or key; without it, the columns' own names are taken
    :ivar max_rejects: rows that may be rejected: a number, or a share such as 0.01
    :ivar on_ambiguous: what becomes of a row that several records match: ``reject``, or write the ``newest``, the
        ``oldest`` or ``all`` of them
    :ivar missing_options: what becomes of a label that no option has: ``fail`` before anything is written, ``create``
        the option, or write ``null``
    :ivar create_related: make persons and organizations that rows name and that are missing
    :ivar only_if_empty: columns that never overwrite what a record has already
    :ivar empty: what an empty text means: ``ignore`` leaves the field alone, ``clear`` empties it; ``None`` and NaN
        always empty it
    :ivar diff: ``live`` compares with what Pipedrive has; ``state`` with what the last run in the folder has written
    :ivar dry_run: decide everything, write nothing
    :ivar max_tokens: API tokens that the whole run may spend, all its tries together
    :ivar max_writes: records that may be created, changed or removed
    :ivar max_deletes: records that may be removed; ``delete`` and ``mirror`` need it
    :ivar within: of ``mirror``, the records that rows speak for: ``{"filter_id": 7}`` or ``{"Pipeline": "Sales"}``
    :ivar on_remove: ``delete``, ``archive`` (deals and leads), or what to write instead: ``{"Status": "Discontinued"}``
    :ivar timezone: the zone of times without one, such as ``Europe/Berlin``; without it they are rejected
    :ivar concurrency: requests at once, 1 to 64
    :raises PipedriveParameterError: what cannot be, and what to do
    """

    entity: str
    mode: Mode = "upsert"
    match_on: str | Sequence[str] | None = None
    mapping: Mapping[str, str] | None = None
    max_rejects: int | float = 0
    on_ambiguous: Literal["reject", "newest", "oldest", "all"] = "reject"
    missing_options: Literal["fail", "create", "null"] = "fail"
    create_related: bool = False
    only_if_empty: Sequence[str] = ()
    empty: Literal["ignore", "clear"] = "ignore"
    diff: Literal["live", "state"] = "live"
    dry_run: bool = False
    max_tokens: int | None = None
    max_writes: int | None = None
    max_deletes: int | None = None
    within: Mapping[str, Any] | None = None
    on_remove: str | Mapping[str, Any] = "delete"
    timezone: str | None = None
    concurrency: int = field(default=32)

    @property
    def target(self) -> Target:
        """What the rows are written to."""
        return target_of(self.entity)

    @property
    def matched_on(self) -> tuple[str, ...]:
        """What rows are matched on; empty where they are not."""
        if self.match_on is None:
            target = self.target
            return () if self.mode == "create" else target.natural_key or target.default_match
        return (self.match_on,) if isinstance(self.match_on, str) else tuple(self.match_on)

    @property
    def zone(self) -> tzinfo | None:
        """The zone of times that say none."""
        return ZoneInfo(self.timezone) if self.timezone else None

    def allowed_rejects(self, rows: int) -> int:
        """How many of so many rows may be rejected."""
        return int(self.max_rejects * rows) if isinstance(self.max_rejects, float) else self.max_rejects

    def identity(self) -> str:
        """What two tries of one run must agree on, as text."""
        given = {name: value for name, value in asdict(self).items() if name not in _BOUNDS}
        return json.dumps(given, sort_keys=True, default=str)

    def __post_init__(self) -> None:
        target = self.target
        for name, known in _CHOICES.items():
            if getattr(self, name) not in known:
                raise PipedriveParameterError(f"{name} must be one of {', '.join(known)}, not {getattr(self, name)!r}.")
        self._check_types()
        self._check_match(target)
        self._check_removal(target)
        if self.mode == "update" and target.update is None:
            raise PipedriveParameterError(f"{self.entity} cannot be updated, only created and deleted.")

    def _check_types(self) -> None:
        check_switches(self, "create_related", "dry_run")
        if self.mapping is not None and not (
            isinstance(self.mapping, Mapping)
            and self.mapping
            and all(isinstance(text, str) and text for pair in self.mapping.items() for text in pair)
        ):
            raise PipedriveParameterError(
                f'mapping must be a dict of column to field, such as {{"mail": "email"}}, not {self.mapping!r}.'
            )
        for name in _COUNTS:
            value = getattr(self, name)
            if value is not None:
                check_count(name, value, least=0)
        share = isinstance(self.max_rejects, float) and 0 <= self.max_rejects <= 1
        if not share and (type(self.max_rejects) is not int or self.max_rejects < 0):
            raise PipedriveParameterError(
                f"max_rejects must be a number of rows, or a share from 0.0 to 1.0, not {self.max_rejects!r}."
            )
        if isinstance(self.only_if_empty, str):
            raise PipedriveParameterError(f"only_if_empty must be a list of columns, not {self.only_if_empty!r}.")
        if type(self.concurrency) is not int or not 1 <= self.concurrency <= 64:
            raise PipedriveParameterError(f"concurrency must be 1 to 64, not {self.concurrency!r}.")
        try:
            _ = self.zone
        except (ZoneInfoNotFoundError, ValueError, TypeError):
            raise PipedriveParameterError(
                f"timezone must be a name such as Europe/Berlin, not {self.timezone!r}."
            ) from None

    def _check_match(self, target: Target) -> None:
        if self.match_on is not None and not (
            isinstance(self.match_on, str | Sequence)
            and self.matched_on
            and all(isinstance(name, str) and name for name in self.matched_on)
        ):
            raise PipedriveParameterError(
                f"match_on must be a field's name, or a list of names, not {self.match_on!r}."
            )
        if target.is_link and self.match_on is not None and set(self.matched_on) != set(target.natural_key):
            raise PipedriveParameterError(
                f"{self.entity} are told apart by {' and '.join(target.natural_key)}: leave out match_on."
            )
        if self.mode != "create" and not self.matched_on:
            also = ", ".join(map(repr, target.aliases))
            raise PipedriveParameterError(
                f"{self.entity}: set match_on, so that each row finds its record: 'id', or the name of a field"
                f"{f', or {also}' if also else ''}."
            )

    def _check_removal(self, target: Target) -> None:
        removes = self.mode in ("delete", "mirror")
        if removes and self.max_deletes is None:
            raise PipedriveParameterError(
                f'mode="{self.mode}" removes records: set max_deletes to the most that it may remove.'
            )
        if self.mode == "mirror" and not self.within:
            raise PipedriveParameterError(
                'mode="mirror" removes records that are not in the rows: set within to the records that the rows '
                'cover, such as {"filter_id": 7} or {"Pipeline": "Sales"}.'
            )
        if self.within is not None and (self.mode != "mirror" or not isinstance(self.within, Mapping)):
            raise PipedriveParameterError('within must be a dict, and belongs to mode="mirror" only.')
        if self.on_remove == "archive" and not target.archives:
            raise PipedriveParameterError(f"{self.entity} cannot be archived, only deals and leads can.")
        instead = isinstance(self.on_remove, Mapping) and self.on_remove
        if not instead and self.on_remove not in ("delete", "archive"):
            raise PipedriveParameterError(
                f'on_remove must be "delete", "archive" or a dict of what to write, not {self.on_remove!r}.'
            )
