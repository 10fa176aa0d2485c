"""The manual as a site: every page is built, every link and anchor leads somewhere, every public name is described."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("sphinx", reason="the extra docs is not installed")

from manual.build import build, linked
from sphinx.util.inventory import InventoryFile

from tests.test_public_names import CALLABLES, ON_AIRFLOW_3, PACKAGE

ROOT = Path(__file__).resolve().parents[1]


pytestmark = [
    # Sphinx's, of what its extensions use.
    pytest.mark.filterwarnings("ignore::PendingDeprecationWarning", "ignore::DeprecationWarning")
]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site without the API."""
    folder = tmp_path_factory.mktemp("manual")
    assert build(folder, with_api=False) == 0
    return folder


def test_the_site_has_the_pages_and_their_pictures(site: Path) -> None:
    assert (site / "index.html").exists()
    assert (site / "docs" / "writing.html").exists()
    assert (site / "example_dags" / "pipedrive_scores.html").exists()
    assert (site / "_images" / "page.png").exists()


@pytest.mark.long
def test_every_public_name_is_in_the_reference(tmp_path: Path) -> None:
    # In a process of its own, as people build it.
    subprocess.run([sys.executable, ROOT / "tools" / "manual" / "build.py", tmp_path], check=True, timeout=600)
    content = (tmp_path / "objects.inv").read_bytes()
    objects = InventoryFile.loads(content, uri="").data
    described = {name for kind, names in objects.items() if kind.startswith("py:") for name in names}
    assert [name for name in (*CALLABLES, *ON_AIRFLOW_3) if f"{PACKAGE}.{name}" not in described] == []


def test_the_site_loads_nothing_from_elsewhere(site: Path) -> None:
    page = (site / "docs" / "writing.html").read_text(encoding="utf-8")
    assert 'src="http' not in page
    assert 'rel="stylesheet" type="text/css" href="http' not in page


def test_a_link_to_nowhere_fails_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "page.md").write_text("# Page\n\n[there](#nowhere)\n")
    monkeypatch.setattr("manual.build.ROOT", tmp_path)
    monkeypatch.setattr(
        "manual.build.pages", lambda with_api: [("index.md", "# Home\n\n```{toctree}\ndocs/page\n```\n")]
    )
    assert build(tmp_path / "site", with_api=False) != 0


def test_links_to_files_become_links_to_pages() -> None:
    text = "[a](../example_dags/pipedrive_write.py) [b](../README.md#install) [c](example_dags) [d](../example_dags)"
    example, readme, listed, above = re.findall(r"\((.*?)\)", linked(text))
    assert (example, readme) == ("../example_dags/pipedrive_write.md", "../index.md#install")
    assert (listed, above) == ("example_dags/index.md", "../example_dags/index.md")
