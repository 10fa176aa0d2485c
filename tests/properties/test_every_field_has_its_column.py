"""Custom fields, whatever people call them: each has columns of its own, and keeps them from run to run."""

from __future__ import annotations

import random
import re
from typing import Any

from hypothesis import event, example, given
from hypothesis import strategies as st

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.rows.columns import CUSTOM, OTHER, VALUES
from airflow_provider_pipedrive.extraction.rows.names import ADDED, LONGEST, column_name
from airflow_provider_pipedrive.extraction.rows.schema import RowSchema, row_schema
from airflow_provider_pipedrive.extraction.rows.system_columns import SYSTEM_COLUMNS
from tests.support.field_definitions import A, B, C, custom, field, schema

ALIKE = "a1" * 8 + "d4" * 12
"""Begins as another code does, further than names usually go."""
CODES = [A, B, C, ALIKE, "5e" * 20]
SYSTEM = sorted({column.name for entity in ("deals", "leads") for column in SYSTEM_COLUMNS[entity]})
NAMES = st.one_of(
    st.sampled_from(
        [
            *(
                "Region",
                "region!",
                "Region currency",
                "Region until",
                f"Region {A[:8]}",
                f"Region {A}",
                "Field a1a1a1a1",
            ),
            *("", "???", "🚀", "Order", "Select", "2nd contact", "x" * 300, "客户", "Größe", OTHER, CUSTOM),
        ]
    ),
    st.sampled_from([*SYSTEM, *sorted(ADDED)]),
    st.text(max_size=80),
)
KINDS = st.sampled_from(["varchar", "monetary", "address", "timerange", *VALUES, "unheard of"])
FIELDS = st.dictionaries(st.sampled_from(CODES), st.tuples(NAMES, KINDS), max_size=len(CODES))
"""The custom fields that Pipedrive has when a run begins: name and type, by code."""


def definitions(fields: dict[str, tuple[str, str]]) -> list[dict[str, Any]]:
    return [field(code, name, kind) for code, (name, kind) in fields.items()]


def columns_of(found: RowSchema) -> dict[str, str]:
    return {code: each.column for code, each in found.fields.items()}


@given(name=st.one_of(NAMES, st.text()))
def test_a_name_becomes_a_name_that_sql_takes_without_quotes_or_nothing(name: str) -> None:
    assert re.fullmatch(r"([a-z][a-z0-9]*(_[a-z0-9]+)*)?", column_name(name))


@given(fields=FIELDS, dice=st.randoms(use_true_random=False))
@example(fields={A: ("", "address"), ALIKE: ("???", "address")}, dice=random.Random(0))
def test_every_field_has_columns_of_its_own_whatever_the_order_of_the_fields(
    fields: dict[str, tuple[str, str]], dice: random.Random
) -> None:
    found = schema(*definitions(fields))
    names = [column.name for column in found.columns]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch(r"[a-z][a-z0-9_]*", name) and len(name) <= LONGEST for name in names)
    assert not {*custom(found)} & {*SYSTEM, *ADDED, OTHER, CUSTOM}
    assert columns_of(schema(*dice.sample(definitions(fields), len(fields)))) == columns_of(found)
    leads = row_schema(ENTITIES["leads"], definitions(fields), None)
    assert columns_of(leads) == columns_of(found)


@given(runs=st.lists(FIELDS, min_size=2, max_size=5))
def test_a_field_keeps_its_column_whatever_becomes_of_it_and_of_others(
    runs: list[dict[str, tuple[str, str]]],
) -> None:
    found = schema(*definitions(runs[0]))
    for fields in runs[1:]:
        before, found = found, schema(*definitions(fields), frozen=found)
        names = [column.name for column in found.columns]
        assert len(set(names)) == len(names)
        for code, known in before.fields.items():
            if code not in fields or fields[code][1] == known.type:
                assert found.fields[code].column == known.column
                event("kept" if code in fields else "gone")
        again = schema(*definitions(fields), frozen=found)
        assert (columns_of(again), again.drift) == (columns_of(found), ())
