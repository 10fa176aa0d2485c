"""How many deals get how far, and how long they stay where: a small mart, with a picture of the funnel.

Every night. Two histories feed it: the moves that two nights' readings of the deals show, which cost nothing more, and
the exact ones out of the changelogs of the deals that moved, at 20 API tokens a deal, up to a cap. A first night over
the cap ends that task; the next night continues where it ended, and the mart is made of what is there.
"""

from __future__ import annotations

import datetime
import json
from collections import defaultdict
from collections.abc import Iterator
from html import escape
from pathlib import Path
from statistics import median
from typing import Any

from airflow.providers.common.compat.sdk import AirflowFailException, Param, dag, get_current_context, task

from airflow_provider_pipedrive.transfers.object_storage import PipedriveToObjectStorageOperator

FOLDER = "{{ params.folder }}"
NIGHT = "run={{ run_id | replace(':', '') | replace('+', '_') }}"


@dag(
    dag_id="pipedrive_stage_funnel",
    schedule="@daily",
    start_date=datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC),
    catchup=False,
    max_active_runs=1,
    is_paused_upon_creation=True,
    tags=["pipedrive", "example"],
    doc_md=__doc__,
    params={
        "connection": Param("pipedrive_default", type="string", description="Airflow connection of type Pipedrive"),
        "folder": Param("/tmp/pipedrive_funnel", type="string", description="Where the readings and the mart land"),
        "history_tokens": Param(5000, type="integer", minimum=50, description="API tokens a night for exact histories"),
    },
)
def pipedrive_stage_funnel() -> None:
    """Declare the tasks."""
    deals = PipedriveToObjectStorageOperator(
        task_id="read_deals",
        pipedrive_conn_id="{{ params.connection }}",
        entities=["deals", "stages", "observed_stage_history"],
        path=FOLDER,
        partition=NIGHT,
        retries=3,
    )
    moves = PipedriveToObjectStorageOperator(
        task_id="read_moves",
        pipedrive_conn_id="{{ params.connection }}",
        entities=["stage_history"],
        mode="changes",
        path=FOLDER + "/exact",
        partition=NIGHT,
        max_tokens="{{ params.history_tokens }}",
    )

    @task(trigger_rule="all_done")
    def make_mart(receipt: dict[str, Any] | None) -> list[dict[str, Any]]:
        """A row for each stage: deals in it, deals that came through it, median days in it."""
        if receipt is None:
            raise AirflowFailException("There are no deals to make a mart of: see read_deals.")
        folder = Path(get_current_context()["params"]["folder"])
        now: dict[int, int] = defaultdict(int)
        for deal in records(Path(receipt["entities"]["deals"]["manifest"])):
            if deal["status"] == "open":
                now[deal["stage_id"]] += 1
        stays = days_in_stages(folder)
        stages = sorted(
            records(Path(receipt["entities"]["stages"]["manifest"])),
            key=lambda stage: (stage["pipeline_id"], stage["order_nr"]),
        )
        rows = [
            {
                "pipeline_id": stage["pipeline_id"],
                "stage": stage["name"],
                "open_deals": now[stage["id"]],
                "left": len(stays[stage["id"]]),
                "median_days": round(median(stays[stage["id"]]), 1) if stays[stage["id"]] else None,
            }
            for stage in stages
        ]
        mart = folder / "mart"
        mart.mkdir(parents=True, exist_ok=True)
        (mart / "stages.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
        (mart / "funnel.svg").write_text(picture(rows))
        print(f"{mart}/funnel.svg")  # noqa: T201 - into the log of the task
        return rows

    mart = make_mart(deals.output)  # type: ignore[arg-type]
    moves >> mart


def records(manifest: Path) -> Iterator[dict[str, Any]]:
    """The records in the files that a manifest names."""
    for part in json.loads(manifest.read_text())["parts"]:
        with (manifest.parent / part["name"]).open() as file:
            yield from map(json.loads, file)


def days_in_stages(folder: Path) -> dict[int, list[float]]:
    """For each stage, how many days each deal that left it had been in it.

    Exact moves where they are known; observed ones tell the last of several moves between two nights.
    """
    moves: dict[tuple[int, str], dict[str, Any]] = {}
    for history in ("observed_stage_history", "exact/stage_history"):
        for manifest in sorted((folder / history).glob("*/_manifest.json")):
            for move in records(manifest):
                moves[move["deal_id"], move["changed_at"]] = move
    stays: dict[int, list[float]] = defaultdict(list)
    came: dict[int, datetime.datetime] = {}
    for (deal, moment), move in sorted(moves.items()):
        at = datetime.datetime.fromisoformat(moment)
        if deal in came:
            stays[move["from_stage_id"]].append((at - came[deal]).total_seconds() / 86400)
        came[deal] = at
    return stays


def picture(rows: list[dict[str, Any]]) -> str:
    """The funnel as SVG: a bar for each stage, as long as it has open deals."""
    most = max((row["open_deals"] for row in rows), default=0) or 1
    bars = []
    for place, row in enumerate(rows):
        y, width = 44 + place * 30, 10 + 360 * row["open_deals"] / most
        days = "" if row["median_days"] is None else f", {row['median_days']} days"
        bars.append(
            f'<text x="190" y="{y + 15}" text-anchor="end">{row["pipeline_id"]}: {escape(row["stage"])}</text>'
            f'<rect x="200" y="{y}" width="{width:.0f}" height="22" rx="3" fill="#0b7a4b"/>'
            f'<text x="{208 + width:.0f}" y="{y + 15}">{row["open_deals"]}{days}</text>'
        )
    height = 60 + 30 * len(rows)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="720" height="{height}" font-family="sans-serif" '
        f'font-size="13"><rect width="100%" height="100%" fill="white"/><text x="16" y="26" font-size="16">'
        f"Open deals by stage, and median days in it</text>{''.join(bars)}</svg>\n"
    )


pipedrive_stage_funnel()
