"""A file that is written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_pipedrive.client.whole_files import UnfinishedFile, whole_file


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


def test_a_private_file_is_for_this_user_alone_from_its_first_byte(tmp_path: Path) -> None:
    place = tmp_path / "rows.jsonl"
    with whole_file(place, private=True) as file:
        file.write(b"{}")
        (unfinished,) = tmp_path.iterdir()
        assert unfinished.stat().st_mode & 0o777 == 0o600
    assert place.stat().st_mode & 0o777 == 0o600


def test_what_a_killed_process_was_writing_tells_which_file_it_was_to_become(tmp_path: Path) -> None:
    UnfinishedFile(tmp_path / "part-00000.jsonl").file.close()
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".part-00000.jsonl.")
    assert left.name.endswith(".tmp")


@pytest.mark.parametrize("name", ["a" * 251 + ".pdf", "\N{SNOWMAN}" * 85], ids=["letters", "bytes"])
def test_the_longest_name_that_a_file_can_have_can_be_written(name: str, tmp_path: Path) -> None:
    with whole_file(tmp_path / name) as file:
        file.write(b"whole")
    assert (tmp_path / name).read_bytes() == b"whole"
