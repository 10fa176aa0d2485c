"""A watcher starts a DAG in a real Airflow, and its triggerer is killed in the middle of a stream of changes."""

from __future__ import annotations

from importlib import metadata
from pathlib import Path

import pytest
from environment import clean_environ
from live_sandbox import LiveSandbox
from trials.watchers import Seen, Trial, started, stream

from tests.system.conftest import PYTHON

CHANGES = 60
SECONDS = 60.0

pytestmark = [
    pytest.mark.airflow,
    pytest.mark.long,
    pytest.mark.skipif(
        tuple(map(int, metadata.version("apache-airflow").split(".")[:2])) < (3, 3),
        reason="Airflow has acknowledged streams since 3.3",
    ),
]


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[set[int], Seen, int]:
    """The changed deals, what the consumer has noted, and how many polls there were."""
    found = Trial(Path(tmp_path_factory.mktemp("trial")))
    with LiveSandbox(PYTHON, deals=100, environ=clean_environ()) as sandbox:
        deals = sorted(sandbox.ids("deals"))[:CHANGES]
        with started(found, sandbox, PYTHON, 1, {}) as (_, (triggerer,)):

            def between(number: int) -> None:
                if number == CHANGES // 2:
                    triggerer.kill()
                    triggerer.start()

            stream(sandbox, deals, SECONDS, between)
            seen = found.wait_for(set(deals), 240)
        polls = len([request for request in sandbox.requests() if request["path"] == "/api/v2/deals"])
    return set(deals), seen, polls


def test_every_change_is_in_exactly_one_runs_claim_and_once_in_the_sink(trial: tuple[set[int], Seen, int]) -> None:
    deals, seen, _ = trial
    assert seen.faults(deals) == []
    assert (seen.claims.total(), seen.sunk.total()) == (len(deals), len(deals))


def test_a_run_reads_many_changes_and_a_poll_many_events(trial: tuple[set[int], Seen, int]) -> None:
    deals, seen, polls = trial
    assert 1 < seen.runs < len(deals)
    assert polls < len(deals) * 3
