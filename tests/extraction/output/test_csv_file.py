"""Parts as CSV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows, without_rows
from tests.support.parts import FileColumn, written


def test_csv_says_every_kind_of_value_plainly(tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "text": 'say "hi",\r\nthen go',
        "nothing": None,
        "yes": True,
        "no": False,
        "large": 1e22,
        "small": 1.5e-07,
        "whole": 12345678901234567890,
        "list": ["a", 1],
        "object": {"amount": 5, "currency": "EUR"},
        "umlaut": "Müller 株式会社",
    }
    written(tmp_path / "part", "csv", [FileColumn(name) for name in values], [values])
    assert (tmp_path / "part").read_bytes().decode() == (
        "text,nothing,yes,no,large,small,whole,list,object,umlaut\r\n"
        '"say ""hi"",\r\nthen go",,true,false,10000000000000000000000,0.00000015,12345678901234567890,'
        '"[""a"",1]","{""amount"":5,""currency"":""EUR""}",Müller 株式会社\r\n'
    )


def test_csv_keeps_formulas_as_they_are_unless_told_otherwise(tmp_path: Path) -> None:
    written(tmp_path / "part", "csv", [FileColumn("=name")], [{"=name": "=1+1"}])
    assert (tmp_path / "part").read_text() == "=name\n=1+1\n"


def test_csv_puts_an_apostrophe_before_texts_that_a_spreadsheet_would_compute(tmp_path: Path) -> None:
    texts = ["=1+1", "+49 30 1234", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "1=1", "'=1", " =1", "", "a-b"]
    others = [-1, -1.5, True, None, ["=1"], {"a": "=1"}]
    columns = [FileColumn("id"), FileColumn("=x")]
    part, copy = tmp_path / "part.csv", tmp_path / "copy.csv"
    writer = open_part(part, "csv", columns, escape_formulas=True)
    writer.write([{"id": 1, "=x": value} for value in texts])
    writer.write([{"id": 2, "=x": value} for value in others])
    without_rows(part, copy, writer.close().rows, {0})
    rows = list(read_rows(part, "csv"))
    assert [row["'=x"] for row in rows] == [
        *("'=1+1", "'+49 30 1234", "'-1", "'@SUM(1)", "'\t=1", "'\r=1", "'\n=1", "'\uff1d1"),
        *("1=1", "'=1", " =1", None, "a-b"),
        *("-1", "-1.5", "true", None, '["=1"]', '{"a":"=1"}'),
    ]
    assert len(list(read_rows(copy, "csv"))) == len(rows) - 1
    assert "''" not in copy.read_text().splitlines()[0]


def test_csv_says_values_of_one_column_alike_whatever_else_is_in_it(tmp_path: Path) -> None:
    columns: dict[str, list[Any]] = {
        "flag": [True, None, False],
        "list": [["a\nb", "\u2028"], None, []],
        "mixed": [True, [1], "x"],
        "number": [1e22, 2.5, None],
    }
    writer = open_part(tmp_path / "part", "csv", [FileColumn(name) for name in columns])
    writer.write_columns(columns, 3)
    writer.close()
    assert (tmp_path / "part").read_bytes().decode() == (
        "flag,list,mixed,number\r\n"
        'true,"[""a\\nb"",""\u2028""]",true,10000000000000000000000\r\n'
        ",,[1],2.5\r\n"
        "false,[],x,\r\n"
    )
