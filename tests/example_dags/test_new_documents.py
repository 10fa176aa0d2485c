"""The example DAG that brings new documents does what it says, task by task."""

from __future__ import annotations

import runpy
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox import Sandbox

DAG_FILE = Path(__file__).resolve().parents[2] / "example_dags" / "pipedrive_new_documents.py"


def run(folder: Path, run_before: str | None) -> tuple[dict[str, Any], int]:
    """One run of the DAG; the receipt of its first task, and what the second returns."""
    declared = runpy.run_path(str(DAG_FILE))["pipedrive_new_documents"]()
    documents = declared.get_task("documents")
    params = {"connection": "pipedrive_default", "folder": str(folder), "first_day": "2027-03-01"}
    documents.render_template_fields({"params": params, "prev_start_date_success": run_before})
    receipt = documents.execute({"ti": SimpleNamespace(xcom_push=lambda key, value: None), "run_id": str(run_before)})
    return receipt, declared.get_task("tell").python_callable(receipt)


def test_each_run_brings_what_was_added_since_the_one_before_and_tells_what_it_belongs_to(
    sandbox: Sandbox, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    deal = sandbox.records("deals")[1]
    sandbox.add_file(name="before.pdf", add_time="2027-02-01 10:00:00")
    sandbox.add_file(name="picture.png", add_time="2027-03-01 10:00:00")
    first = sandbox.add_file(name="Offer.PDF", add_time="2027-03-01 10:00:00", deal_id=1)
    receipt, told = run(tmp_path, None)
    assert (receipt["names"], receipt["skipped"], told) == ([f"{first['id']}-Offer.PDF"], {"other name": 1}, 1)
    assert f"{first['id']}-Offer.PDF (7 bytes) belongs to {deal['title']}" in capsys.readouterr().out

    second = sandbox.add_file(name="terms.docx", add_time="2027-03-02 10:00:00", mail_message_id="7")
    receipt, told = run(tmp_path, "2027-03-01 23:30:00.123456+00:00")
    assert (receipt["names"], told) == ([f"{second['id']}-terms.docx"], 1)
    assert run(tmp_path, "2027-03-02 09:30:00+00:00")[1] == 0, "it is there already"
