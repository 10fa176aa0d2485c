"""Where parts land, and the manifest that says which of them count.

Below the job's folder::

    <entity>/[<partition>/]part-1a2b3c4d5e6f7a8b-00000.jsonl    rows; the digits are the run's and the try's
    <entity>/[<partition>/]_manifest.json       the pointer: rows, bytes and SHA-256 of every part that counts
    _pipedrive/unfinished/<job>/                a run that has not ended: what it reads, and what each part covers

A part is written to where it stays, under a name that nobody else gives. It counts when the manifest names it, and the
manifest is replaced at the very end, by one run at a time: nothing is renamed, and in object storage nothing copied.
Only on a disk, where a write is not whole before its end, a part has a hidden name until then.

Every finished part has a small JSON file in ``unfinished``, written after it. A part without one is not finished and is
thrown away, so a killed run continues from its last finished part. Nothing is ever appended to: object stores can't.

What a new manifest no longer names is kept for who is still reading it, and removed by a later publication; what no
manifest names and is older than a day is swept.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
import socket
import time
from array import array
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import msgspec

from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.extraction.definition import KEEP_PREVIOUS, LOOKBACK
from airflow_provider_pipedrive.extraction.output.formats import (
    FileColumn,
    Part,
    PartWriter,
    open_part,
    read_rows,
    without_rows,
)
from airflow_provider_pipedrive.extraction.reading.pages import Identity, Key, Mended
from airflow_provider_pipedrive.extraction.storage.files import (
    STATE,
    below,
    files,
    joined,
    make_folder,
    on_each,
    read,
    read_json,
    remove,
    remove_all,
    remove_folder,
    write,
    write_json,
)
from airflow_provider_pipedrive.extraction.storage.versioned import (
    Conflict,
    Version,
    read_versioned,
    replace_versioned,
)

log = logging.getLogger(__name__)
MANIFEST = "_manifest.json"
PART_ROWS = 5_000
"""Rows of a part. What a killed run loses is less than one part for each place that it read from."""
LEASE = 900.0
"""Seconds after which a run that shows no sign of life no longer holds its unfinished parts."""
OWN_LEASE = 150.0
"""The same for a run of the same owner: it shows itself every minute."""
MOST_EDGE = 2_000
"""Records of a part's last seconds that are kept; with more, as after a bulk import, those come twice."""
DAY = 86_400.0
"""Seconds after which what no manifest names is swept, broken-off publications among it."""
UNFINISHED = 7 * DAY
"""The same for what was read and not published yet: tokens were paid for it, and another day's run continues there."""
_OURS = re.compile(r"\.?(?:part|tombstones)-([0-9a-f]{12})[0-9a-f]{4}-\d{5,}\.|\._manifest\.json\.\d+-\d+\.tmp$")
"""The names that are given here."""


class Encoder(Protocol):
    """Puts records into a part."""

    @property
    def columns(self) -> Sequence[FileColumn] | None:
        """The columns of its rows; None for records as they come."""

    def write(self, part: PartWriter, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append them."""


class RawEncoder:
    """Records as Pipedrive sends them."""

    columns: Sequence[FileColumn] | None = None

    def write(self, part: PartWriter, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append them."""
        for row, record in enumerate(records):
            if isinstance(record, Mended):
                for place, count in record.losses.items():
                    part.count_nulled_values(".".join(place), row, count)
        part.write_raw(records)


@dataclass(frozen=True)
class Tombstone:
    """A column of the file of tombstones."""

    name: str
    type: str
    items: str | None = None


@dataclass
class FinishedPart:
    """A finished part that is not published yet.

    :ivar order: where it stands among the parts, for an order that does not depend on who was faster
    :ivar resume_info: what the reader of the part wants to know of it when it goes on
    :ivar ids: the identity of every row, in the file's order
    :ivar newest: the greatest time of last update in it
    :ivar edge: the records of its last two minutes of updates, which a window that reaches back brings again
    """

    name: str
    stream: str
    order: list[Any]
    part: Part
    resume_info: dict[str, Any]
    ids: Sequence[Identity] = ()
    newest: datetime | None = None
    edge: Mapping[Identity, datetime] = field(default_factory=dict)


@dataclass
class _Open:
    writer: PartWriter
    name: str
    order: list[Any]
    ids: list[Identity] | array[int] = field(default_factory=lambda: array("q"))
    rows: int = 0
    newest: datetime | None = None
    edge: dict[Identity, datetime] = field(default_factory=dict)

    def note(self, keys: Sequence[Key], edge: timedelta) -> None:
        times = [key.update_time for key in keys if key.update_time is not None]
        if times:
            self.newest = max(times) if self.newest is None else max(self.newest, *times)
            first = self.newest - edge
            if max(times) >= first:
                self.edge.update(
                    {key.id: key.update_time for key in keys if key.update_time and key.update_time >= first}
                )
            if len(self.edge) > MOST_EDGE:
                kept = {identity: moment for identity, moment in self.edge.items() if moment >= first}
                self.edge = kept if len(kept) <= MOST_EDGE else {}
        ids = [key.id for key in keys]
        numbers = [identity for identity in ids if isinstance(identity, int)]
        if isinstance(self.ids, array) and len(numbers) == len(ids):
            self.ids.extend(numbers)
        else:  # ids that are texts, such as leads'
            self.ids = [*self.ids, *ids]
        self.rows += len(keys)


class EntityStaging:
    """The unfinished and published parts of one entity.

    :param folder: of what is kept of it while it is unfinished
    :param target: the folder of its parts
    :param partition: its name below the entity's folder
    :param owner: who runs it
    :param keep_previous: seconds that files are kept which a manifest no longer names
    :param names: what is in ``folder``, where that is known
    :param spared: the tags of runs that have not ended: their parts are not swept
    """

    def __init__(
        self,
        entity: str,
        folder: Any,
        target: Any,
        format: str,  # noqa: A002
        encoder: Encoder,
        partition: str = "",
        *,
        escape_formulas: bool = False,
        owner: str = "",
        keep_previous: float = KEEP_PREVIOUS,
        names: set[str] | None = None,
        spared: Callable[[], Container[str]] = frozenset,
    ) -> None:
        self.entity = entity
        self.folder = folder
        self.target = target
        self.format = format
        self.encoder = encoder
        self._partition = partition
        self._escape_formulas = escape_formulas
        self._owner = owner
        self._keep_previous = keep_previous
        self._names = {found.name for found in files(folder)} if names is None else names
        self._spared = spared
        self._tag = _short(owner) + secrets.token_hex(2)
        self._try = secrets.token_hex(2)
        self.finished: list[FinishedPart] = []
        self.edge = timedelta(seconds=2 * LOOKBACK)
        self._open: dict[str, _Open] = {}
        self._count = 0
        self._base: tuple[Version, str] | None = None
        self._publication = read_json(self.folder / "publish.json") if "publish.json" in self._names else None

    # ---- what is known of it

    def load(self) -> dict[str, Any] | None:
        """The reader's plan of a run that did not end, its finished parts in :attr:`finished`; None for a new one."""
        plan = read_json(self.folder / "plan.json") if "plan.json" in self._names else None
        # The numbers tell the order, whichever try gave them.
        finished = sorted((n.removesuffix(".json") for n in self._names if n.startswith("part-")), key=_number_of)
        if plan is None:
            remove_all([self.target / name for name in finished])
            remove_all([self.folder / name for name in self._names])
            self._names = set()
            return None
        self._tag = plan.pop("staging")["tag"]
        present = {found.name for found in files(self.target)}
        # One that is missing was replaced by a publication that was broken off, which continues without it.
        known = [name for name in finished if name in present or self.publishing]
        self.finished = on_each(self._restored, [self.folder / f"{name}.json" for name in known])
        self._count = 1 + max((_number_of(name) for name in known), default=-1)
        if not self.publishing:
            unknown = [name for name in present - set(known) if _tag_of(name) == self._tag]
            remove_all([self.target / name for name in unknown])
        if self.finished:
            log.info("%s: continuing after %s that an earlier try has read.", self.entity, counted(self.rows, "row"))
        return plan

    def save(self, plan: Mapping[str, Any]) -> None:
        """Keep the reader's plan."""
        write_json(self.folder / "plan.json", {**plan, "staging": {"tag": self._tag, "partition": self._partition}})
        self._names.add("plan.json")

    @property
    def rows(self) -> int:
        """Rows in all finished parts."""
        return sum(part.part.rows for part in self.finished)

    @property
    def newest(self) -> datetime | None:
        """The greatest time of last update in all finished parts."""
        return max((part.newest for part in self.finished if part.newest is not None), default=None)

    def ids(self) -> Iterator[Identity]:
        """The identity of every row that was finished, in no special order."""
        for part in self.finished:
            yield from part.ids

    def _restored(self, path: Any) -> FinishedPart:
        known = msgspec.json.decode(read(path))
        part = Part(
            known["rows"], known["bytes"], known["sha256"], known.get("nulled_values", {}), known.get("nulled_rows", {})
        )
        edge = {identity: datetime.fromisoformat(text) for identity, text in known["edge"]}
        name, ids, newest = path.name.removesuffix(".json"), _compact(known["ids"]), _moment(known["newest"])
        return FinishedPart(name, known["stream"], known["order"], part, known["resume_info"], ids, newest, edge)

    # ---- writing

    def write(self, stream: str, order: list[Any], records: Sequence[bytes | msgspec.Raw], keys: Sequence[Key]) -> int:
        """Append records to a stream's present part.

        :returns: the rows that the part has now
        """
        part = self._open.get(stream)
        if part is None:
            name = self._name("part")
            make_folder(self.target)
            writer = open_part(
                self.target / name, self.format, self.encoder.columns, escape_formulas=self._escape_formulas
            )
            part = _Open(writer, name, [*order, self._count])
            self._open[stream] = part
        self.encoder.write(part.writer, records)
        part.note(keys, self.edge)
        return part.rows

    def _name(self, kind: str) -> str:
        """A name that no other run and no other try gives."""
        self._count += 1
        return f"{kind}-{self._tag}{self._try}-{self._count - 1:05d}.{self.format}"

    def finish(self, stream: str, resume_info: Mapping[str, Any]) -> None:
        """Finish a stream's present part; nothing where it has none."""
        part = self._open.pop(stream, None)
        if part is None:
            return
        written = part.writer.close()
        done = FinishedPart(part.name, stream, part.order, written, dict(resume_info), part.ids, part.newest, part.edge)
        known = {
            "stream": stream,
            "order": done.order,
            "rows": written.rows,
            "bytes": written.bytes,
            "sha256": written.sha256,
            "nulled_values": dict(written.nulled_values),
            "nulled_rows": dict(written.nulled_rows),
            "resume_info": done.resume_info,
            "edge": [[identity, moment.isoformat()] for identity, moment in done.edge.items()],
            "newest": done.newest.isoformat() if done.newest else None,
            "ids": list(done.ids),
        }
        write(self.folder / f"{part.name}.json", msgspec.json.encode(known))  # now the part counts as finished
        self.finished.append(done)

    def abort(self) -> None:
        """Throw the parts away that are being written."""
        for part in self._open.values():
            part.writer.abort()
        self._open.clear()

    def forget(self, parts: Container[str]) -> None:
        """Throw finished parts away, because their records are read again."""
        gone = [part for part in self.finished if part.name in parts]
        self.finished = [part for part in self.finished if part.name not in parts]
        remove_all([self.folder / f"{part.name}.json" for part in gone])
        remove_all([self.target / part.name for part in gone])

    # ---- publishing

    @property
    def publishing(self) -> bool:
        """Whether a try of this run ended while it published: all is read, :meth:`publish` continues."""
        return self._publication is not None

    def publication(self) -> tuple[dict[str, Any], dict[Identity, datetime | None]]:
        """What an interrupted publication says: of the manifest beside its parts, and which records are deleted."""
        plan = self._publication or {}
        return plan["about"], {identity: _moment(text) for identity, text in plan["deleted"]}

    def note_present(self, now: datetime | None = None) -> None:
        """Remember what is published now that all is read: what another run publishes from here on may be newer.

        :param now: Pipedrive's clock
        """
        self._base = read_versioned(self.target / MANIFEST)[1], now.isoformat() if now else ""

    def publish(
        self,
        drop: Callable[[FinishedPart], Sequence[int]],
        about: Mapping[str, Any],
        deleted: Mapping[Identity, datetime | None] | None = None,
        *,
        adds: bool = False,
        asked: str = "",
    ) -> dict[str, Any]:
        """Let the manifest name the finished parts.

        Begun again after it was interrupted, it continues.

        :param drop: numbers of a part's rows that something newer has taken the place of
        :param about: what the manifest says besides the parts; each part bears its ``run`` and ``window``
        :param deleted: records that are gone, with the time where it is known: a file of tombstones beside the parts
        :param adds: leave what other runs have published there, unless they have read the same
        :param asked: with the window it tells what was read: whose records, and which
        :raises Conflict: another run has published since all was read
        """
        if self._publication is None:
            self._publication = self._decision(drop, about, deleted or {}, adds)
            write_json(self.folder / "publish.json", self._publication)
        plan = self._publication
        present, version = read_versioned(self.target / MANIFEST)
        manifest = present if _is_of(plan, present) else self._replace(plan, present, version, adds, asked)
        self._clean_up(plan, manifest or {})
        return manifest or {}

    def _decision(
        self,
        drop: Callable[[FinishedPart], Sequence[int]],
        about: Mapping[str, Any],
        deleted: Mapping[Identity, datetime | None],
        adds: bool,
    ) -> dict[str, Any]:
        """What is to be published, as it survives an interruption."""
        if self._base is None:
            self.note_present()
        base, read_at = self._base or (None, "")
        parts: list[dict[str, Any]] = []
        for done in sorted(self.finished, key=lambda part: part.order):
            dropped = list(drop(done))
            if len(dropped) < done.part.rows:
                known = {"rows": done.part.rows, "bytes": done.part.bytes, "sha256": done.part.sha256}
                parts.append({"name": done.name, "drop": dropped, **known})
        return {
            "id": secrets.token_hex(8),
            "owner": self._owner,
            "tag": self._tag,
            "partition": self._partition,
            "adds": adds,
            "base": base,
            "about": {"entity": self.entity, "format": self.format, "read_at": read_at, **about},
            "parts": parts,
            "deleted": [[identity, moment and moment.isoformat()] for identity, moment in deleted.items()],
        }

    def _replace(
        self, plan: Mapping[str, Any], present: dict[str, Any] | None, version: Version, adds: bool, asked: str
    ) -> dict[str, Any]:
        """Replace the manifest."""
        about = plan["about"]
        self._refuse_newer(plan, present, version)
        whose = {"run": about.get("run"), "window": about.get("window"), "asked": asked}
        parts = [{**self._placed(part), **whose} for part in plan["parts"]]
        tombstones = [{**part, **whose} for part in self._tombstones(self.publication()[1])]
        again: dict[str, dict[str, Any] | None] = {}
        while True:
            stay = self._what_stays(present or {}, parts, tombstones, whose, again) if adds else ([], [])
            over = [kept["name"] for kept in (present or {}).get("previous", ()) if _is_over(kept)]
            remove_all([self.target / name for name in over])
            manifest = self._manifest(plan, present or {}, [*stay[0], *parts], [*stay[1], *tombstones])
            try:
                replace_versioned(self.target / MANIFEST, manifest, version)
                return manifest
            except Conflict:
                log.info("%s: another run has published there at the same time.", self.entity)
                present, version = read_versioned(self.target / MANIFEST)
                self._refuse_newer(plan, present, version)

    def _refuse_newer(self, plan: Mapping[str, Any], present: Mapping[str, Any] | None, version: Version) -> None:
        about, before = plan["about"], present or {}
        is_anothers = before.get("writer") and about.get("writer") and before["writer"] != about["writer"]
        if not plan["adds"] and is_anothers and before["parameters"] != about["parameters"]:
            raise PipedriveParameterError(
                f"{self.target / MANIFEST}: {before['writer']} publishes there, with other parameters than "
                f"{about['writer']}: each would take the place of the other's rows. Nothing was published: give each a "
                "partition or a folder of its own."
            )
        if _is_overtaken(plan, present, version):
            raise Conflict(
                f"{self.target / MANIFEST}: another run has read later than this one, and published first. Nothing of "
                "this one was published: the next try reads again."
            )

    def _manifest(
        self,
        plan: Mapping[str, Any],
        present: Mapping[str, Any],
        parts: list[dict[str, Any]],
        tombstones: list[dict[str, Any]],
    ) -> dict[str, Any]:
        named = {part["name"] for part in [*parts, *tombstones]}
        until = _time(time.time() + self._keep_previous)
        previous = [kept for kept in present.get("previous", ()) if not _is_over(kept)]
        previous += [{"name": name, "until": until} for name in _listed(present) if name not in named]
        rows = sum(part["rows"] for part in parts)
        return {
            **plan["about"],
            "rows": rows,
            "parts": parts,
            "tombstones": tombstones,
            "publication": plan["id"],
            "previous": previous,
        }

    def _what_stays(
        self,
        present: Mapping[str, Any],
        parts: Sequence[Mapping[str, Any]],
        tombstones: Sequence[Mapping[str, Any]],
        whose: Mapping[str, Any],
        again: dict[str, dict[str, Any] | None],
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """What other runs have published, and of what this run itself has published before, the rows that were not
        read again: their records have moved on since, and no list shows them as they were.

        :param again: by name, what became of files that were written again
        """
        stay: tuple[list[dict[str, Any]], list[dict[str, Any]]] = ([], [])
        key = list(present.get("key") or ["id"])
        for kind, (listed, now, columns) in enumerate((("parts", parts, key), ("tombstones", tombstones, ["id"]))):
            read_again: set[tuple[str, ...]] | None = None
            for part in present.get(listed, ()):
                if part["run"] != whose["run"]:
                    if whose["window"] is None or any(part[name] != whose[name] for name in ("window", "asked")):
                        stay[kind].append(part)
                    continue
                if part["name"] not in again:
                    if read_again is None:
                        rows = now if kind == 0 else [*parts, *tombstones]
                        read_again = {
                            found for each in rows for found in self._keys(each["name"], columns) if found is not None
                        }
                    again[part["name"]] = self._without(part, columns, read_again)
                left = again[part["name"]]
                if left is not None:
                    stay[kind].append(left)
        return stay

    def _keys(self, name: str, columns: Sequence[str]) -> Iterator[tuple[str, ...] | None]:
        """The key of every row of a file; None for a row that has none."""
        for row in read_rows(self.target / name, _format_of(name)):
            found = [row.get(column) for column in columns]
            yield None if None in found else tuple(map(str, found))

    def _without(
        self, part: Mapping[str, Any], columns: Sequence[str], read_again: Container[tuple[str, ...]]
    ) -> dict[str, Any] | None:
        """A file without the rows that were read again; None where that are all."""
        drop = frozenset(
            number
            for number, found in enumerate(self._keys(part["name"], columns))
            if found is not None and found in read_again
        )
        if not drop:
            return dict(part)
        if len(drop) == part["rows"]:
            return None
        name = self._name(part["name"].split("-")[0])
        written = without_rows(self.target / part["name"], self.target / name, _format_of(part["name"]), None, drop)
        return {**part, "name": name, "rows": written.rows, "bytes": written.bytes, "sha256": written.sha256}

    def _placed(self, part: Mapping[str, Any]) -> dict[str, Any]:
        """A part as it is published: written again, under another name, where some of its rows do not count."""
        known = {name: part[name] for name in ("name", "rows", "bytes", "sha256")}
        if not part["drop"]:
            return known
        name = self._name("part")
        source, target = self.target / part["name"], self.target / name
        written = without_rows(source, target, self.format, self.encoder.columns, frozenset(part["drop"]))
        return {"name": name, "rows": written.rows, "bytes": written.bytes, "sha256": written.sha256}

    def _tombstones(self, deleted: Mapping[Identity, datetime | None]) -> list[dict[str, Any]]:
        if not deleted:
            return []
        whole = all(isinstance(identity, int) for identity in deleted)
        columns = (Tombstone("id", "integer" if whole else "string"), Tombstone("deleted_at", "timestamp"))
        name = self._name("tombstones")
        make_folder(self.target)
        part = open_part(self.target / name, self.format, columns)
        rows = [
            {"id": identity, "deleted_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None}
            for identity, moment in sorted(deleted.items(), key=lambda item: str(item[0]))
        ]
        for start in range(0, len(rows), PART_ROWS):
            part.write(rows[start : start + PART_ROWS])
        done = part.close()
        return [{"name": name, "rows": done.rows, "bytes": done.bytes, "sha256": done.sha256}]

    def _clean_up(self, plan: Mapping[str, Any], manifest: Mapping[str, Any]) -> None:
        """Remove this run's files that did not come to be named, those whose time is over, and what nobody knows."""
        over = {kept["name"] for kept in manifest["previous"] if _is_over(kept)}
        named = {*_listed(manifest), *(kept["name"] for kept in manifest["previous"])}
        found = [file for file in files(self.target) if file.name not in named - over]
        gone = [file.name for file in found if file.name in over or _tag_of(file.name) == plan["tag"]]
        remove_all([self.target / name for name in gone])
        sweep(self.target, [file for file in found if file.name not in gone], self._spared)


def sweep(folder: Any, found: Sequence[Any], spared: Callable[[], Container[str]]) -> None:
    """Remove files of a folder that have names given here and that nobody has needed for a day.

    :param found: those that no manifest names
    :param spared: the tags of runs that have not ended
    """
    day_ago = time.time() - DAY
    old = [each.name for each in found if _OURS.match(each.name) and (each.modified or day_ago) < day_ago]
    if old:
        alive = spared()
        gone = [name for name in old if _tag_of(name) not in alive]
        log.info("%s: removed %s that no manifest names.", folder, counted(len(gone), "file"))
        remove_all([folder / name for name in gone])


class RunFolder:
    """The folder of one job.

    :param path: the job's folder: a local path or one in object storage
    :param job: what tells this job from others that land there: entities, names, format, window
    :param owner: who runs it; a later try of the same owner continues where the one before ended, as soon as that one
        is dead
    :param keep_previous: seconds that files are kept which a manifest no longer names
    """

    def __init__(self, path: Any, job: str, owner: str, keep_previous: float = KEEP_PREVIOUS) -> None:
        self.path = path
        self.state = path / STATE
        self._owner = owner
        self._keep_previous = keep_previous
        self._tag = _short(f"{owner} {socket.gethostname()} {os.getpid()}")
        self._unfinished = self.state / "unfinished"
        for name in (job, f"{job}-{_short(owner)}", f"{job}-{self._tag}"):  # nobody else is in the last one
            self.folder = self._unfinished / name
            self.touch()
            self._names = [found.name for found in below(self.folder)]
            if not self._is_held:
                break
            self.release()
        if not self._may_be_finished:
            self._drop(self.folder, self._names)
            self._names = []

    def read_as(self, account: Mapping[str, Any]) -> None:
        """Tell whose records are read: what another account has left unfinished here is dropped."""
        kept = self.folder / "account.json"
        if self._names and read_json(kept) != account:
            self._drop(self.folder, self._names)
            self._names = []
        write_json(kept, account)

    def entity(
        self,
        name: str,
        format: str,  # noqa: A002
        encoder: Encoder,
        partition: str = "",
        *,
        escape_formulas: bool = False,
    ) -> EntityStaging:
        """The parts of one entity."""
        folder, names = self.folder / name, self._kept_of(name)
        if "plan.json" in names:  # what was read before is in that partition, whatever this run's is
            begun = read_json(folder / "plan.json") or {}
            partition = begun["staging"]["partition"]
        target = self._target(name, partition)
        present = read_json(target / MANIFEST)
        if present is not None and not present.keys() >= {"strategy", "parts"}:
            raise PipedriveParameterError(
                f"{target / MANIFEST} was not written by an extraction, and would be replaced: give another folder."
            )
        return EntityStaging(
            name,
            folder,
            target,
            format,
            encoder,
            partition,
            owner=self._owner,
            keep_previous=self._keep_previous,
            names=names,
            spared=self._tags_at_work,
            escape_formulas=escape_formulas,
        )

    def unfinished(self, entity: str) -> dict[str, Any] | None:
        """The plan of a run that has not ended, of one entity, as far as it has not begun to publish."""
        if read_json(self.folder / entity / "publish.json") is not None:
            return None
        return read_json(self.folder / entity / "plan.json")

    def discard(self, entity: str) -> None:
        """Throw away what a run that has not ended has read of one entity."""
        gone = [name for name in self._names if name.startswith(f"{entity}/")]
        self._drop(self.folder, gone)
        self._names = [name for name in self._names if name not in gone]

    def touch(self) -> None:
        """Show that this run is alive."""
        write_json(
            self._lease, {"owner": self._owner, "host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}
        )

    def release(self) -> None:
        """Let another owner continue from here: this run has ended."""
        remove(self._lease)

    def clear(self) -> None:
        """Remove what was unfinished: the run has ended."""
        remove_folder(self.folder)

    def sweep(self) -> None:
        """Remove what other jobs have left here and nobody has returned to: broken-off publications after a day, what
        was read and never published after a week."""
        jobs: dict[str, list[Any]] = {}
        for found in below(self._unfinished):
            jobs.setdefault(found.name.split("/")[0], []).append(found)
        for job, kept in jobs.items():
            names = [found.name.removeprefix(f"{job}/") for found in kept]
            longest = DAY if any(name.endswith("/publish.json") for name in names) else UNFINISHED
            # A run that is alive renews its lease every minute.
            if all(found.modified is not None and found.modified < time.time() - longest for found in kept):
                log.info("%s: what a run left unfinished there is removed.", self._unfinished / job)
                self._drop(self._unfinished / job, names)
                remove_folder(self._unfinished / job)

    # ---- broken-off publications

    @property
    def _may_be_finished(self) -> bool:
        """Whether what was begun here may be finished by this run. A publication may by the run that began it alone,
        and no snapshot after another run has published something newer there: it would take its place."""
        for name in self._names:
            entity, _, file = name.partition("/")
            plan = read_json(self.folder / entity / file) if file == "publish.json" else None
            if plan is None:
                continue
            if plan["owner"] != self._owner:
                log.warning("%s: another run's publication was broken off: it is dropped, and all is read.", entity)
                return False
            present, version = read_versioned(self._target(entity, plan["partition"]) / MANIFEST)
            if not _is_of(plan, present) and _is_overtaken(plan, present, version):
                log.warning("%s: another run has published since: all is read again.", entity)
                return False
        return True

    def _drop(self, folder: Any, names: Sequence[str]) -> None:
        """Remove what was read there and is named by no manifest, then what is known of it."""
        kept = [name for name in names if name.split("/")[-1] in ("plan.json", "publish.json")]
        for name in kept:
            plan = read_json(joined(folder, name)) or {}
            known = plan.get("staging", plan)
            target = self._target(name.split("/")[0], known["partition"])
            present = read_json(target / MANIFEST) or {}
            named = {*_listed(present), *(each["name"] for each in present.get("previous", ()))}
            gone = [found.name for found in files(target) if _tag_of(found.name) == known["tag"]]
            remove_all([target / each for each in gone if each not in named])
        remove_all([joined(folder, name) for name in names if "/" in name and name not in kept])
        remove_all([joined(folder, name) for name in kept])

    def _tags_at_work(self) -> set[str]:
        """The tags of all runs that have not ended."""
        plans = [found.name for found in below(self._unfinished) if found.name.endswith("/plan.json")]
        kept = on_each(read_json, [joined(self._unfinished, name) for name in plans])
        return {plan["staging"]["tag"] for plan in kept if plan is not None}

    def _kept_of(self, entity: str) -> set[str]:
        return {name.removeprefix(f"{entity}/") for name in self._names if name.startswith(f"{entity}/")}

    def _target(self, entity: str, partition: str) -> Any:
        return joined(self.path / entity, partition)

    # ---- who is here

    @property
    def _lease(self) -> Any:
        return self.folder / f"lease-{self._tag}.json"

    @property
    def _is_held(self) -> bool:
        """Whether another run is here. Each has a lease of its own, written before it looks for others': of two that
        begin at once, at least one sees the other, and gives way."""
        for name in self._names:
            held = read_json(self.folder / name) if name.startswith("lease-") and name.endswith(".json") else None
            if held is None or name == self._lease.name:
                continue
            if self._holds(held):
                return True
            remove(self.folder / name)
        return False

    def _holds(self, held: Mapping[str, Any]) -> bool:
        """Whether a lease is that of a run that goes on. The same owner's is most likely that of a try that was lost:
        it must be on this machine, and have shown itself of late, for a process id may be given again."""
        if held["owner"] != self._owner:
            return _alive(held, LEASE)
        return held["host"] == socket.gethostname() and _alive(held, OWN_LEASE)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _alive(held: Mapping[str, Any], seconds: float) -> bool:
    if held["host"] == socket.gethostname():
        try:
            os.kill(held["pid"], 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            pass
    return bool(time.time() - held["time"] < seconds)


def _compact(ids: list[Identity]) -> Sequence[Identity]:
    numbers = [identity for identity in ids if isinstance(identity, int)]
    return array("q", numbers) if len(numbers) == len(ids) else ids


def _is_of(plan: Mapping[str, Any], manifest: Mapping[str, Any] | None) -> bool:
    """Whether a manifest is the one that a publication has written."""
    return manifest is not None and manifest.get("publication") == plan["id"]


def _is_overtaken(plan: Mapping[str, Any], present: Mapping[str, Any] | None, version: Version) -> bool:
    """Whether a snapshot would take the place of one that was published since, and read later."""
    if plan["adds"] or version == plan["base"] or present is None:
        return False
    return bool(present.get("read_at", "") > plan["about"]["read_at"])


def _listed(manifest: Mapping[str, Any]) -> list[str]:
    """The files that a manifest says count."""
    return [part["name"] for part in [*manifest.get("parts", ()), *manifest.get("tombstones", ())]]


def _is_over(kept: Mapping[str, Any]) -> bool:
    """Whether a file of a publication before has been kept long enough."""
    return bool(kept["until"] <= _time(time.time()))


def _tag_of(name: str) -> str | None:
    """Which run gave a file its name; None for a name that is not given here."""
    found = _OURS.match(name)
    return found[1] if found else None


def _number_of(name: str) -> int:
    return int(name.split(".")[0].rsplit("-", 1)[1])


def _format_of(name: str) -> str:
    return name.split(".", 1)[1]


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds")
