"""The page for who begins does what it says: its commands and its DAG, as they are written there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from environment import clean_environ

from airflow_provider_pipedrive.sandbox import Sandbox

PAGE = Path(__file__).resolve().parents[2] / "docs" / "first-dag.md"


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.airflow
@pytest.mark.long
def test_the_first_dag_of_the_manual_writes_its_note(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "dags" / "first_pipedrive.py").write_text(blocks("python")[0], encoding="utf-8")
    _install, _start, connect, run = blocks("sh")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = clean_environ() | {"AIRFLOW_HOME": str(tmp_path), "PATH": path, "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    with Sandbox(deals=200, api_token="sandbox-token") as sandbox:
        notes = set(sandbox.records("notes"))
        commands = (connect + run).replace("http://127.0.0.1:8765", sandbox.url)
        subprocess.run(["sh", "-ec", commands], env=environ, check=True, timeout=600)
        (note,) = set(sandbox.records("notes")) - notes
        assert sandbox.records("notes")[note]["content"] == "The largest of 10 open deals."
