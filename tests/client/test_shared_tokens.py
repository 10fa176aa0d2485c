"""Access tokens shared by the processes of one user on one machine: one renewal for all, and nobody else reads them."""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.accounts.oauth import revoke
from airflow_provider_pipedrive.client import OAuth, PipedriveClient, settings_from
from airflow_provider_pipedrive.client.auth import forget_tokens
from airflow_provider_pipedrive.client.clock import SystemClock
from airflow_provider_pipedrive.client.shared_tokens import LONGEST_WAIT, SharedState, SharedTokens
from airflow_provider_pipedrive.client.transport import Transport
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN
from tests.support.scripted_server import FakeClock

CREDENTIAL = OAuth(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN)
STATE = SharedState("access-token-1", "refresh-token-2", 1_900_000_000.0, "https://acme.pipedrive.com")
PROCESS = """
import json, sys
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
client = PipedriveClient(settings_from(**json.loads(sys.argv[1])))
print("ready", flush=True)
for line in sys.stdin:
    print(client.run("getDeal", {"id": 1})["id"], flush=True)
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the tokens are shared; not made yet."""
    place = tmp_path / "shared"
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", str(place))
    return place


def fields(sandbox: Sandbox) -> dict[str, Any]:
    extra = {"refresh_token": REFRESH_TOKEN, "oauth_host": sandbox.url, "burst_limit": 1000}
    return {"host": sandbox.url, "login": CLIENT_ID, "password": CLIENT_SECRET, "extra": extra}


Processes = Callable[[], list[str]]


@pytest.fixture
def eight_processes(folder: Path) -> Iterator[Callable[[Sandbox], Processes]]:
    """Starts eight processes with a client each; each call lets all of them read a deal at once."""
    with ExitStack() as stack:

        def start(sandbox: Sandbox) -> Processes:
            command = [sys.executable, "-c", PROCESS, json.dumps(fields(sandbox))]
            pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True, "bufsize": 1}
            started = [stack.enter_context(subprocess.Popen(command, **pipes)) for _ in range(8)]
            assert [process.stdout.readline() for process in started] == ["ready\n"] * 8

            def read() -> list[str]:
                for process in started:
                    process.stdin.write("read\n")
                return [process.stdout.readline() for process in started]

            return read

        yield start


def write(state: SharedState, credential: OAuth = CREDENTIAL) -> None:
    SharedTokens(credential).write(state)


# ---- one renewal


def test_eight_processes_renew_once_and_once_more_when_all_their_tokens_die(
    sandbox: Sandbox, eight_processes: Callable[[Sandbox], Processes]
) -> None:
    read = eight_processes(sandbox)
    for renewals in (1, 2, 3):
        assert read() == ["1\n"] * 8
        assert sandbox.counters()["refreshes"] == renewals
        sandbox.expire_access_tokens()


def test_eight_processes_go_on_while_each_renewal_replaces_the_refresh_token(
    eight_processes: Callable[[Sandbox], Processes],
) -> None:
    app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "refresh_token": REFRESH_TOKEN}
    with Sandbox(deals=1, rotate_refresh_tokens=True, **app) as rotating:
        read = eight_processes(rotating)
        for renewals in (1, 2, 3):
            assert read() == ["1\n"] * 8
            assert rotating.counters()["refreshes"] == renewals
            rotating.expire_access_tokens()


def test_a_token_that_another_process_left_may_be_dead_too_and_is_renewed_then(sandbox: Sandbox, folder: Path) -> None:
    credential = settings_from(**fields(sandbox)).credential
    assert isinstance(credential, OAuth)
    write(SharedState("a-dead-access-token", REFRESH_TOKEN, 4e9), credential)
    given = fields(sandbox)
    given["extra"]["access_token"] = "another-dead-access-token"
    with PipedriveClient(settings_from(**given)) as client:
        assert client.run("getDeal", {"id": 1})["id"] == 1
    assert sandbox.counters()["refreshes"] == 1


def test_a_process_that_waits_too_long_for_anothers_renewal_goes_on_alone(
    sandbox: Sandbox, folder: Path, clock: FakeClock
) -> None:
    settings = settings_from(**fields(sandbox))
    assert isinstance(settings.credential, OAuth)
    with SharedTokens(settings.credential).lock(clock, lambda: False):
        with PipedriveClient(settings, clock=clock) as client:
            assert client.run("getDeal", {"id": 1})["id"] == 1
    assert LONGEST_WAIT <= sum(clock.slept) < LONGEST_WAIT + 1
    assert SharedTokens(settings.credential).read() is not None  # its tokens are left for the others all the same


# ---- what others see


def test_what_is_left_is_read_by_the_same_credential_only(folder: Path) -> None:
    write(STATE)
    assert SharedTokens(CREDENTIAL).read() == STATE
    for other in (
        OAuth(CLIENT_ID, CLIENT_SECRET, "another-refresh-token"),
        OAuth(CLIENT_ID, "another-secret", REFRESH_TOKEN),
        OAuth("another-app", CLIENT_SECRET, REFRESH_TOKEN),
        OAuth(CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, origin="http://127.0.0.1:1"),
    ):
        assert SharedTokens(other).read() is None


def test_the_file_and_its_name_tell_nothing_and_nobody_else_may_open_it(folder: Path) -> None:
    write(STATE)
    (file,) = folder.iterdir()
    assert (folder.stat().st_mode & 0o777, file.stat().st_mode & 0o777) == (0o700, 0o600)
    shown = file.read_bytes() + file.name.encode()
    for secret in (STATE.access_token, STATE.refresh_token, REFRESH_TOKEN, CLIENT_SECRET, CLIENT_ID, "pipedrive"):
        assert secret.encode() not in shown
    assert STATE.access_token not in repr(STATE)


def test_a_file_that_somebody_has_changed_counts_as_none(folder: Path) -> None:
    write(STATE)
    (file,) = folder.iterdir()
    content = bytearray(file.read_bytes())
    content[-5] ^= 1
    for spoilt in (bytes(content), content[:40], b"", b"{}", b"\x00" * 100_000):
        file.write_bytes(spoilt)
        assert SharedTokens(CREDENTIAL).read() is None


def _folder_for_all(folder: Path) -> None:
    folder.mkdir()
    folder.chmod(0o755)


def _link_to_a_folder(folder: Path) -> None:
    (folder.parent / "elsewhere").mkdir(mode=0o700)
    folder.symlink_to(folder.parent / "elsewhere")


def _no_folder_above(folder: Path) -> None:
    os.environ["PIPEDRIVE_TOKEN_CACHE"] = str(folder / "missing" / "shared")


def _no_folder_at_all(folder: Path) -> None:
    folder.write_text("")


def _switched_off(folder: Path) -> None:
    os.environ["PIPEDRIVE_TOKEN_CACHE"] = ""


def _file_for_all(folder: Path) -> None:
    write(STATE)
    next(folder.iterdir()).chmod(0o644)


def _link_to_a_file(folder: Path) -> None:
    write(STATE)
    (file,) = folder.iterdir()
    file.symlink_to(file.rename(folder.parent / "elsewhere"))


def _another_users_file(folder: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    write(STATE)
    os.chown(next(folder.iterdir()), 65_534, -1)


@pytest.mark.parametrize(
    "spoil",
    [
        _folder_for_all,
        _link_to_a_folder,
        _no_folder_above,
        _no_folder_at_all,
        _switched_off,
        _file_for_all,
        _link_to_a_file,
        _another_users_file,
    ],
)
def test_where_it_is_not_safe_nothing_is_shared_and_nothing_fails(
    spoil: Callable[[Path], None], folder: Path, sandbox: Sandbox
) -> None:
    spoil(folder)
    shared = SharedTokens(CREDENTIAL)
    with shared.lock(SystemClock(), lambda: False):
        shared.write(STATE)
    assert shared.read() is None
    shared.forget()


def test_without_a_folder_a_client_renews_for_itself(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIPEDRIVE_TOKEN_CACHE", "")
    for renewals in (1, 2):
        forget_tokens()  # another process
        with PipedriveClient(settings_from(**fields(sandbox))) as client:
            assert client.run("getDeal", {"id": 1})["id"] == 1
        assert sandbox.counters()["refreshes"] == renewals


# ---- the end


def test_a_forked_process_does_not_keep_the_lock(folder: Path) -> None:
    with SharedTokens(CREDENTIAL).lock(SystemClock(), lambda: False):
        (file,) = folder.iterdir()
        inherited = [os.dup(int(fd)) for fd in os.listdir("/proc/self/fd") if _leads_to(fd, file)]  # noqa: PTH208
    assert inherited
    with file.open("r+b") as opened:
        fcntl.flock(opened, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for fd in inherited:
        os.close(fd)


def _leads_to(fd: str, file: Path) -> bool:
    try:
        return Path(f"/proc/self/fd/{fd}").resolve() == file.resolve()
    except OSError:
        return False


def test_revoking_empties_the_file_and_revokes_the_refresh_token_that_replaced_the_connections(
    sandbox: Sandbox, folder: Path
) -> None:
    settings = settings_from(**fields(sandbox))
    assert isinstance(settings.credential, OAuth)
    write(SharedState("access-token-1", "replaced-refresh-token", 4e9), settings.credential)
    transport = Transport(settings, SystemClock())
    revoke(transport.send, settings.credential)
    transport.close()
    assert [sent.body["token"] for sent in sandbox.requests] == ["replaced-refresh-token", REFRESH_TOKEN]
    assert [file.read_bytes() for file in folder.iterdir()] == [b""]
