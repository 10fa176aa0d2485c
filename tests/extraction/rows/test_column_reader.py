"""Records in, columns out: those that are as expected, and which ones are odd."""

from __future__ import annotations

import msgspec
import pytest

from airflow_provider_pipedrive.catalog import ENTITIES
from airflow_provider_pipedrive.extraction.reading.pages import PageRecords, ReadRecord, as_dict, decode
from airflow_provider_pipedrive.extraction.rows.column_reader import ColumnReader, woven
from airflow_provider_pipedrive.extraction.rows.schema import row_schema

CODE = "ab" * 20
DEFINITIONS = [
    {"field_code": CODE, "field_name": "Budget", "field_type": "monetary", "is_custom_field": True},
    {
        "field_code": "cd" * 20,
        "field_name": "Size",
        "field_type": "enum",
        "is_custom_field": True,
        "options": [{"id": 11, "label": "Small"}],
    },
]


@pytest.fixture
def reader() -> ColumnReader:
    schema = row_schema(ENTITIES["deals"], DEFINITIONS, None)
    return ColumnReader(schema.columns, schema.version)


def test_parts_labels_and_times_get_columns_of_their_own_and_what_is_missing_is_null(reader: ColumnReader) -> None:
    columns, odd = reader.read(
        [
            b'{"id":1,"update_time":"2026-01-31T12:00:00Z","custom_fields":{"%s":{"value":5,"currency":"EUR"}}}'
            % CODE.encode(),
            b'{"id":2,"label_ids":[7],"custom_fields":{"%s":11}}' % (b"cd" * 20),
            b'{"id":3,"custom_fields":null}',
        ],
        (),
    )
    assert odd == []
    found = {name: [*values] for name, values in columns.items() if any(value is not None for value in values)}
    assert found == {
        "id": [1, 2, 3],
        "update_time": ["2026-01-31T12:00:00Z", None, None],
        "label_ids": [None, [7], None],
        "labels": [None, ["7"], None],
        "budget": [5, None, None],
        "budget_currency": ["EUR", None, None],
        "size": [None, "Small", None],
    }


@pytest.mark.parametrize(
    "record",
    [
        b'{"id":2,"owner_id":"5"}',
        b'{"id":2,"owner_id":9223372036854775808}',
        b'{"id":2,"add_time":"0000-00-00 00:00:00"}',
        b'{"id":2,"add_time":"2026-01-31"}',
        b'{"id":2,"expected_close_date":"2026-02-30"}',
        b'{"id":2,"label_ids":"7"}',
        b'{"id":2,"title":"\\ud83d"}',
        b'{"id":2,"value":1e999}',
        b'{"id":2,"custom_fields":{"%s":5}}' % CODE.encode(),
        b'{"id":2,"unheard_of":null}',
        b'{"id":2,"custom_fields":{"unheard_of":null}}',
    ],
)
def test_a_record_that_needs_a_look_of_its_own_is_odd_and_the_others_are_read(
    reader: ColumnReader, record: bytes
) -> None:
    columns, odd = reader.read([b'{"id":1}', record, b'{"id":3}'], ())
    assert ([*columns["id"]], odd) == ([1, 3], [1])


@pytest.mark.parametrize(
    "record",
    [
        b'{"id":2,"value":5,"owner_id":7,"label_ids":[7],"custom_fields":{"%s":11}}' % (b"cd" * 20),
        b'{"id":2,"value":5.5,"is_archived":true,"add_time":"2026-01-31T12:00:00Z"}',
        b'{"id":2,"value":5.0,"owner_id":5.0}',
        b'{"id":2,"value":"5","is_archived":1}',
        b'{"id":2,"owner_id":9223372036854775808}',
        b'{"id":2,"custom_fields":{"unheard_of":null}}',
    ],
)
def test_a_record_that_was_read_before_becomes_the_same_as_its_json(reader: ColumnReader, record: bytes) -> None:
    assert reader.read([ReadRecord.of(*as_dict(record))], ()) == reader.read([record], ())


def test_of_a_key_that_is_there_twice_the_last_one_counts(reader: ColumnReader) -> None:
    columns, odd = reader.read([b'{"id":1,"title":"a","title":"b"}'], ())
    assert (list(columns["title"]), odd) == (["b"], [])


def test_keys_without_a_column_are_expected_once_they_were_learned(reader: ColumnReader) -> None:
    records = [b'{"id":1,"is_new":1.50,"custom_fields":{"ee":null}}', b'{"id":2}', b'{"id":3,"is_new":null}']
    assert reader.read(records, ())[1] == [0, 2]
    reader.learn(map(msgspec.json.decode, records))
    columns, odd = reader.read(records, ())
    assert odd == []
    assert columns["other"] == [{"is_new": 1.5, "custom_fields": {"ee": None}}, None, {"is_new": None}]


def test_a_list_that_keeps_bringing_new_keys_stays_odd_after_a_while(reader: ColumnReader) -> None:
    records = [b'{"id":%d,"key_%d":1}' % (number, number) for number in range(250)]
    reader.learn(map(msgspec.json.decode, records))
    assert reader.read(records, ())[1] == [*range(200, 250)]


def test_records_that_are_known_to_be_odd_are_not_read(reader: ColumnReader) -> None:
    columns, odd = reader.read([b'{"id":1}', b"not even JSON", b'{"id":3}'], {1})
    assert ([*columns["id"]], odd) == ([1, 3], [1])


@pytest.mark.parametrize("entity", ENTITIES)
def test_the_columns_of_every_entity_can_be_read(entity: str) -> None:
    schema = row_schema(ENTITIES[entity], DEFINITIONS, None)
    columns, odd = ColumnReader(schema.columns, schema.version).read([b"{}"], ())
    assert odd == []
    assert {name: [*values] for name, values in columns.items()} == {column.name: [None] for column in schema.columns}


def test_further_rows_are_woven_in_where_they_were() -> None:
    rows = {0: {"id": 1, "title": "a"}, 2: {"id": 3, "title": "c"}, 4: {"id": 5, "title": "e"}}
    assert woven({"id": [2, 4], "title": [None, "d"]}, rows) == {
        "id": [1, 2, 3, 4, 5],
        "title": ["a", None, "c", "d", "e"],
    }


def test_labels_that_came_themselves_go_before_those_of_the_ids_even_if_they_are_empty(reader: ColumnReader) -> None:
    records = [b'{"label_ids":[7],"labels":["Hot"]}', b'{"label_ids":[7],"labels":""}', b'{"label_ids":[7]}']
    columns, odd = reader.read(records, ())
    assert ([*columns["labels"]], odd) == ([["Hot"], None, ["7"]], [])


def test_a_whole_page_is_read_like_its_records_one_by_one(reader: ColumnReader) -> None:
    bodies = [
        b'{"success":true,"data":[{"id":1,"title":"One"},{"id":2,"title":"Two"},{"id":3,"title":"Three"}]}',
        b'{"success":true,"data":[{"id":1,"title":"One"},{"id":2,"title":5},{"id":3,"stage_id":"late"}]}',
    ]
    for body in bodies:
        records = decode(ENTITIES["deals"], body).records
        assert isinstance(records, PageRecords)
        assert reader.read(records, ()) == reader.read([*records], ())
        assert reader.read(records.only([2, 0]), ()) == reader.read([records[2], records[0]], ())
