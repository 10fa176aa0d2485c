"""The example DAG that reports how clean the CRM is."""

from __future__ import annotations

import re
import runpy
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox

DAGS = Path(__file__).resolve().parents[2] / "example_dags"


def declared(folder: Path) -> Any:
    names = runpy.run_path(str(DAGS / "pipedrive_hygiene_report.py"))
    params = {"connection": "pipedrive_default", "folder": str(folder)}
    names["pipedrive_hygiene_report"].__wrapped__.__globals__["get_current_context"] = lambda: {"params": params}
    return names["pipedrive_hygiene_report"]()


def test_what_is_missing_is_counted_and_drawn(sandbox: Sandbox, tmp_path: Path) -> None:
    dag = declared(tmp_path)
    count, draw = (dag.get_task(name).python_callable for name in ("count", "draw"))
    before = {each["what"]: each for each in count()}
    hook = PipedriveHook()
    hook.run("addPerson", {"name": "Nobody Reaches"})
    for _ in range(2):
        hook.run("addPerson", {"name": "Zoltan Quast", "emails": [{"value": "zq@x.example", "primary": True}]})

    counts = count()

    after = {each["what"]: each for each in counts}
    name = "Persons without e-mail and phone"
    assert after[name]["many"] == before[name]["many"] + 1
    assert after[name]["of"] == before[name]["of"] + 3
    assert after["Persons too many: duplicates"]["many"] == before["Persons too many: duplicates"]["many"] + 1
    page = Path(draw(counts).removeprefix("file://")).read_text(encoding="utf-8")
    picture = re.search(r"<svg.*</svg>", page)
    assert picture is not None
    texts = [each.text for each in ElementTree.fromstring(picture[0]).iter("{http://www.w3.org/2000/svg}text")]
    assert f"{after[name]['many']} of {after[name]['of']}" in texts
