"""What the toolset adds to 20 calls of an agent: names, marks, bounds, log, receipt.

    python tools/bench/agent.py [--latency 150] [--rounds 5]

Needs this package's extras `ai` and `sandbox`. One agent has the toolset, the other tools that send the same requests
with `requests` and hand back the answer's text; both have the same model, a function, so that the framework's own share
is in both. The sandbox is a process of its own. The agents take turns, and the medians count. Exits with 1 if the
bound is missed.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from typing import Any

TOKEN = "bench-token"
BOUND = 0.05
CALLS: list[tuple[str, str, dict[str, Any]]] = [
    ("getDeals", "/api/v2/deals", {"status": ["open"], "limit": 20}),
    *(("getDeal", f"/api/v2/deals/{number}", {"id": number}) for number in range(1, 9)),
    ("getPersons", "/api/v2/persons", {"limit": 20}),
    *(("getPerson", f"/api/v2/persons/{number}", {"id": number}) for number in range(1, 7)),
    *(("getActivities", "/api/v2/activities", {"deal_id": number, "limit": 20}) for number in range(1, 5)),
]
"""Tool, path and arguments of each call, as an agent makes them that looks into a few deals."""


def _model() -> Any:
    """Makes one call after the other."""
    from pydantic_ai.messages import ModelResponse, TextPart, ToolCallPart
    from pydantic_ai.models.function import FunctionModel

    left = list(CALLS)

    def answer(messages: Any, info: Any) -> ModelResponse:
        if not left:
            return ModelResponse(parts=[TextPart("done")])
        name, _, arguments = left.pop(0)
        return ModelResponse(parts=[ToolCallPart(name, arguments)])

    return FunctionModel(answer)


def _own() -> Any:
    from airflow_provider_pipedrive.toolsets import PipedriveToolset

    return PipedriveToolset(actions=sorted({name for name, _, _ in CALLS}))


def _plain(url: str) -> Any:
    """What anybody would write: a request a tool, its text to the model."""
    import requests
    from pydantic_ai import FunctionToolset

    session = requests.Session()
    session.headers["x-api-token"] = TOKEN

    def send(path: str, **given: Any) -> str:
        answer = session.get(url + path, params=given, timeout=60)
        answer.raise_for_status()
        return answer.text

    def getDeals(status: list[str], limit: int) -> str:  # noqa: N802
        return send("/api/v2/deals", status=",".join(status), limit=limit)

    def getDeal(id: int) -> str:  # noqa: A002, N802
        return send(f"/api/v2/deals/{id}")

    def getPersons(limit: int) -> str:  # noqa: N802
        return send("/api/v2/persons", limit=limit)

    def getPerson(id: int) -> str:  # noqa: A002, N802
        return send(f"/api/v2/persons/{id}")

    def getActivities(deal_id: int, limit: int) -> str:  # noqa: N802
        return send("/api/v2/activities", deal_id=deal_id, limit=limit)

    return FunctionToolset([getDeals, getDeal, getPersons, getPerson, getActivities])


def _measured(which: str, url: str) -> None:
    """One run of one agent, from the model's first word to its last; imports are behind it."""
    extra = {"api_token": TOKEN, "burst_limit": 10_000}
    os.environ["AIRFLOW_CONN_PIPEDRIVE_DEFAULT"] = json.dumps({"conn_type": "pipedrive", "host": url, "extra": extra})
    from pydantic_ai import Agent

    _import_what_requests_need()
    toolset = _own() if which == "own" else _plain(url)
    agent = Agent(_model(), toolsets=[toolset])
    began, cpu = time.monotonic(), time.process_time()
    asyncio.run(agent.run("Go."))
    told = {"seconds": time.monotonic() - began, "cpu": time.process_time() - cpu}
    told |= {"receipt": toolset.receipt} if which == "own" else {}
    print(json.dumps(told))


def _import_what_requests_need() -> None:
    """Airflow reads all its providers and plugins when a task starts, and that is none of a call."""
    from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

    assert list(PipedriveHook().iterate("getDeals", max_records=1))
    # Of all that Airflow has made so far: a look through it for what is unused takes longer than any call.
    gc.collect()
    gc.freeze()


def serve(latency: float) -> None:
    """A slow sandbox, until standard input ends; first it says where it is."""
    from airflow_provider_pipedrive.sandbox import Sandbox

    with Sandbox(deals=100, api_token=TOKEN, burst_limit=1_000_000, latency_ms=latency) as sandbox:
        print(sandbox.url, flush=True)
        sys.stdin.read()


def _run(which: str, url: str) -> dict[str, Any]:
    command = [sys.executable, __file__, "--measured", which, url]
    with tempfile.TemporaryDirectory() as home:
        environ = os.environ | {"AIRFLOW_HOME": home, "PIPEDRIVE_TOKEN_CACHE": f"{home}/tokens"}
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, env=environ)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def main() -> int:
    """Measure, or be one of the measured."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=float, default=150.0, metavar="MS")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--measured", nargs=2)
    parser.add_argument("--serve", action="store_true")
    options = parser.parse_args()
    if options.measured:
        _measured(*options.measured)
        return 0
    if options.serve:
        serve(options.latency)
        return 0
    command = [sys.executable, __file__, "--serve", "--latency", str(options.latency)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        url = (server.stdout.readline() if server.stdout else "").strip()
        runs = [(_run("plain", url), _run("own", url)) for _ in range(options.rounds)]
        if server.stdin:
            server.stdin.close()
    plain, own = (statistics.median(pair[which]["seconds"] for pair in runs) for which in (0, 1))
    receipt = runs[-1][1]["receipt"]
    print(f"{len(receipt['calls'])} calls, {receipt['refused']} refused, {receipt['tokens']} API tokens")
    print(f"plain tools {plain:.2f} s, toolset {own:.2f} s: {own / plain - 1:.1%} more (bound {BOUND:.0%})")
    return 0 if own <= (1 + BOUND) * plain and not receipt["refused"] else 1


if __name__ == "__main__":
    sys.exit(main())
