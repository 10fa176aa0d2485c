"""A thousand deferred sensors on one event loop, next to a naive fleet that asks for each deal by itself.

    python tools/bench/sensors.py              # 5 intervals of 60 s in half a minute for each fleet
    python tools/bench/sensors.py --speed 1    # the same in real time

Needs this package's `bench` extra and Airflow. The sandbox runs as a process of its own, each fleet in
another one, so that CPU and memory are a fleet's own. `--speed` lets the fleets' event loops run so many times faster
than the clock; times below are those of the loops. What the fleets spend on a request, and Pipedrive's answer to it,
does not get faster: with a speed, both count that many times over in the delays.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

SENSORS = 1000
INTERVAL = 60.0
ROUNDS = 5
MOVES_A_ROUND = 20
MOST_REQUESTS, MOST_TOKENS, SLACK = 10, 100, 5.0
TARGET = 10
"""A stage that the deals are moved to; those that are in it are not waited for."""


def main() -> int:
    """Run both fleets; the exit code is 1 if a bound is missed."""
    options = _options()
    if options.fleet:
        print(json.dumps(_run(Fleet(options.url, options.token, options.speed), options.fleet)))
        return 0
    with tempfile.TemporaryDirectory(prefix="pipedrive-bench-") as folder:
        port, token = Path(folder) / "port", "bench-token"
        command = [sys.executable, "-m", "airflow_provider_pipedrive.sandbox", "--port", "0", "--port-file", str(port)]
        command += ["--deals", "4000", "--burst-limit", "none", "--api-token", token]
        sandbox = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        try:
            while not port.exists():
                time.sleep(0.1)
            url = f"http://127.0.0.1:{port.read_text()}"
            found = {name: _child(name, url, token, options.speed, folder) for name in ("shared poll", "naive fleet")}
        finally:
            sandbox.kill()
            sandbox.wait()
    return _report(found, options.speed)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--speed", type=float, default=10.0, help="how much faster than the clock (default: 10)")
    parser.add_argument("--fleet", help=argparse.SUPPRESS)
    parser.add_argument("--url", help=argparse.SUPPRESS)
    parser.add_argument("--token", help=argparse.SUPPRESS)
    return parser.parse_args()


def _child(name: str, url: str, token: str, speed: float, folder: str) -> dict[str, Any]:
    connection = {"conn_type": "pipedrive", "host": url, "extra": {"api_token": token}}
    environ = os.environ | {
        "AIRFLOW_HOME": folder,
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW_CONN_PIPEDRIVE_DEFAULT": json.dumps(connection),
    }
    _control(url, "POST", "reset")
    command = [sys.executable, __file__, "--fleet", name, "--url", url, "--token", token, "--speed", str(speed)]
    done = subprocess.run(command, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


class ScaledLoop(asyncio.SelectorEventLoop):
    """An event loop whose seconds are shorter."""

    speed = 1.0

    def time(self) -> float:
        """Seconds, ``speed`` of them in a real one."""
        return super().time() * self.speed


class _Selector:
    """Waits real seconds where the loop asks for its own."""

    def __init__(self, inner: Any, speed: float) -> None:
        self._inner = inner
        self._speed = speed

    def select(self, timeout: float | None = None) -> Any:
        """The inner selector's, for a real time."""
        return self._inner.select(timeout if timeout is None else timeout / self._speed)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class Fleet:
    """A fleet's deals, what it noticed and when."""

    def __init__(self, url: str, token: str, speed: float) -> None:
        self.url = url
        self.token = token
        self.speed = speed
        self.moved: dict[int, float] = {}
        self.noticed: dict[int, float] = {}
        self.samples: list[tuple[int, int]] = []
        self.cpu = 0.0

    def deals(self) -> list[int]:
        """Those that are waited for."""
        found: list[int] = []
        cursor = ""
        while len(found) < SENSORS and cursor is not None:
            page = self._get(f"/api/v2/deals?limit=500&status=open&{cursor and f'cursor={cursor}'}")
            found += [deal["id"] for deal in page["data"] if deal["stage_id"] != TARGET]
            cursor = page["additional_data"]["next_cursor"]
        return found[:SENSORS]

    def _get(self, path: str) -> Any:
        with urlopen(Request(self.url + path, headers={"x-api-token": self.token}), timeout=30) as answer:
            return json.load(answer)

    async def move_some(self, deals: list[int]) -> None:
        """Move deals at any moment of each interval but the last one, in which they are to be noticed."""
        loop = asyncio.get_running_loop()
        chance = random.Random(1)
        began = loop.time()
        moments = sorted(chance.uniform(0, INTERVAL * (ROUNDS - 1)) for _ in range(MOVES_A_ROUND * (ROUNDS - 1)))
        for deal_id, moment in zip(chance.sample(deals, len(moments)), moments, strict=True):
            await asyncio.sleep(max(began + moment - loop.time(), 0))
            self.moved[deal_id] = loop.time()
            await asyncio.to_thread(_control, self.url, "POST", "move_deal", {"deal_id": deal_id, "stage_id": TARGET})

    async def sample(self) -> None:
        """Requests and tokens at the end of each interval, in the middle of the silence between two rounds."""
        for _ in range(ROUNDS + 1):
            counters = await asyncio.to_thread(_control, self.url, "GET", "counters")
            self.samples.append((counters["requests"], counters["tokens"]))
            await asyncio.sleep(INTERVAL)

    async def notice(self, deal_id: int, waiting: Coroutine[Any, Any, Any]) -> None:
        """Wait for one deal."""
        await waiting
        self.noticed[deal_id] = asyncio.get_running_loop().time()


async def _sensor(deal_id: int) -> None:
    """A deferred sensor, as the triggerer runs it."""
    from airflow_provider_pipedrive.events.waits.movement import Movement
    from airflow_provider_pipedrive.events.waits.records import DealsWait
    from airflow_provider_pipedrive.triggers.pipedrive import PipedriveDealStageTrigger

    spec = DealsWait((deal_id,), Movement(reaches=(TARGET,)), "2026-01-01T00:00:00Z", single=True)
    trigger = PipedriveDealStageTrigger(
        pipedrive_conn_id="pipedrive_default",
        spec=spec.to_json(),
        interval=INTERVAL,
        deadline=time.time() + 86_400,
    )
    async for event in trigger.run():
        assert event.payload["status"] == "success", event.payload


async def _naive(fleet: Fleet, session: Any, deal_id: int) -> None:
    """What a sensor does that knows of no other."""
    while True:
        async with session.get(f"{fleet.url}/api/v2/deals/{deal_id}") as answer:
            if (await answer.json())["data"]["stage_id"] == TARGET:
                return
        await asyncio.sleep(INTERVAL)


async def _shared_fleet(fleet: Fleet, deals: list[int]) -> None:
    await _watch(fleet, [fleet.notice(deal_id, _sensor(deal_id)) for deal_id in deals], deals)


async def _naive_fleet(fleet: Fleet, deals: list[int]) -> None:
    import aiohttp

    async with aiohttp.ClientSession(headers={"x-api-token": fleet.token}) as session:
        waits = [fleet.notice(deal_id, _naive(fleet, session, deal_id)) for deal_id in deals]
        await _watch(fleet, waits, deals)


async def _watch(fleet: Fleet, waits: list[Coroutine[Any, Any, None]], deals: list[int]) -> None:
    loop = asyncio.get_running_loop()
    tasks = [asyncio.create_task(wait) for wait in waits]
    await asyncio.sleep(1.5 * INTERVAL - loop.time() % INTERVAL)  # the middle of an interval; all have started
    before = _usage()
    await asyncio.gather(fleet.sample(), fleet.move_some(deals))
    after = _usage()
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    faults = [error for error in ended if isinstance(error, Exception)]
    if faults:
        raise faults[0]
    fleet.cpu = after - before


def _usage() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _run(fleet: Fleet, name: str) -> dict[str, Any]:
    import selectors

    import airflow.triggers.base  # noqa: F401 - what a triggerer has in memory before the first trigger

    deals = fleet.deals()

    def loop_factory() -> asyncio.AbstractEventLoop:
        loop = ScaledLoop(_Selector(selectors.DefaultSelector(), fleet.speed))  # type: ignore[arg-type]
        loop.speed = fleet.speed
        return loop

    memory_before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run((_shared_fleet if name == "shared poll" else _naive_fleet)(fleet, deals))
    steps = list(zip(fleet.samples, fleet.samples[1:], strict=False))
    delays = [fleet.noticed[deal_id] - moved for deal_id, moved in fleet.moved.items() if deal_id in fleet.noticed]
    return {
        "sensors": len(deals),
        "requests an interval": max(after[0] - before[0] for before, after in steps),
        "tokens an interval": max(after[1] - before[1] for before, after in steps),
        "moved": len(fleet.moved),
        "noticed": len(delays),
        "slowest (s)": round(max(delays), 1),
        "median (s)": round(sorted(delays)[len(delays) // 2], 1),
        "CPU (s)": round(fleet.cpu, 2),
        "memory (MB)": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "of it for the fleet (MB)": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory_before) / 1024),
    }


def _control(url: str, method: str, what: str, body: dict[str, Any] | None = None) -> Any:
    request = Request(f"{url}/_sandbox/{what}", method=method, headers={"Content-Type": "application/json"})
    request.data = None if body is None else json.dumps(body).encode()
    with urlopen(request, timeout=30) as answer:
        return json.load(answer)["data"]


def _report(found: dict[str, dict[str, Any]], speed: float) -> int:
    print(f"{SENSORS} sensors, every {INTERVAL:g} s, {ROUNDS} intervals, {speed:g} times as fast as the clock")
    for line in next(iter(found.values())):
        print(f"  {line:26}" + "".join(f"{name}: {values[line]:<12}" for name, values in found.items()))
    ours = found["shared poll"]
    bounds = {
        f"at most {MOST_REQUESTS} requests an interval": ours["requests an interval"] <= MOST_REQUESTS,
        f"at most {MOST_TOKENS} tokens an interval": ours["tokens an interval"] <= MOST_TOKENS,
        "every move noticed": ours["noticed"] == ours["moved"] > 0,
        f"within an interval plus {SLACK:g} s": ours["slowest (s)"] <= INTERVAL + SLACK,
    }
    for bound, kept in bounds.items():
        print(f"{'ok    ' if kept else 'MISSED'} {bound}")
    return 0 if all(bounds.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
