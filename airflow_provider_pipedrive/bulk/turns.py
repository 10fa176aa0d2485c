"""Runs of one machine that may create the same records take turns.

Two runs that match rows by the same key would both find no record, and both create it: Pipedrive has no unique keys.
So a run that may create records by a key waits, before it looks what is there, until no other run of this user on this
machine does so with the same entity of the same company. Machines take no turns with each other.
"""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Final

from airflow_provider_pipedrive.bulk.job import BulkJob
from airflow_provider_pipedrive.client.private_files import open_private, overwrite, shared_folder, try_lock, unlock

log = logging.getLogger(__name__)
_LOOK_EVERY: Final = 0.2
_LONGEST_NAME: Final = 100


def created_by_key(job: BulkJob) -> tuple[str, ...]:
    """The entities whose records a job creates where it finds none with a row's key.

    In an order that is the same for all: of two runs that each wait for two entities, neither waits for ever.
    """
    if job.dry_run:
        return ()
    creates = job.mode in ("create", "upsert", "mirror") and job.matched_on not in ((), ("id",))
    own = {job.entity} if creates else set()
    related = {"organizations", "persons"} if job.create_related else set()
    return tuple(sorted(own | related))


@contextmanager
def in_turn(job: BulkJob, account: str, run: str, sleep: Callable[[float], None] = time.sleep) -> Iterator[bool]:
    """Run the block while no other run may create the same records.

    :param account: whose account it is, and where
    :param run: a name that all tries of a run have in common, and no other run has
    :returns: whether it was this run that had the last turn, so that no other run can have created a record since
    """
    with ExitStack() as held:
        turns = [held.enter_context(_turn(entity, account, run, sleep)) for entity in created_by_key(job)]
        yield all(turns)


@contextmanager
def _turn(entity: str, account: str, run: str, sleep: Callable[[float], None]) -> Iterator[bool]:
    folder = shared_folder()
    name = hashlib.sha256(f"{account} {entity}".encode()).hexdigest()[:16]
    try:
        file = None if folder is None else open_private(folder, f"bulk-{name}.lock", create=True)
    except OSError as error:
        log.warning("%s: no turns are taken with other runs of this machine: %s", entity, error)
        file = None
    if file is None:
        yield False
        return
    try:
        _wait(file, entity, sleep)
        had_last = os.pread(file, _LONGEST_NAME, 0) == run.encode()
        overwrite(file, run.encode())
        try:
            yield had_last
        finally:
            unlock(file)
    finally:
        os.close(file)


def _wait(file: int, entity: str, sleep: Callable[[float], None]) -> None:
    if not try_lock(file):
        log.info("%s: waiting for another run that may create the same records, so that none is doubled.", entity)
        while not try_lock(file):
            sleep(_LOOK_EVERY)
