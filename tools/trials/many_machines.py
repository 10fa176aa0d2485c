"""Airflow on several machines, some of which die: what is lost, what is doubled, what it takes.

    .venv-3.3.2/bin/python tools/trials/many_machines.py          # on Linux, with postgresql, redis-server and nginx

Two Celery workers, two triggerers, two API servers below a path behind nginx (as the manual tells it), PostgreSQL and
FAB, all of it on this machine (tools/live_cluster.py), with the sandbox as Pipedrive. One after the other

- a mapped extraction reads nine entities, with a limit for each machine and without, and while a worker is killed,
- a bulk write makes and changes persons while its worker is killed,
- a burst of deliveries comes while an API server is killed,
- sensors and a watcher wait, and webhooks report the same, while a triggerer is killed,
- a browser connects an account by OAuth, follows the pages' links, and is a viewer's,
- what the ledger says of all machines is held against what Pipedrive has counted.

Every kill is a kill -9 of the process and of all its children. Everything that was started ends with the trial, at
latest after ``--minutes``. The exit code is 1 if anything was lost, doubled or refused that should not be.
"""

from __future__ import annotations

import argparse
import gzip
import json
import logging
import os
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench import webhooks as burst
from environment import clean_environ
from live_airflow import LiveAirflowError, Run
from live_cluster import API_SERVERS, TRIGGERERS, WORKERS, LiveCluster, installed
from live_sandbox import LiveSandbox
from trials import watchers

from airflow_provider_pipedrive.client import PipedriveClient, settings_from

DEALS = 8_000
ENTITIES = ("deals", "persons", "organizations", "activities", "products", "notes", "leads", "files", "users")
HALF = 10
"""Requests in 2 seconds, of the credential's 20, that each of two machines is told to keep to."""
HALVED = "pipedrive_halved"
"""A connection that says so."""
NEW, CHANGED = 200, 100
"""Rows of the bulk write that make a person, and that change one."""
DELIVERIES = 600
CONNECTIONS = 50
PAUSES = (0, 3, 30, 150)
"""Seconds before each attempt of a delivery: https://pipedrive.readme.io/docs/guide-for-webhooks-v2"""
SENSORS, CHANGES = 40, 120
STREAM = 60.0
"""Seconds that the changes take."""
BACK_AFTER = 5.0
"""Seconds after which what was killed is started again."""
DAGS = f"""
import os
from airflow.sdk import DAG
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.sensors.pipedrive import PipedriveDealStageSensor
from airflow_provider_pipedrive.transfers import PipedriveToObjectStorageOperator

FOLDER = os.environ["TRIAL_FOLDER"]
again = {{"retries": 5, "retry_delay": 1}}

with DAG("mapped", schedule=None, default_args=again):
    PipedriveToObjectStorageOperator.partial(
        task_id="extract",
        pipedrive_conn_id="{{{{ dag_run.conf.connection }}}}",
        path=FOLDER + "/{{{{ dag_run.conf.folder }}}}",
        format="jsonl.gz",
        concurrency=4,
        max_active_tis_per_dagrun=4,
    ).expand(entities=[[entity] for entity in {ENTITIES}])

with DAG("bulk", schedule=None, default_args=again):
    PipedriveBulkOperator(
        task_id="write", rows=FOLDER + "/rows.jsonl", entity="persons", match_on="email", folder=FOLDER + "/journal"
    )

with DAG("waits", schedule=None, default_args=again, render_template_as_native_obj=True):
    PipedriveDealStageSensor.partial(
        task_id="wait", to_stage="{{{{ dag_run.conf.stage }}}}", poke_interval=5, deferrable=True
    ).expand_kwargs([{{"deal_id": "{{{{ dag_run.conf.deals[%d] }}}}" % n}} for n in range({SENSORS})])
"""


@dataclass
class Figures:
    """What was seen.

    :ivar wrong: what is not as it must be
    """

    rows: list[tuple[str, str]] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def say(self, what: str, seen: str) -> None:
        """A line of the table."""
        print(f"{what}: {seen}", flush=True)
        self.rows.append((what, seen))

    def demand(self, what: str, seen: Any, wanted: Any) -> None:
        """What must be so."""
        if seen != wanted:
            print(f"WRONG {what}: {seen!r:.500} and not {wanted!r:.500}", flush=True)
            self.wrong.append(what)

    def table(self) -> str:
        """All lines, as documentation has them."""
        return "\n".join(["| what | seen |", "|---|---|", *(f"| {what} | {seen} |" for what, seen in self.rows)])


@dataclass
class Scene:
    """What the parts of the trial share."""

    folder: Path
    sandbox: LiveSandbox
    airflow: LiveCluster
    consumer: watchers.Trial
    figures: Figures = field(default_factory=Figures)

    @cached_property
    def client(self) -> PipedriveClient:
        """A person's own tool: another credential, with a rate limit of its own."""
        given = json.loads(self.sandbox.oauth_connection())
        return PipedriveClient(
            settings_from(host=given["host"], login=given["login"], password=given["password"], extra=given["extra"])
        )

    def kill(self, name: str) -> None:
        """Kill a part, and let it be started again after a while."""
        part = self.airflow.parts[name]
        part.kill()
        print(f"killed {name}", flush=True)
        threading.Timer(BACK_AFTER, part.start).start()

    @contextmanager
    def limits(self, what: str) -> Iterator[None]:
        """State the requests of a part of the trial, and how many were refused as too fast."""
        before, began = len(self.sandbox.requests()), time.monotonic()
        yield
        seconds = time.monotonic() - began
        answers = Counter(request["status"] for request in self.sandbox.requests()[before:])
        self.figures.say(
            f"{what}: time and requests to Pipedrive",
            f"{seconds:.0f} s, {answers.total()} requests, {answers[429]} of them 429",
        )

    def until(self, done: Callable[[], Any], what: str, seconds: float = 240, run: Run | None = None) -> Any:
        """Wait until something is so, and return it.

        :param run: that is not to end before
        """
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if found := done():
                return found
            if run is not None and all(task["end_date"] for task in self.airflow.tasks(run)):
                raise LiveAirflowError(f"The run ended before there were {what}.\n{self.airflow.failures(run)}")
            time.sleep(0.2)
        raise LiveAirflowError(f"Waited for {what}, but {seconds:.0f} s have passed.")

    def ended(self, run: Run) -> list[dict[str, Any]]:
        """The tasks of a run that must succeed."""
        self.airflow.wait_for_run(run, 600)
        return self.airflow.tasks(run)


def by_host(tasks: list[dict[str, Any]]) -> str:
    """How many tasks have ended on each machine."""
    counts = Counter(task["hostname"] for task in tasks)
    return ", ".join(f"{name} {counts[name]}" for name in sorted(counts))


def extraction(scene: Scene, name: str = "extraction", connection: str = "pipedrive_default", victim: str = "") -> None:
    """Read nine entities, each in a task of its own."""
    folder = re.sub(r"\W+", "-", name)
    with scene.limits(name):
        before = len(scene.sandbox.requests())
        run = scene.airflow.trigger("mapped", {"folder": folder, "connection": connection})
        hit: list[str] = []
        if victim:

            def at_work() -> list[str]:
                if len(scene.sandbox.requests()) - before < 30:
                    return []
                tasks = scene.airflow.tasks(run)
                return [str(t["map_index"]) for t in tasks if t["state"] == "running" and t["hostname"] == victim]

            hit = scene.until(at_work, f"tasks on {victim}", run=run)
            scene.kill(victim)
        tasks = scene.ended(run)
    rows = {entity: landed(scene.folder / folder / entity) for entity in ENTITIES}
    for entity, ids in rows.items():
        scene.figures.demand(f"{name}: ids of {entity}", sorted(ids, key=str), sorted(company(scene, entity), key=str))
    scene.figures.say(
        f"{name}: rows, all of them those of the company", f"{sum(map(len, rows.values())):,} of {len(rows)} entities"
    )
    again = sum(task["try_number"] > 1 for task in tasks)
    scene.figures.say(
        f"{name}: tasks by worker", by_host(tasks) + (f"; {len(hit)} hit, {again} tried again" if hit else "")
    )
    if victim:
        scene.figures.demand(f"{name}: hit tasks that were tried again", again >= len(hit) > 0, True)
    else:
        scene.figures.demand(f"{name}: workers", {task["hostname"] for task in tasks}, set(WORKERS))


def company(scene: Scene, entity: str) -> list[Any]:
    """The ids that a full read must give."""
    return list(scene.sandbox.ids(entity))


def landed(folder: Path) -> list[Any]:
    """The ids in the files that a manifest names, as often as they are there."""
    parts = json.loads((folder / "_manifest.json").read_text())["parts"]
    lines = [line for part in parts for line in gzip.decompress((folder / part["name"]).read_bytes()).splitlines()]
    return [row.get("id", row.get("Id", row.get("ID"))) for row in map(json.loads, lines)]


def bulk_write(scene: Scene) -> None:
    """Make and change persons, and kill the worker in the middle."""
    rows = rows_to_write(scene.client)
    (scene.folder / "rows.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    with scene.limits("bulk write"):
        before = len(scene.sandbox.requests())
        run = scene.airflow.trigger("bulk")

        def written() -> bool:
            return sum(request["method"] == "POST" for request in scene.sandbox.requests()[before:]) > NEW // 3

        scene.until(written, "writes", run=run)
        (task,) = scene.airflow.tasks(run)
        scene.kill(task["hostname"])
        (task,) = scene.ended(run)
    names: dict[str, list[str]] = {}
    for person in scene.client.iterate("getPersons"):
        for mail in person["emails"] or ():
            names.setdefault(mail["value"], []).append(person["name"])
    found = {row["email"]: names.get(row["email"], []) for row in rows}
    scene.figures.demand("bulk write: names by address", found, {row["email"]: [row["name"]] for row in rows})
    receipt = scene.airflow.xcom(run, "write")
    counts = [receipt[name] for name in ("created", "updated", "unchanged", "rejected")]
    scene.figures.demand("bulk write: receipt", counts, [NEW, CHANGED, 0, 0])
    scene.figures.say(
        "bulk write, its worker killed: rows",
        f"{len(rows)} written in {task['try_number']} tries ({counts[0]} made, {counts[1]} changed), "
        f"{sum(len(persons) > 1 for persons in found.values())} doubled",
    )


def rows_to_write(client: PipedriveClient) -> list[dict[str, str]]:
    """Rows of persons that are not there, and of some that are, under another name."""
    mails = Counter(
        person["emails"][0]["value"] for person in client.iterate("getPersons") if len(person["emails"] or ()) == 1
    )
    known = [mail for mail, count in mails.items() if count == 1][:CHANGED]
    rows = [{"email": f"new{n}@example.com", "name": f"New {n}"} for n in range(NEW)]
    return rows + [{"email": mail, "name": f"Changed {n}"} for n, mail in enumerate(known)]


def deliver(scene: Scene, document: dict[str, Any], taken: list[float]) -> list[int]:
    """The statuses of a delivery's attempts, as Pipedrive makes them."""
    statuses: list[int] = []
    for pause in PAUSES:
        time.sleep(pause)
        status, seconds = burst.send(scene.airflow, document)
        statuses.append(status)
        if 200 <= status < 300:
            taken.append(seconds)
            break
    return statuses


def bursts(scene: Scene) -> None:
    """Deliver a burst, and kill an API server in the middle."""
    documents = [burst.delivery(number) for number in range(DELIVERIES)]
    expected = {document["data"]["id"] for document in documents}
    before = {name: accepted(scene, name) for name in API_SERVERS}
    taken: list[float] = []
    began = time.monotonic()

    def kill_in_the_middle() -> None:
        scene.until(lambda: len(taken) > DELIVERIES // 4, "deliveries", 60)
        scene.kill(API_SERVERS[0])

    killer = threading.Thread(target=kill_in_the_middle)
    killer.start()
    with ThreadPoolExecutor(CONNECTIONS) as senders:
        attempts = list(senders.map(lambda document: deliver(scene, document, taken), documents))
    killer.join()
    sent = time.monotonic() - began
    seen = scene.consumer.wait_for(expected, 180)
    handled = time.monotonic() - began
    answers = Counter(status for statuses in attempts for status in statuses)
    failed = ", ".join(f"{count} of {status}" for status, count in sorted(answers.items()) if status != 200)
    by_server = ", ".join(f"{name} {accepted(scene, name) - before[name]}" for name in API_SERVERS)
    scene.figures.say(
        f"burst of {DELIVERIES} deliveries, {API_SERVERS[0]} killed",
        f"{answers[200]} answered 200 in {sent:.1f} s ({by_server}); failed attempts: {failed or 'none'}",
    )
    scene.figures.demand("burst: deliveries that were taken in the end", answers[200], DELIVERIES)
    state_claims(scene, "burst: changes in DAG runs", expected, seen, f", {handled:.0f} s after the first delivery")


def accepted(scene: Scene, server: str) -> int:
    """Deliveries that an API server has answered with 200 so far."""
    log = scene.airflow.parts[server].log.read_text(errors="replace")
    return len(re.findall(r"method=POST path=\S*/pipedrive/webhook/.* status_code=200", log))


def state_claims(scene: Scene, what: str, changed: set[int], seen: watchers.Seen, more: str = "") -> None:
    """How many of the changes are in a run's claim and in the sink, and that each is there once."""
    faults = seen.faults(changed)
    mine = {key: count for key, count in seen.claims.items() if key in changed}
    lost, doubled = len(changed - mine.keys()), sum(count > 1 for count in mine.values())
    scene.figures.demand(what, faults, [])
    scene.figures.say(what, f"{len(mine)}, doubled {doubled}, lost {lost}{more}")


def events(scene: Scene) -> None:
    """Let sensors, a watcher and webhooks report changes, and kill a triggerer in the middle."""
    waited, others, target = deals_to_change(scene.client)
    changed = [*others[: len(others) // 2], *waited, *others[len(others) // 2 :]]
    burst.subscribe(scene.sandbox, scene.airflow)
    run = scene.airflow.trigger("waits", {"deals": waited, "stage": target})
    scene.until(lambda: [task["state"] for task in scene.airflow.tasks(run)].count("deferred") == SENSORS, "waits")
    time.sleep(15)  # until the triggerers have shared them out
    hosts = Counter((task["triggerer_job"] or {}).get("hostname", "none") for task in scene.airflow.tasks(run))
    with scene.limits("events"):
        began = time.monotonic()
        for number, deal in enumerate(changed):
            moved = {"stage_id": target} if deal in waited else {"title": f"Renamed {number}"}
            scene.sandbox.update("deals", deal, moved)
            if number == len(changed) // 3:
                scene.kill(TRIGGERERS[0])
            time.sleep(max(0.0, began + (number + 1) * STREAM / len(changed) - time.monotonic()))
        tasks = scene.ended(run)
        scene.consumer.wait_for({*changed}, 240)
        time.sleep(10)  # for what may come twice
        seen = scene.consumer.seen()
    states = Counter(task["state"] for task in tasks)
    scene.figures.demand("sensors: states", states, Counter(success=SENSORS))
    scene.figures.demand("sensors: triggerers", {*hosts}, {*TRIGGERERS})
    scene.figures.say(
        f"{SENSORS} deferred sensors, {TRIGGERERS[0]} killed",
        f"{', '.join(f'{name} {count}' for name, count in sorted(hosts.items()))}; {states['success']} met their deals",
    )
    delivered = scene.sandbox.counters()["webhooks"]["delivered"]
    what = f"{len(changed)} changes told by webhooks and a watcher, in DAG runs"
    state_claims(scene, what, {*changed}, seen, f"; webhooks delivered {delivered}")


def deals_to_change(client: PipedriveClient) -> tuple[list[int], list[int], int]:
    """Deals of one stage, other deals, and another stage of the same pipeline."""
    stages = {stage["id"]: stage["pipeline_id"] for stage in client.iterate("getStages")}
    deals = list(client.iterate("getDeals", {"status": "open"}))
    ((origin, _),) = Counter(deal["stage_id"] for deal in deals).most_common(1)
    target = next(stage for stage, pipeline in stages.items() if stage != origin and pipeline == stages[origin])
    waited = [deal["id"] for deal in deals if deal["stage_id"] == origin][:SENSORS]
    others = [deal["id"] for deal in deals if deal["id"] not in waited]
    return waited, others[: CHANGES - SENSORS], target


class Browser:
    """Somebody who has signed in, in front of nginx."""

    def __init__(self, scene: Scene, name: str) -> None:
        self.http = requests.Session()
        self._base = scene.airflow.url
        self.http.cookies.set("_token", scene.airflow.sign_in(name), domain="127.0.0.1", path="/")

    def get(self, path: str) -> requests.Response:
        """A page, by its path below Airflow's address or by a whole address."""
        return self.http.get(path if "://" in path else self._base + path, timeout=60)

    def post(self, action: str, **fields: str) -> requests.Response:
        """Press a button of the Pipedrive page."""
        token = re.search(r'name="token" value="([^"]+)"', self.get("/pipedrive/page").text)
        fields["token"] = token[1] if token else ""
        headers = {"Sec-Fetch-Site": "same-origin", "Origin": self._base.removesuffix(urlsplit(self._base).path)}
        return self.http.post(f"{self._base}/pipedrive/{action}", data=fields, headers=headers, timeout=60)

    def links(self, page: requests.Response) -> set[str]:
        """Where a page's links, forms and pictures lead, as whole addresses."""
        found = re.findall(r'(?:href|src|action)="([^"#]+)"', page.text)
        return {urljoin(page.url, unescape(one)) for one in found if not one.startswith(("data:", "mailto:"))}


def pages(scene: Scene) -> None:
    """Connect an account in the browser, below the path, and look where links lead."""
    figures, base = scene.figures, scene.airflow.url
    sandbox = scene.sandbox
    extra = json.dumps({"oauth_host": sandbox.url})
    connection = {"connection_id": "crm", "conn_type": "pipedrive", "host": sandbox.url, "extra": extra}
    app = {"login": "demo-app", "password": sandbox.secrets["client-secret"]}
    scene.airflow.post("/api/v2/connections", connection | app)
    browser = Browser(scene, "admin")
    page = browser.get("/pipedrive/page")
    ours = {link for link in browser.links(page) if not link.startswith("https://")}
    figures.demand("page: links outside of the path", [link for link in ours if not link.startswith(f"{base}/")], [])
    gets = [link for link in ours if "/page" in link or "?" in link or link.endswith((".css", ".js", ".svg"))]
    figures.demand("page: links that lead nowhere", [link for link in gets if not browser.get(link).ok], [])
    consent = re.search(r'http-equiv="refresh" content="0;url=([^"]+)"', browser.post("connect", conn_id="crm").text)
    address = unescape(consent[1]) if consent else ""
    asked = parse_qs(urlsplit(address).query)
    figures.demand("OAuth: callback URL", asked.get("redirect_uri"), [f"{base}/pipedrive/callback"])
    back = browser.get(allowed_by(scene, address))
    figures.demand("OAuth: page after the consent", back.url.partition("?")[0], f"{base}/pipedrive/connected")
    tested = browser.post("test", conn_id="crm")
    figures.demand("page: Test", "crm works: connected as" in tested.text, True)
    figures.say(
        "pages below the path, two API servers",
        f"{len(ours)} links right, callback {base}/pipedrive/callback, connected by OAuth and tested",
    )
    viewer = Browser(scene, "vi")
    seen = [viewer.get("/pipedrive/page").status_code, viewer.post("test", conn_id="crm").status_code]
    figures.demand("FAB viewer", seen, [403, 403])
    figures.say("a viewer (FAB)", f"page {seen[0]}, Test {seen[1]}")


def allowed_by(scene: Scene, address: str) -> str:
    """Press Allow on Pipedrive's consent page; the address that the browser is sent back to."""
    page = requests.get(address, timeout=30)
    fields = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', page.text))
    (value,) = re.findall(r'<button[^>]* name="decision" value="([^"]+)"[^>]*>\s*Allow', page.text)
    data = {name: unescape(text) for name, text in fields.items()} | {"decision": value}
    answer = requests.post(f"{scene.sandbox.url}/oauth/authorize", data=data, allow_redirects=False, timeout=30)
    return answer.headers["location"]


def budget(scene: Scene, spent: int) -> None:
    """Hold what the machines have left word of against what Pipedrive has counted.

    :param spent: tokens that the workers' and triggerers' requests have cost
    """
    found = scene.airflow._get("/api/v2/variables?limit=100&variable_key_pattern=pipedrive_spent_")["variables"]
    machines: Counter[str] = Counter()
    for variable in found:
        for machine, day in json.loads(variable["value"]).items():
            machines[machine.rpartition("-")[0]] += sum(day["rows"].values())
    told = ", ".join(f"{name} {count:,}" for name, count in sorted(machines.items()))
    scene.figures.say("API tokens, counted by Pipedrive", f"{spent:,}")
    scene.figures.say("API tokens, in the ledgers of the machines", f"{machines.total():,}: {told}")
    scene.figures.demand("ledger: machines", {*machines} >= {*WORKERS, *TRIGGERERS}, True)


PARTS: dict[str, Callable[[Scene], None]] = {
    "extraction": extraction,
    "halved": lambda scene: extraction(scene, f"extraction, burst_limit {HALF}", HALVED),
    "killed": lambda scene: extraction(scene, f"extraction, {WORKERS[0]} killed", victim=WORKERS[0]),
    "bulk": bulk_write,
    "bursts": bursts,
    "events": events,
    "pages": pages,
}


@contextmanager
def staged(folder: Path, deals: int) -> Iterator[Scene]:
    """The company, the DAGs and the cluster."""
    environ = clean_environ()
    consumer = watchers.Trial(folder)
    (consumer.dags / "trial.py").write_text(DAGS)
    with LiveSandbox(Path(sys.executable), deals=deals, environ=environ) as sandbox:
        users = {"admin": "Admin", "vi": "Viewer"}
        settings = environ | {"TRIAL_FOLDER": str(folder)}
        airflow = LiveCluster(installed(), folder / "airflow", consumer.dags, settings, print, users)
        airflow.environ["AIRFLOW_CONN_PIPEDRIVE_DEFAULT"] = burst.connection(sandbox, airflow)
        halved = json.loads(sandbox.connection())
        halved["extra"]["burst_limit"] = HALF
        airflow.environ[f"AIRFLOW_CONN_{HALVED.upper()}"] = json.dumps(halved)
        began = time.monotonic()
        with airflow:
            for dag in ("mapped", "bulk", "waits", watchers.DAG_ID):
                airflow.wait_for_dag(dag)
            sandbox.wait_for_request("/api/v2/deals", 180)
            scene = Scene(folder, sandbox, airflow, consumer)
            scene.figures.say("start until the DAGs are there", f"{time.monotonic() - began:.0f} s")
            yield scene


def main() -> int:
    """Run the trial, and print what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--deals", type=int, default=DEALS)
    parser.add_argument("--minutes", type=int, default=25, help="after which it is broken off")
    parser.add_argument("--only", nargs="*", choices=PARTS, default=list(PARTS))
    options = parser.parse_args()
    logging.getLogger("airflow_provider_pipedrive").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    signal.signal(signal.SIGALRM, lambda *_: sys.exit(f"broken off after {options.minutes} minutes"))
    signal.alarm(options.minutes * 60)
    with tempfile.TemporaryDirectory(prefix="machines-", ignore_cleanup_errors=True) as name:
        with staged(Path(name), options.deals) as scene:
            os.environ["PIPEDRIVE_TOKEN_CACHE"] = ""  # this process is none of the machines
            for part in options.only:
                print(f"---- {part}", flush=True)
                PARTS[part](scene)
            budget(scene, scene.sandbox.counters()["tokens"] - scene.client.usage.tokens)
        print(f"\n{scene.figures.table()}")
    print(f"WRONG: {'; '.join(scene.figures.wrong)}" if scene.figures.wrong else "nothing lost, nothing doubled")
    return 1 if scene.figures.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
