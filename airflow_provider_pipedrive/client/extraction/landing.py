"""Where parts land: under temporary names first, published together at the end.

Below the job's folder::

    <entity>/[<partition>/]part-00000.jsonl     published; only files named in the manifest beside them count
    <entity>/[<partition>/]_manifest.json       rows, bytes and SHA-256 of every part
    _pipedrive/unfinished/<job>/                a run that has not ended: parts, and beside each what it covers

Every finished part has a small JSON file beside it, written after it. A part without one is not finished and is thrown
away, so a killed run goes on from its last finished part. Nothing is ever appended to: object stores can't.
"""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import threading
import time
from array import array
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Protocol

import msgspec

from airflow_provider_pipedrive.client.extraction.definition import OVERLAP
from airflow_provider_pipedrive.client.extraction.formats import (
    Column,
    Part,
    PartWriter,
    open_part,
    read_rows,
    without_rows,
)
from airflow_provider_pipedrive.client.extraction.pages import Identity, Key, Mended
from airflow_provider_pipedrive.errors import PipedriveParameterError

log = logging.getLogger(__name__)
STATE = "_pipedrive"
MANIFEST = "_manifest.json"
PART_ROWS = 5_000
"""Rows of a part. What a killed run loses is less than one part for each place that it read from."""
LEASE = 900.0
"""Seconds after which a run that shows no sign of life no longer holds its unfinished parts."""
OWN_LEASE = 150.0
"""The same for a run of the same owner: it shows itself every minute."""
MOST_EDGE = 2_000
"""Records of a part's last seconds that are kept; with more, as after a bulk import, those come twice."""
_PRETTY = msgspec.json.format


class Encoder(Protocol):
    """Puts records into a part."""

    @property
    def columns(self) -> Sequence[Column] | None:
        """The columns of its rows; None for records as they come."""

    def write(self, part: PartWriter, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append them."""


class Untouched:
    """Records as Pipedrive sends them."""

    columns: Sequence[Column] | None = None

    def write(self, part: PartWriter, records: Sequence[bytes | msgspec.Raw]) -> None:
        """Append them."""
        for row, record in enumerate(records):
            if isinstance(record, Mended):
                for place, count in record.losses.items():
                    part.count_unfit(".".join(place), row, count)
        part.write_raw(records)


@dataclass(frozen=True)
class Tombstone:
    """A column of the file of tombstones."""

    name: str
    type: str
    items: str | None = None


@dataclass
class Finished:
    """A finished part that is not published yet.

    :ivar order: where it stands among the parts, for an order that does not depend on who was faster
    :ivar covered: what the reader of the part wants to know of it when it goes on
    :ivar ids: the identity of every row, in the file's order
    :ivar newest: the greatest time of last update in it
    :ivar edge: the records of its last two minutes of updates, which a window that reaches back brings again
    """

    name: str
    stream: str
    order: list[Any]
    part: Part
    covered: dict[str, Any]
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


class EntityLanding:
    """The unfinished and published parts of one entity.

    :param folder: of the unfinished parts
    :param target: the folder to publish to
    :param partition: its name below the entity's folder
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
    ) -> None:
        self.entity = entity
        self.folder = folder
        self.target = target
        self.format = format
        self.encoder = encoder
        self._partition = partition
        self._escape_formulas = escape_formulas
        self.finished: list[Finished] = []
        self.edge = timedelta(seconds=2 * OVERLAP)
        self._open: dict[str, _Open] = {}
        self._count = 0

    # ---- what is known of it

    def load(self) -> dict[str, Any] | None:
        """The reader's plan of a run that did not end, its finished parts in :attr:`finished`; None for a new one."""
        plan = read_json(self.folder / "plan.json")
        if plan is None:
            remove_folder(self.folder)
            self.folder.mkdir(parents=True, exist_ok=True)
            return None
        names = {path.name for path in self.folder.iterdir()}
        moving = self.publishing  # then finished parts may have been moved, and what is here is needed
        for name in sorted(names):
            if name.endswith(".part.json") and (moving or name.removesuffix(".json") in names):
                self.finished.append(self._restored(name.removesuffix(".json"), read_json(self.folder / name) or {}))
        kept = {part.name for part in self.finished}
        for name in names:
            if name.endswith(".part") and name not in kept and not moving:
                (self.folder / name).unlink()
        self._count = 1 + max((int(part.name.split("-")[0]) for part in self.finished), default=-1)
        if self.finished:
            log.info("%s: going on after %d rows that an earlier try has read.", self.entity, self.rows)
        return plan

    def save(self, plan: Mapping[str, Any]) -> None:
        """Keep the reader's plan."""
        write_json(self.folder / "plan.json", plan)

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

    def _restored(self, name: str, known: dict[str, Any]) -> Finished:
        part = Part(known["rows"], known["bytes"], known["sha256"], known.get("unfit", {}), known.get("unfit_rows", {}))
        edge = {identity: datetime.fromisoformat(text) for identity, text in known["edge"]}
        ids: list[Identity] = msgspec.json.decode((self.folder / f"{name}.ids").read_bytes())
        newest = _moment(known["newest"])
        return Finished(name, known["stream"], known["order"], part, known["covered"], _compact(ids), newest, edge)

    # ---- writing

    def write(self, stream: str, order: list[Any], records: Sequence[bytes | msgspec.Raw], keys: Sequence[Key]) -> int:
        """Append records to a stream's present part.

        :returns: the rows that the part has now
        """
        part = self._open.get(stream)
        if part is None:
            name = f"{self._count:05d}-{hashlib.sha256(stream.encode()).hexdigest()[:8]}.part"
            self._count += 1
            writer = open_part(
                self.folder / name, self.format, self.encoder.columns, escape_formulas=self._escape_formulas
            )
            part = _Open(writer, name, [*order, self._count])
            self._open[stream] = part
        self.encoder.write(part.writer, records)
        part.note(keys, self.edge)
        return part.rows

    def finish(self, stream: str, covered: Mapping[str, Any]) -> None:
        """Finish a stream's present part; nothing where it has none."""
        part = self._open.pop(stream, None)
        if part is None:
            return
        written = part.writer.close()
        # Two files, the second of which says that the part counts.
        (self.folder / f"{part.name}.ids").write_bytes(msgspec.json.encode(list(part.ids)))
        done = Finished(part.name, stream, part.order, written, dict(covered), part.ids, part.newest, part.edge)
        write_json(
            self.folder / f"{part.name}.json",
            {
                "stream": stream,
                "order": done.order,
                "rows": written.rows,
                "bytes": written.bytes,
                "sha256": written.sha256,
                "unfit": dict(written.unfit),
                "unfit_rows": dict(written.unfit_rows),
                "covered": done.covered,
                "edge": [[identity, moment.isoformat()] for identity, moment in done.edge.items()],
                "newest": done.newest.isoformat() if done.newest else None,
            },
        )
        self.finished.append(done)

    def abort(self) -> None:
        """Throw the parts away that are being written."""
        for part in self._open.values():
            part.writer.abort()
        self._open.clear()

    def forget(self, parts: Container[str]) -> None:
        """Throw finished parts away, because their records are read again."""
        for part in [part for part in self.finished if part.name in parts]:
            self.finished.remove(part)
            for suffix in (".json", ".ids", ""):
                (self.folder / f"{part.name}{suffix}").unlink()

    # ---- publishing

    @property
    def publishing(self) -> bool:
        """Whether a run ended while it published: all is read, :meth:`publish` goes on."""
        return read_json(self.folder / "publish.json") is not None

    def decided(self) -> tuple[dict[str, Any], dict[Identity, datetime | None]]:
        """What an interrupted publication says: of the manifest beside its parts, and which records are deleted."""
        plan = read_json(self.folder / "publish.json") or {}
        return plan["about"], {identity: _moment(text) for identity, text in plan["deleted"]}

    @property
    def _published(self) -> list[str]:
        manifest = read_json(self.target / MANIFEST) or {}
        return [part["name"] for part in [*manifest.get("parts", ()), *manifest.get("tombstones", ())]]

    def publish(
        self,
        drop: Callable[[Finished], Sequence[int]],
        about: Mapping[str, Any],
        deleted: Mapping[Identity, datetime | None] | None = None,
    ) -> dict[str, Any]:
        """Move the finished parts to where they are looked for, and write the manifest.

        Begun again after it was interrupted, it goes on.

        :param drop: numbers of a part's rows that something newer has taken the place of
        :param about: what the manifest says beside the parts
        :param deleted: records that are gone, with the time where it is known: a file of tombstones beside the parts
        """
        plan = read_json(self.folder / "publish.json")
        if plan is None:
            plan = self._publication(drop, about)
            plan["tombstones"] = self._tombstones(deleted or {})
            plan["deleted"] = [
                [identity, moment and moment.isoformat()] for identity, moment in (deleted or {}).items()
            ]
            plan["replaces"] = self._published
            plan["partition"] = self._partition
            write_json(self.folder / "publish.json", plan)
        self.target.mkdir(parents=True, exist_ok=True)
        listed = [self._place(move) for move in plan["moves"]]
        manifest = {**plan["about"], "rows": sum(part["rows"] for part in listed), "parts": listed}
        manifest["tombstones"] = [self._place(move) for move in plan["tombstones"]]
        # Those before, as they were when it began and as they are now: another run may have published meanwhile.
        replaced = {*plan["replaces"], *self._published}
        write_json(self.target / MANIFEST, manifest)
        for name in replaced - {part["name"] for part in [*listed, *manifest["tombstones"]]}:
            remove(self.target / name)
        return manifest

    def _publication(self, drop: Callable[[Finished], Sequence[int]], about: Mapping[str, Any]) -> dict[str, Any]:
        stamp = hashlib.sha256(f"{self.folder}{time.time_ns()}".encode()).hexdigest()[:8]
        moves: list[dict[str, Any]] = []
        for done in sorted(self.finished, key=lambda part: part.order):
            dropped = list(drop(done))
            if len(dropped) < done.part.rows:
                known = {"rows": done.part.rows, "bytes": done.part.bytes, "sha256": done.part.sha256}
                name = f"part-{len(moves):05d}-{stamp}.{self.format}"
                moves.append({"from": done.name, "name": name, "drop": dropped, **known})
        return {"moves": moves, "about": {"entity": self.entity, "format": self.format, **about}}

    def _tombstones(self, deleted: Mapping[Identity, datetime | None]) -> list[dict[str, Any]]:
        if not deleted:
            return []
        whole = all(isinstance(identity, int) for identity in deleted)
        columns = (Tombstone("id", "integer" if whole else "string"), Tombstone("deleted_at", "timestamp"))
        part = open_part(self.folder / "tombstones.part", self.format, columns)
        rows = [
            {"id": identity, "deleted_at": moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment else None}
            for identity, moment in sorted(deleted.items(), key=lambda item: str(item[0]))
        ]
        for start in range(0, len(rows), PART_ROWS):
            part.write(rows[start : start + PART_ROWS])
        done = part.close()
        stamp = hashlib.sha256(f"{self.folder}{time.time_ns()}".encode()).hexdigest()[:8]
        name = f"tombstones-{stamp}.{self.format}"
        known = {"rows": done.rows, "bytes": done.bytes, "sha256": done.sha256}
        return [{"from": "tombstones.part", "name": name, "drop": [], **known}]

    def _place(self, move: dict[str, Any]) -> dict[str, Any]:
        source, target = self.folder / move["from"], self.target / move["name"]
        known = {name: move[name] for name in ("name", "rows", "bytes", "sha256")}
        if not move["drop"]:
            if source.exists():  # else it was moved before an interruption
                source.rename(target)
            return known
        beside = self.target / f".{move['name']}.tmp"
        part = without_rows(source, beside, self.format, self.encoder.columns, frozenset(move["drop"]))
        beside.rename(target)
        return {**known, "rows": part.rows, "bytes": part.bytes, "sha256": part.sha256}


class Landing:
    """The folder of one job.

    :param path: the job's folder: a local path or one in object storage
    :param job: what tells this job from others that land there: entities, names, format, window
    :param owner: who runs it; a later try of the same owner goes on where the one before ended, as soon as that one is
        dead
    """

    def __init__(self, path: Any, job: str, owner: str) -> None:
        self.path = path
        self.state = path / STATE
        self._owner = owner
        self._mark = _short(f"{owner} {socket.gethostname()} {os.getpid()}")
        unfinished = self.state / "unfinished"
        for name in (job, f"{job}-{_short(owner)}", f"{job}-{self._mark}"):  # nobody else is in the last one
            self.folder = unfinished / name
            self.touch()
            if not self._is_held:
                break
            self.release()

    def entity(
        self,
        name: str,
        format: str,  # noqa: A002
        encoder: Encoder,
        partition: str = "",
        *,
        escape_formulas: bool = False,
    ) -> EntityLanding:
        """The parts of one entity."""
        folder, target = self.folder / name, self.path / name
        begun = read_json(folder / "publish.json")
        if begun is not None:  # a publication goes on where it began, whatever this run's partition is
            partition = begun["partition"]
        for step in filter(None, partition.split("/")):
            target = target / step
        present = read_json(target / MANIFEST)
        if present is not None and not present.keys() >= {"way", "parts"}:
            raise PipedriveParameterError(
                f"{target / MANIFEST} was not written by an extraction, and would be replaced: give another folder."
            )
        return EntityLanding(name, folder, target, format, encoder, partition, escape_formulas=escape_formulas)

    def touch(self) -> None:
        """Show that this run is alive."""
        write_json(
            self._lease, {"owner": self._owner, "host": socket.gethostname(), "pid": os.getpid(), "time": time.time()}
        )

    def release(self) -> None:
        """Let another owner go on from here: this run has ended."""
        remove(self._lease)

    def clear(self) -> None:
        """Remove what was unfinished: the run has ended."""
        remove_folder(self.folder)

    @property
    def _lease(self) -> Any:
        return self.folder / f"lease-{self._mark}.json"

    @property
    def _is_held(self) -> bool:
        """Whether another run is here. Each has a lease of its own, written before it looks for others': of two that
        begin at once, at least one sees the other, and gives way."""
        for path in list(self.folder.iterdir()):
            held = read_json(path) if path.name.startswith("lease-") and path.name.endswith(".json") else None
            if held is None or path.name == self._lease.name:
                continue
            if self._holds(held):
                return True
            remove(path)
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


def read_json(path: Any) -> dict[str, Any] | None:
    """The JSON object in a file; None where there is no file."""
    try:
        found = msgspec.json.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    if not isinstance(found, dict):
        raise ValueError(f"{path} does not hold a JSON object")
    return found


def write_json(path: Any, value: Mapping[str, Any]) -> None:
    """Write a file whole or not at all."""
    write_whole(path, _PRETTY(msgspec.json.encode(value), indent=2) + b"\n")


def write_whole(path: Any, content: bytes) -> None:
    """Write a file whole or not at all, whoever else writes it at the same time."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.parent / f"{path.name}.{os.getpid()}-{threading.get_ident()}.tmp"
    try:
        beside.write_bytes(content)
        beside.rename(path)
    except OSError:
        with suppress(OSError):
            remove(beside)
        raise


def remove(path: Any) -> None:
    """Remove a file that may not be there."""
    with suppress(FileNotFoundError):
        path.unlink()


def remove_folder(folder: Any) -> None:
    """Remove a folder and what is in it."""
    if not folder.exists():
        return
    for path in list(folder.iterdir()):
        if path.is_dir():
            remove_folder(path)
        else:
            path.unlink()
    with suppress(OSError):  # object stores have no folders to remove
        folder.rmdir()


__all__ = ["Encoder", "EntityLanding", "Finished", "Landing", "Untouched", "read_json", "read_rows", "write_json"]
