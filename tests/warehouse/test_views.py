"""The views of a dataset, by queries whose results are known: on DuckDB and on Postgres."""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.warehouse import Warehouse
from tests.warehouse.test_failed_loads import change
from tests.warehouse.test_merging import Place
from tests.warehouse.test_merging import place as place

TABLES = {
    "users": ("id BIGINT, name TEXT", "(1, 'Ada'), (2, 'Ben')"),
    "pipelines": ("id BIGINT, name TEXT", "(1, 'Sales'), (2, 'Renewals')"),
    "stages": (
        "id BIGINT, name TEXT, order_nr BIGINT, pipeline_id BIGINT",
        "(11, 'Lead', 1, 1), (12, 'Offer', 2, 1), (13, 'Contract', 3, 1), (21, 'Due', 1, 2)",
    ),
    "persons": ("id BIGINT, name TEXT", "(5, 'Zoe')"),
    "organizations": ("id BIGINT, name TEXT", "(7, 'Acme')"),
    "deals": (
        "id BIGINT, title TEXT, value DOUBLE PRECISION, currency TEXT, status TEXT, pipeline_id BIGINT, "
        "stage_id BIGINT, owner_id BIGINT, person_id BIGINT, org_id BIGINT, add_time TIMESTAMPTZ, "
        "update_time TIMESTAMPTZ, stage_change_time TIMESTAMPTZ, expected_close_date DATE, close_time TIMESTAMPTZ, "
        "is_archived BOOLEAN",
        "(100, 'one', 10, 'EUR', 'open', 1, 12, 1, 5, 7, '2026-03-01 00:00+00', NULL, NULL, NULL, NULL, FALSE), "
        "(101, 'two', 20, 'EUR', 'won', 1, 13, 2, NULL, 7, '2026-03-01 00:00+00', NULL, NULL, NULL, "
        "'2026-03-08 12:00+00', NULL), "
        "(102, 'three', 30, 'USD', 'lost', 1, 11, 9, 6, NULL, '2026-03-02 00:00+00', NULL, NULL, NULL, "
        "'2026-03-03 00:00+00', FALSE), "
        "(103, 'old', 40, 'EUR', 'open', 1, 11, 1, NULL, NULL, '2026-03-02 00:00+00', NULL, NULL, NULL, NULL, TRUE)",
    ),
    "stage_history": (
        "deal_id BIGINT, from_stage_id BIGINT, to_stage_id BIGINT, changed_at TIMESTAMPTZ",
        "(100, 11, 12, '2026-03-03 12:00+00'), (101, 12, 13, '2026-03-07 00:00+00'), "
        "(101, 11, 12, '2026-03-02 00:00+00')",
    ),
    "activities": (
        "id BIGINT, type TEXT, done BOOLEAN, due_date DATE, owner_id BIGINT",
        "(1, 'call', TRUE, '2026-03-01', 1), (2, 'call', TRUE, '2026-03-05', 1), (3, 'call', FALSE, '2020-01-01', 1), "
        "(4, 'call', FALSE, '2999-01-01', 1), (5, 'meeting', FALSE, NULL, 2)",
    ),
}


def install(place: Place, *tables: str) -> tuple[str, ...]:
    """The views that are installed where these tables are."""
    statements = [f"CREATE SCHEMA IF NOT EXISTS {place.dataset}"]
    for name in tables:
        columns, values = TABLES[name]
        statements += [f"CREATE TABLE {place.dataset}.{name} ({columns})"]
        statements += [f"INSERT INTO {place.dataset}.{name} VALUES {values}"]
    change(place, *statements)
    return Warehouse(place.destination, place.dataset).install_views()


def test_each_view_answers_with_the_numbers_that_are_known(place: Place) -> None:
    assert install(place, *TABLES) == ("current_deals", "stage_durations", "funnel", "activities_by_owner")
    assert place.rows("id, stage, pipeline, owner, person, organization", "current_deals") == [
        (100, "Offer", "Sales", "Ada", "Zoe", "Acme"),
        (101, "Contract", "Sales", "Ben", None, "Acme"),
        (102, "Lead", "Sales", None, None, None),
    ]
    durations = place.rows("deal_id, stage_order, stage, left_at IS NULL, days", "stage_durations")
    assert [row if not row[3] else row[:4] for row in durations] == [
        (100, 1, "Lead", False, 2.5),
        (100, 2, "Offer", True),
        (101, 1, "Lead", False, 1.0),
        (101, 2, "Offer", False, 5.0),
        (101, 3, "Contract", False, 1.5),
        (102, 1, "Lead", False, 1.0),
        (103, 1, "Lead", True),
    ]
    assert min(row[4] for row in durations if row[3]) > 1
    assert place.rows("pipeline_id, stage_order, stage, reached, open, lost, won", "funnel") == [
        (1, 1, "Lead", 3, 0, 1, 1),
        (1, 2, "Offer", 2, 1, 0, 1),
        (1, 3, "Contract", 1, 0, 0, 1),
        (2, 1, "Due", 0, 0, 0, 0),
    ]
    found: list[tuple[Any, ...]] = place.rows("owner, type, activities, done, overdue", "activities_by_owner")
    assert found == [("Ada", "call", 4, 2, 1), ("Ben", "meeting", 1, 0, 0)]


def test_a_view_is_installed_where_its_tables_are_and_again_when_they_come(place: Place) -> None:
    assert install(place, "activities", "users") == ("activities_by_owner",)
    assert install(place, "deals", "stages", "pipelines") == ("funnel", "activities_by_owner")


def test_a_view_reads_the_latest_rows_of_a_table_of_all_versions(place: Place) -> None:
    install(place, "activities", "users")
    change(
        place,
        f"ALTER TABLE {place.dataset}.activities ADD COLUMN _version_at TIMESTAMPTZ",
        f"CREATE VIEW {place.dataset}.activities__latest AS SELECT * FROM {place.dataset}.activities WHERE id > 3",
    )
    assert install(place) == ("activities_by_owner",)
    assert place.rows("owner, activities", "activities_by_owner") == [("Ada", 1), ("Ben", 1)]


def test_durations_come_from_the_moves_seen_in_deals_where_there_are_no_changelogs(place: Place) -> None:
    install(place, "deals", "stages", "pipelines", "stage_history")
    change(
        place,
        f"DROP VIEW {place.dataset}.stage_durations",
        f"ALTER TABLE {place.dataset}.stage_history RENAME TO observed_stage_history",
    )
    assert "stage_durations" in install(place)
    assert place.rows("COUNT(*), COUNT(left_at)", "stage_durations") == [(7, 5)]


def test_an_empty_dataset_has_none(place: Place) -> None:
    assert install(place) == ()
