"""Names under which files can be stored anywhere."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.files.names import LONGEST, stored_name


@pytest.mark.parametrize(
    ("name", "stored"),
    [
        ("Offer 2026.pdf", "7-Offer 2026.pdf"),
        ("Übersicht – Müller.docx", "7-Übersicht – Müller.docx"),
        ("契約書.pdf", "7-契約書.pdf"),
        ("../../etc/passwd", "7-_.._etc_passwd"),
        ("..\\..\\windows\\win.ini", "7-_.._windows_win.ini"),
        ("/etc/passwd", "7-_etc_passwd"),
        ("C:\\temp\\a.txt", "7-C__temp_a.txt"),
        ("..", "7-file"),
        (".", "7-file"),
        ("", "7-file"),
        (None, "7-file"),
        ("   ", "7-file"),
        (".bashrc", "7-bashrc"),
        ("NUL", "7-NUL"),
        ("con.txt", "7-con.txt"),
        ("offer.pdf. . ", "7-offer.pdf"),
        ("a\x00b\x1b[31mc\n.txt", "7-ab_31mc .txt"),
        ("offer\u202efdp.exe", "7-offerfdp.exe"),
        ("a\tb\r\nc.txt", "7-a b c.txt"),
        ('100% "sure"? <yes>|*.txt', "7-100_ _sure__ _yes___.txt"),
        ("list[1]{2}#3.txt", "7-list_1__2__3.txt"),
        ("e\u0301te\u0301.txt", "7-été.txt"),
    ],
)
def test_a_name_becomes_harmless_and_begins_with_the_id(name: str | None, stored: str) -> None:
    assert stored_name(7, name) == stored


@pytest.mark.parametrize(
    ("name", "ending"), [("x" * 500 + ".pdf", "xxx.pdf"), ("ü" * 500 + ".pdf", "ü.pdf"), ("." + "y" * 500, "yyy")]
)
def test_a_long_name_is_cut_and_keeps_its_suffix(name: str, ending: str) -> None:
    stored = stored_name(7, name)
    assert LONGEST - 4 <= len(stored.encode()) <= LONGEST
    assert stored.endswith(ending)


def test_two_files_of_one_name_do_not_meet() -> None:
    assert stored_name(7, "offer.pdf") != stored_name(8, "offer.pdf")
    assert stored_name(1, "1-offer.pdf") != stored_name(11, "offer.pdf")


def test_an_id_is_no_way_out_of_the_folder() -> None:
    assert stored_name("../7", "a.txt") == "7-a.txt"
