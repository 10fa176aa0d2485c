"""docs/actions.md and the type of all keys are what the catalog says: tools/generate/reference.py wrote them."""

from __future__ import annotations

import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import get_args

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.catalog.keys import ActionKey

ROOT = Path(__file__).parents[2]
TOOL = ROOT / "tools" / "generate" / "reference.py"
REFERENCE = (ROOT / "docs" / "actions.md").read_text("utf-8")


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def test_nothing_is_out_of_step_with_the_catalog() -> None:
    assert runpy.run_path(str(TOOL))["out_of_step"]() == [], "run python tools/generate/reference.py"


def test_the_check_fails_and_names_what_is_out_of_step_until_it_is_written_anew(tmp_path: Path) -> None:
    package = tmp_path / "airflow_provider_pipedrive"
    shutil.copytree(ROOT / "airflow_provider_pipedrive" / "catalog", package / "catalog")
    shutil.copy(ROOT / "airflow_provider_pipedrive" / "errors.py", package)
    (package / "__init__.py").touch()
    (tmp_path / "tools" / "generate").mkdir(parents=True)
    shutil.copy(TOOL, tmp_path / "tools" / "generate")
    (package / "catalog" / "keys.py").write_text("ActionKey = str\n", "utf-8")

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, str(tmp_path / "tools" / "generate" / TOOL.name), *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    before = run("--check")
    assert before.returncode == 1
    assert "docs/actions.md, airflow_provider_pipedrive/catalog/keys.py" in before.stderr
    assert run().returncode == 0
    assert run("--check").returncode == 0
    assert (tmp_path / "docs" / "actions.md").read_text("utf-8") == REFERENCE


def test_editors_complete_every_key() -> None:
    assert list(get_args(ActionKey)) == sorted(ACTIONS)


def test_every_action_has_one_row() -> None:
    keys = re.findall(r"^\| `(\w+)` \|", REFERENCE, re.M)

    assert sorted(keys) == sorted(ACTIONS)


def test_every_row_has_the_cells_of_its_head() -> None:
    rows = [cells(line) for line in REFERENCE.splitlines() if line.startswith("| `")]

    assert {len(row) for row in rows} == {7}


def test_every_link_inside_the_page_leads_to_a_heading() -> None:
    headings = {line[3:].lower().replace(" ", "-") for line in REFERENCE.splitlines() if line.startswith("## ")}

    assert set(re.findall(r"\]\(#([^)]+)\)", REFERENCE)) - headings == set()


def row_of(key: str) -> list[str]:
    return next(cells(line) for line in REFERENCE.splitlines() if line.startswith(f"| `{key}` |"))


def test_a_row_says_everything_about_its_action() -> None:
    assert row_of("deleteDealProduct") == [
        "`deleteDealProduct`",
        "Delete a product from a deal<br>`DELETE /api/v2/deals/{id}/products/{product_attachment_id}`",
        r"`id`\* integer<br>`product_attachment_id`\* integer",
        "deals:full<br>products:full",
        "3",
        "v2",
        "",
    ]


def test_another_name_shows_its_own_parameter_and_whose_the_others_are() -> None:
    assert row_of("getOrganizationPersons")[2] == (
        r"`org_id`\* (or `id`) integer<br>and those of `getPersons`"
        "<br>not with `filter_id`: `ids`, `owner_id`, `org_id`, `deal_id`"
    )


def test_values_lists_and_bounds_are_spelled_out() -> None:
    assert row_of("getInstallments")[2] == (
        r"`deal_ids`\* list of integer (at most 100)<br>`sort_by` one of id, billing_date, deal_id"
        "<br>`sort_direction` one of asc, desc<br>`limit` integer up to 500<br>`cursor` text"
    )


def test_a_removed_action_shows_since_when_where_that_is_said_and_what_to_use() -> None:
    assert row_of("getSubscriptionPayments")[6] == (
        "[removed](https://developers.pipedrive.com/changelog/post/"
        "removal-of-subscriptions-api-replaced-by-product-subscriptions-api) 2025-06-27<br>use getInstallments"
    )
