"""Views for a dataset: current deals, how long they were in a stage, the funnel, and activities by owner.

They have names in place of ids. Each is installed where its tables are, and reads the latest rows of a table that has
every version.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from sqlglot import exp, parse_one

from airflow_provider_pipedrive.extraction.entities import EXACT, OBSERVED
from airflow_provider_pipedrive.warehouse.entity_load import VERSION
from airflow_provider_pipedrive.warehouse.rendering import rendered

log = logging.getLogger(__name__)

_CURRENT_DEALS: Final = """
    SELECT d.id, d.title, d.value, d.currency, d.status,
        p.name AS pipeline, s.name AS stage, s.order_nr AS stage_order, u.name AS owner, n.name AS person,
        o.name AS organization, d.add_time, d.update_time, d.stage_change_time, d.expected_close_date, d.close_time,
        d.pipeline_id, d.stage_id, d.owner_id, d.person_id, d.org_id
    FROM deals AS d
    LEFT JOIN pipelines AS p ON p.id = d.pipeline_id
    LEFT JOIN stages AS s ON s.id = d.stage_id
    LEFT JOIN users AS u ON u.id = d.owner_id
    LEFT JOIN persons AS n ON n.id = d.person_id
    LEFT JOIN organizations AS o ON o.id = d.org_id
    WHERE NOT COALESCE(d.is_archived, FALSE)
"""
_STAGE_DURATIONS: Final = f"""
    WITH moves AS (
        SELECT h.deal_id, h.from_stage_id, h.to_stage_id, h.changed_at,
            ROW_NUMBER() OVER (PARTITION BY h.deal_id ORDER BY h.changed_at) AS number
        FROM {EXACT} AS h
    ), stays AS (
        SELECT d.id AS deal_id, COALESCE(m.from_stage_id, d.stage_id) AS stage_id, d.add_time AS entered_at
        FROM deals AS d LEFT JOIN moves AS m ON m.deal_id = d.id AND m.number = 1
        UNION ALL
        SELECT m.deal_id, m.to_stage_id AS stage_id, m.changed_at AS entered_at FROM moves AS m
    ), ends AS (
        SELECT t.deal_id, t.stage_id, t.entered_at, COALESCE(
            LEAD(t.entered_at) OVER (PARTITION BY t.deal_id ORDER BY t.entered_at), d.close_time
        ) AS left_at
        FROM stays AS t JOIN deals AS d ON d.id = t.deal_id
    )
    SELECT e.deal_id, p.name AS pipeline, s.name AS stage, s.order_nr AS stage_order, e.entered_at, e.left_at,
        CAST(EXTRACT(EPOCH FROM COALESCE(e.left_at, CURRENT_TIMESTAMP) - e.entered_at) AS DOUBLE PRECISION) / 86400
            AS days, e.stage_id
    FROM ends AS e
    LEFT JOIN stages AS s ON s.id = e.stage_id
    LEFT JOIN pipelines AS p ON p.id = s.pipeline_id
"""  # nosec B608 # a constant of this module
_FUNNEL: Final = """
    SELECT p.name AS pipeline, s.name AS stage, s.order_nr AS stage_order,
        COUNT(CASE WHEN d.status = 'won' OR here.order_nr >= s.order_nr THEN 1 END) AS reached,
        COUNT(CASE WHEN d.status = 'open' AND here.id = s.id THEN 1 END) AS open,
        COUNT(CASE WHEN d.status = 'lost' AND here.id = s.id THEN 1 END) AS lost,
        COUNT(CASE WHEN d.status = 'won' THEN 1 END) AS won,
        s.pipeline_id, s.id AS stage_id
    FROM stages AS s
    JOIN pipelines AS p ON p.id = s.pipeline_id
    LEFT JOIN deals AS d ON d.pipeline_id = s.pipeline_id AND NOT COALESCE(d.is_archived, FALSE)
    LEFT JOIN stages AS here ON here.id = d.stage_id
    GROUP BY p.name, s.name, s.order_nr, s.pipeline_id, s.id
"""
_ACTIVITIES_BY_OWNER: Final = """
    SELECT u.name AS owner, a.type, COUNT(*) AS activities,
        COUNT(CASE WHEN a.done THEN 1 END) AS done,
        COUNT(CASE WHEN NOT a.done AND a.due_date < CURRENT_DATE THEN 1 END) AS overdue,
        MAX(CASE WHEN a.done THEN a.due_date END) AS last_done, a.owner_id
    FROM activities AS a
    LEFT JOIN users AS u ON u.id = a.owner_id
    GROUP BY u.name, a.type, a.owner_id
"""
VIEWS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "current_deals": _CURRENT_DEALS,
        "stage_durations": _STAGE_DURATIONS,
        "funnel": _FUNNEL,
        "activities_by_owner": _ACTIVITIES_BY_OWNER,
    }
)
"""The query of each view, in Postgres' dialect."""


def install_views(client: Any) -> tuple[str, ...]:
    """Create or replace the views whose tables are in the dataset.

    :returns: their names
    """
    columns = _present(client)
    installed = []
    for name, query in VIEWS.items():
        tree = parse_one(query, dialect="postgres")
        within = {cte.alias for cte in tree.find_all(exp.CTE)}
        tables = [table for table in tree.find_all(exp.Table) if table.name not in within]
        sources = {table.name: _source(table.name, columns) for table in tables}
        missing = sorted(table for table, source in sources.items() if source is None)
        if missing:
            log.info("The view %s is not installed: it needs %s.", name, ", ".join(missing))
            continue
        for table in tables:
            table.set("this", exp.to_identifier(sources[table.name]))
        view = exp.Create(this=exp.to_table(name), kind="VIEW", expression=tree, replace=True)
        client.execute_sql(rendered(client, view))
        installed.append(name)
    return tuple(installed)


def _source(table: str, columns: Mapping[str, set[str]]) -> str | None:
    """What has the latest rows of an entity; None where nothing has."""
    if table == EXACT and table not in columns:
        table = OBSERVED
    if VERSION in columns.get(table, ()):
        return f"{table}__latest"
    return table if table in columns else None


def _present(client: Any) -> dict[str, set[str]]:
    """The columns of each table of the dataset."""
    *_, dataset = client.make_qualified_table_name_path(None, quote=False)
    query = exp.select("c.table_name", "c.column_name").from_("information_schema.columns AS c")
    query = query.where(exp.column("table_schema", table="c").eq(exp.Literal.string(dataset)))
    found: dict[str, set[str]] = {}
    for table, column in client.execute_sql(query.sql(dialect="postgres")) or ():
        found.setdefault(str(table).lower(), set()).add(str(column).lower())
    return found
