"""A file that is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.client.whole_files import folders_needed, whole_file
from airflow_provider_pipedrive.errors import PipedriveParameterError


def test_a_file_appears_when_it_is_complete_and_takes_the_place_of_what_was_there(tmp_path: Path) -> None:
    place = tmp_path / "report.pdf"
    place.write_bytes(b"old and longer")
    with whole_file(place) as file:
        file.write(b"new")
        assert place.read_bytes() == b"old and longer"
    assert place.read_bytes() == b"new"
    assert list(tmp_path.iterdir()) == [place]


def test_what_fails_half_way_leaves_nothing_behind_and_what_was_there_alone(tmp_path: Path) -> None:
    place = tmp_path / "report.pdf"
    place.write_bytes(b"old")
    with pytest.raises(TypeError), whole_file(place) as file:
        file.writelines([b"half", "not bytes"])
    assert place.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [place]


def test_where_there_is_no_folder_it_is_an_os_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), whole_file(tmp_path / "nowhere" / "report.pdf"):
        pass


@pytest.mark.parametrize("folder", ["crm", "crm/deals", "crm/deals/2026"])
def test_a_file_where_a_folder_is_needed_is_named(tmp_path: Path, folder: str) -> None:
    (tmp_path / "crm").write_text("a file")
    with pytest.raises(PipedriveParameterError, match=f"^{tmp_path / 'crm'} is a file, and a folder is needed there"):
        with folders_needed():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
