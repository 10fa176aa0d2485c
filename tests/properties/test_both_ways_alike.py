"""Most records are read in columns, odd ones row by row: what is written is the same, whatever the records hold."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import event, example, given
from hypothesis import strategies as st

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.output.encoders import ReadableEncoder
from airflow_provider_pipedrive.extraction.output.formats import open_part, read_rows
from airflow_provider_pipedrive.extraction.output.part_writer import Part
from airflow_provider_pipedrive.extraction.reading.pages import as_dict, decode
from airflow_provider_pipedrive.extraction.rows.columns import CUSTOM, OTHER, PARTS, VALUES
from airflow_provider_pipedrive.extraction.rows.schema import RowSchema, row_schema
from airflow_provider_pipedrive.extraction.rows.system_columns import SYSTEM_COLUMNS

CUSTOM_KINDS = [*VALUES, "unheard of"]
TEXTS = ['""', '"x"', '"5"', '"=1+1"', '"\\u00e9 \\ud83d\\ude00"', '"a\\"b\\nc"', '"é"', '"2.50"', '"true"']
NUMBERS = ["0", "-0", "7", "-3", "2.5", "1e2", "5.0", "9007199254740993", "9223372036854775807", "-9223372036854775808"]
TIMES = [
    '"2026-01-31T12:00:00Z"',
    '"2026-01-31T12:00:00.123456Z"',
    '"2026-01-31T12:00:00+02:00"',
    '"2026-01-31 12:00:00"',
    '"1969-12-31T23:59:59Z"',
]
ODD = [
    "9223372036854775808",
    "1" * 40,
    "1e999",
    '"\\ud83d"',
    '"\\u0000a"',
    '"0000-00-00"',
    '"0000-00-00 00:00:00"',
    '"0000-01-01T00:00:00Z"',
    '"2026-02-30"',
    '"2026-01-31T00:00:00Z"',
    '"13:30:00"',
    "true",
    "[]",
    "[null]",
    '[1,"2",null,{"id":3,"label":"L"}]',
    "{}",
    '{"id":11,"label":"Given"}',
    '{"value":1,"currency":"EUR","more":[1.50]}',
    '{"value":"Pikk 7","locality":null}',
    *TEXTS,
    *NUMBERS,
    *TIMES,
]
"""Whatever may come in place of a value, as JSON."""
USUAL: dict[str, list[str]] = {
    "string": TEXTS,
    "time": ['"13:30:00"', '"100:15"'],
    "integer": ["0", "7", "9007199254740993", "9223372036854775807"],
    "number": ["1", "2.5", "9007199254740993", "-0.0", "1e22"],
    "boolean": ["true", "false"],
    "timestamp": TIMES[:3],
    "date": ['"2026-01-31"', '"1900-03-01"'],
    "list": ["[]", "[1,2]", "[11]", '["a"]'],
    "json": ['{"a":[1.50,null]}', '"x"', "[]", "3"],
    "label": ["11", "12", '"11"', "99"],
    "labels": ["[11]", "[11,12]", "[]", '"11,12"'],
}
"""What usually comes, by the column's type."""
VALUE_OF = {"enum": "label", "set": "labels", **{kind: name for kind, name in VALUES.items() if name != "list"}}
OPTIONS = [{"id": 11, "label": "Small"}, {"id": 12, "label": "Large"}]


def code(number: int) -> str:
    return f"{number:02d}" + "ab" * 19


def values(kind: str, odd: bool) -> st.SearchStrategy[str]:
    usual = st.sampled_from([*USUAL[kind], "null"])
    return st.one_of(usual, st.sampled_from(ODD)) if odd else usual


@st.composite
def custom_values(draw: st.DrawFn, kind: str, odd: bool) -> str:
    """The value of a custom field, as JSON."""
    value = draw(values(VALUE_OF.get(kind, "json") if kind != "enum" else "label", odd))
    if kind not in PARTS or draw(st.booleans()) is False:
        return value if kind not in PARTS or odd else "null"
    parts = {part: draw(values(part_kind, odd)) for part, part_kind in PARTS[kind].items()}
    return json_object({"value": value, **parts})


def json_object(members: dict[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(key)}:{value}" for key, value in members.items()) + "}"


@st.composite
def records(draw: st.DrawFn, entity: str, kinds: list[str], number: int) -> str:
    """A record, as JSON: some keys are missing, some are there twice, some have no column."""
    odd = draw(st.integers(0, 3)) == 0
    members = []
    for column in SYSTEM_COLUMNS[entity]:
        if column.path != ("id",) and draw(st.integers(0, 2)) and len(column.path) == 1:
            members.append((column.path[0], draw(values(column.type, odd))))
    custom = {code(at): draw(custom_values(kind, odd)) for at, kind in enumerate(kinds) if draw(st.integers(0, 2))}
    if draw(st.integers(0, 5)) == 0:
        custom["f" * 40] = draw(st.sampled_from(ODD))
    if ENTITIES[entity].listing.version == "v2":
        members.append((CUSTOM, json_object(custom) if draw(st.integers(0, 9)) else draw(st.sampled_from(ODD))))
    else:
        members += custom.items()
    if draw(st.integers(0, 5)) == 0:
        members.append((draw(st.sampled_from(["labels", "is_new", "value_eur"])), draw(st.sampled_from(ODD))))
    if odd and members:
        members.append((draw(st.sampled_from(members))[0], draw(st.sampled_from(ODD))))
    return "{" + ",".join([f'"id":{number}', *(f"{json.dumps(key)}:{value}" for key, value in members)]) + "}"


@st.composite
def companies(draw: st.DrawFn) -> tuple[str, list[dict[str, Any]], list[str]]:
    """An entity, the definitions of its fields, and pages of its records."""
    entity = draw(st.sampled_from(["deals", "persons", "activities", "organizations", "leads", "notes", "files"]))
    kinds = draw(st.lists(st.sampled_from(CUSTOM_KINDS), max_size=6)) if ENTITIES[entity].definitions else []
    fields = [("label_ids", "set", False), *((code(at), kind, True) for at, kind in enumerate(kinds))]
    definitions = [
        {
            "field_code": field,
            "field_name": f"Field {field[:2]}",
            "field_type": kind,
            "is_custom_field": is_custom,
            "options": OPTIONS if kind in ("enum", "set") else None,
        }
        for field, kind, is_custom in fields
    ]
    pages = draw(st.lists(st.lists(records(entity, kinds, 1), min_size=1, max_size=6), min_size=1, max_size=3))
    return entity, definitions, [f'{{"success":true,"data":[{",".join(page)}]}}' for page in pages]


KEYS_IN_ANOTHER_ORDER = (
    "leads",
    [],
    [
        f'{{"success":true,"data":[{record}]}}'
        for record in (
            '{"id":1,"labels":1}',
            f'{{"id":2,"{"f" * 40}":1}}',
            f'{{"id":3,"{"f" * 40}":1,"labels":2,"{"f" * 40}":3}}',
        )
    ],
)
"""Keys without a column that come in another order than they came first, one of them twice."""


def written_row_by_row(path: Path, form: str, schema: RowSchema, pages: list[Any]) -> Part:
    part = open_part(path, form, schema.columns)
    for page in pages:
        read = [as_dict(record) for record in page]
        rows, nulled_values = schema.fitted([record for record, _ in read])
        for column, nulled in nulled_values.items():
            for row, count in nulled.items():
                part.count_nulled_values(column, row, count)
        for row, (_, losses) in enumerate(read):
            for place, count in losses.items():
                part.count_nulled_values(schema.column_at(place), row, count)
        part.write(rows)
    return part.close()


def rows_of(path: Path, form: str) -> Iterator[dict[str, Any]]:
    """The rows of a part. The order of the keys in ``other`` says nothing: it is the one in which a record or the
    whole list brought them."""
    for row in read_rows(path, form):
        beyond = json.loads(row[OTHER]) if isinstance(row[OTHER], str) else row[OTHER]
        yield {**row, OTHER: json.dumps(beyond, sort_keys=True)}


@pytest.mark.parametrize("form", ["jsonl", "csv", "parquet"])
@given(company=companies())
@example(company=KEYS_IN_ANOTHER_ORDER)
def test_records_read_in_columns_are_written_as_those_read_row_by_row(
    form: str, company: tuple[str, list[dict[str, Any]], list[str]]
) -> None:
    entity, definitions, bodies = company
    schema = row_schema(ENTITIES[entity], definitions, None)
    pages = [decode(ENTITIES[entity], body.encode()).records for body in bodies]
    odd = sum(len(schema.reader.read(page, ())[1]) for page in pages)
    event(f"odd records: {'none' if not odd else 'some' if odd < sum(map(len, pages)) else 'all'}")
    with TemporaryDirectory() as folder:
        one, other = Path(folder, f"one.{form}"), Path(folder, f"other.{form}")
        expected = written_row_by_row(one, form, schema, pages)
        part = open_part(other, form, schema.columns)
        for page in pages:
            ReadableEncoder(lambda: schema).write(part, page)
        found = part.close()
        for left, right in zip(rows_of(other, form), rows_of(one, form), strict=True):
            assert {name: (left[name], right[name]) for name in left if left[name] != right[name]} == {}
    assert found.rows == expected.rows
    assert dict(found.nulled_values) == dict(expected.nulled_values)
    assert {column: Counter(rows) for column, rows in found.nulled_rows.items()} == {
        column: Counter(rows) for column, rows in expected.nulled_rows.items()
    }
