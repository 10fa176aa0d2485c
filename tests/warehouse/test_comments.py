"""What an analyst sees of Pipedrive's names, types, options and keys: on DuckDB and on Postgres."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.extraction.rows.columns import Column
from tests.warehouse.test_failed_loads import change
from tests.warehouse.test_merging import Place, deal
from tests.warehouse.test_merging import place as place

COLUMNS = [
    Column("id", "integer", description="ID", field_type="int"),
    Column("title", "string", description="Title", field_type="varchar"),
    Column("update_time", "timestamp"),
    Column("owner_id", "integer", description="Owner", field_type="user"),
    Column("label_ids", "list", items="integer"),
    Column("size", "string", None, (), {"7": "It's small, 50 %", "8": "大"}, "Größe", "enum", "2026-03-02"),
    Column("referrer", "integer", None, (), None, "Referrer", "people", "2026-03-03", removed=True),
]

SAID = {
    "id": "ID. Pipedrive's type: int. Primary key.",
    "title": "Title. Pipedrive's type: varchar.",
    "owner_id": "Owner. Pipedrive's type: user. Foreign key: users.id.",
    "size": "Größe. Pipedrive's type: enum. Options: 7 = It's small, 50 %, 8 = 大. First seen: 2026-03-02.",
    "referrer": "Referrer. Pipedrive's type: people. First seen: 2026-03-03. No longer in Pipedrive. "
    "Foreign key: persons.id.",
    "_deleted_at": "When the record was deleted. Empty in a table of latest rows.",
}


def said(place: Place, table: str = "deals") -> dict[str, str]:
    """The comments of a table by column, and that of the table itself."""
    if not place.destination.file:
        of = f"'{place.dataset}.{table}'::regclass"
        found = place._query(
            "SELECT column_name, col_description(" + of + ", ordinal_position) FROM information_schema.columns "
            f"WHERE table_schema = '{place.dataset}' AND table_name = '{table}'"
        ) + place._query(f"SELECT '', obj_description({of}, 'pg_class')")
    else:
        within = f"WHERE table_schema = '{place.dataset}' AND table_name = '{table}'"
        found = place._query(f"SELECT column_name, COLUMN_COMMENT FROM information_schema.columns {within}")
        found += place._query(f"SELECT '', TABLE_COMMENT FROM information_schema.tables {within}")
    return {column: text for column, text in found if text}


def test_comments_say_pipedrives_name_type_options_and_keys(place: Place) -> None:
    place.load([deal(1, "one")], columns=COLUMNS)
    assert said(place) == SAID | {
        "": "Pipedrive's deals, a row for each record, in its latest state. Primary key: id. "
        "Foreign key: owner_id -> users.id. Foreign key: referrer -> persons.id."
    }
    assert said(place, "deals__options") == {
        "": "The options of the fields of Pipedrive's deals.",
        "column_name": "The column that has the label.",
        "option_id": "The option's id in Pipedrive, which stays when its label changes.",
        "label": "What rows say in place of the id.",
    }


@pytest.mark.parametrize("write", ["merge", pytest.param("replace", marks=pytest.mark.long)])
def test_a_comment_follows_its_field_and_takes_the_place_of_any_other(place: Place, write: str) -> None:
    place.load([deal(1, "one")], columns=COLUMNS, write=write)
    change(place, f"COMMENT ON COLUMN {place.dataset}.deals.title IS 'by hand'")
    renamed = [Column("size", "string", None, (), {"7": "S"}, "How big", "enum", "2026-03-02")]
    place.load([deal(2, "two")], columns=[*COLUMNS[:5], *renamed], write=write)
    found = said(place)
    assert found["title"] == SAID["title"]
    assert found["size"] == "How big. Pipedrive's type: enum. Options: 7 = S. First seen: 2026-03-02."


def test_tables_of_lists_and_of_deleted_records_say_whose_they_are(place: Place) -> None:
    place.load(
        [deal(1, "one", labels=[5])],
        deleted=[{"id": 2, "deleted_at": "2026-03-03T12:00:00Z"}],
        columns=COLUMNS,
        lists="child_tables",
    )
    found = said(place, "deals__label_ids")
    assert found[""] == "The elements of the list label_ids of Pipedrive's deals."
    assert found["parent_id"] == "Foreign key: deals.id."
    assert said(place, "deals__deleted")[""] == "The deals that are known to be deleted."


def test_of_thousands_of_options_a_comment_lists_the_first(place: Place) -> None:
    labels = {str(number): f"option {number}" for number in range(1000)}
    place.load([deal(1, "one")], columns=[*COLUMNS[:5], Column("size", "string", labels=labels, description="Size")])
    text = said(place)["size"]
    assert text.endswith("49 = option 49 and 950 more.")
