"""A file where a folder is needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.client.needed_folders import folders_needed
from airflow_provider_pipedrive.errors import PipedriveParameterError


@pytest.mark.parametrize("folder", ["crm", "crm/deals", "crm/deals/2026"])
def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "crm").write_text("a file")
    with pytest.raises(PipedriveParameterError, match=f"^{tmp_path / 'crm'} is a file, and a folder is needed there"):
        with folders_needed():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
