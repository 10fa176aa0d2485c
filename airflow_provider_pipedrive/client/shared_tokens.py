"""One renewal for all processes of a user on one machine.

Airflow runs every task in a process of its own. Each would renew for itself, and where Pipedrive replaces the refresh
token, two that renew at one moment would refuse each other. So the process that renews leaves the tokens in a file:

- that is private and locked, see :mod:`.private_files`;
- encrypted by a key that is derived from client secret and refresh token, under a name that is derived from them too:
  whoever does not have the connection can neither read a file nor say which account it belongs to.

Where one of this cannot be had, each process renews for itself. That is never an error.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from airflow_provider_pipedrive.client.clock import Clock
from airflow_provider_pipedrive.client.private_files import open_private, overwrite, shared_folder, try_lock, unlock
from airflow_provider_pipedrive.client.settings import HEADER_SAFE, OAuth

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

log = logging.getLogger(__name__)
LONGEST_WAIT = 60.0
"""Seconds to wait for another process's renewal, before continuing without."""
_POLL = 0.05
_LARGEST = 64 * 1024
_PURPOSE = b"airflow-provider-pipedrive shared tokens, version 1"


@dataclass(frozen=True)
class SharedState:
    """What a renewal brought.

    :param refresh_token: the newest one, which may not be the connection's
    :param renew_at: when the access token is to be renewed, in seconds since the epoch
    :param api_domain: the company's origin as the OAuth host says, not yet checked
    """

    access_token: str = field(repr=False)
    refresh_token: str = field(repr=False)
    renew_at: float
    api_domain: str | None = None


class SharedTokens:
    """The file of one authorization.

    :param credential: the connection's own; without a refresh token and a client secret nothing is shared
    """

    def __init__(self, credential: OAuth) -> None:
        self._credential = credential

    def read(self) -> SharedState | None:
        """What the last renewal on this machine has left, if there is anything that can be read."""
        with self._file(create=False) as file:
            return None if file is None else self._decrypted(os.pread(file, _LARGEST, 0))

    @contextmanager
    def lock(self, clock: Clock, is_done: Callable[[], bool]) -> Iterator[None]:
        """The block runs in one process at a time.

        It is entered without the lock where there is none to be had: after :data:`LONGEST_WAIT`, or when another
        process has done the work.

        :param is_done: asked while waiting
        """
        with self._file(create=True) as file:
            locked = file is not None and _lock(file, clock, is_done)
            try:
                yield
            finally:
                if locked and file is not None:
                    unlock(file)

    def write(self, state: SharedState) -> None:
        """Leave it for the others.

        Without the lock too, as the newest refresh token must not be lost: should two write at once, the worst is a
        file that cannot be decrypted, which counts as none.
        """
        with self._file(create=True) as file:
            if file is not None and self._keys is not None:
                _replace(file, self._keys[1].encrypt(json.dumps(asdict(state)).encode()))

    def forget(self) -> None:
        """Empty the file: its tokens are no good any more."""
        with self._file(create=False) as file:
            if file is not None:
                _replace(file, b"")

    @contextmanager
    def _file(self, *, create: bool) -> Iterator[int | None]:
        folder, file = shared_folder(), None
        if folder is not None and self._keys is not None:
            try:
                file = open_private(folder, self._keys[0], create=create)
            except FileNotFoundError:
                pass  # nothing has been left yet
            except OSError as error:
                log.debug("Access tokens are not shared with other processes of this machine: %s", error)
        try:
            yield file
        finally:
            if file is not None:
                os.close(file)

    @cached_property
    def _keys(self) -> tuple[str, Fernet] | None:
        """The file's name and what encrypts it; ``None`` where there is nothing to derive them from."""
        app = self._credential
        if not app.client_secret or not app.refresh_token:
            return None
        try:  # Airflow has it installed; the client alone need not
            from cryptography.fernet import Fernet
            from cryptography.hazmat.primitives.hashes import SHA256
            from cryptography.hazmat.primitives.kdf.hkdf import HKDF
        except ImportError:
            return None
        import base64

        who = f"{app.origin} {app.client_id}".encode()
        secret = f"{app.client_secret} {app.refresh_token}".encode()  # neither has a space in it
        derived = HKDF(algorithm=SHA256(), length=48, salt=who, info=_PURPOSE).derive(secret)
        return derived[32:].hex(), Fernet(base64.urlsafe_b64encode(derived[:32]))

    def _decrypted(self, content: bytes) -> SharedState | None:
        from cryptography.fernet import InvalidToken

        if not content or self._keys is None:
            return None
        try:
            found = SharedState(**json.loads(self._keys[1].decrypt(content)))
        except (InvalidToken, ValueError, TypeError):  # half written, or by another version of this package
            return None
        texts = (found.access_token, found.refresh_token)
        right = all(isinstance(text, str) and HEADER_SAFE.fullmatch(text) for text in texts)
        return found if right and isinstance(found.renew_at, int | float) else None


def _lock(file: int, clock: Clock, is_done: Callable[[], bool]) -> bool:
    until = None
    while True:
        try:
            if try_lock(file):
                return True
        except OSError as error:  # a file system without locks
            log.debug("Access tokens are not shared with other processes of this machine: %s", error)
            return False
        now = clock.monotonic()
        until = now + LONGEST_WAIT if until is None else until
        if is_done() or now >= until:
            return False
        clock.sleep(_POLL)


def _replace(file: int, content: bytes) -> None:
    """What is read half way cannot be decrypted, and counts as nothing."""
    try:
        overwrite(file, content)
    except OSError as error:  # no room
        log.debug("Access tokens are not shared with other processes of this machine: %s", error)
