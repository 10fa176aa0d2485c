"""A believable company for the sandbox to stand on: the same for the same seed, size and day.

Tables by name, records by id. Times are text as the record's API version writes them. Nothing here knows how Pipedrive
answers; the sandbox's views do.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from airflow_provider_pipedrive.sandbox.company.catalogue import products
from airflow_provider_pipedrive.sandbox.company.contacts import organizations, persons
from airflow_provider_pipedrive.sandbox.company.deals import deal_parts, deals_and_history
from airflow_provider_pipedrive.sandbox.company.fields import field_code, fields
from airflow_provider_pipedrive.sandbox.company.office import office
from airflow_provider_pipedrive.sandbox.company.source import Source
from airflow_provider_pipedrive.sandbox.company.work import work

__all__ = ["Tables", "build", "field_code"]

Tables = dict[str, dict[int | str, dict[str, Any]]]


def build(seed: int, deals: int, now: datetime) -> Tables:
    """The company's tables.

    :param deals: how many deals; everything else grows with it, and is there in small even for none
    :param now: what is "today"; aware, in UTC
    """
    source = Source(seed, now)
    tables: Tables = {}
    tables.update(office(source))
    tables.update(fields(source))
    tables["organizations"] = organizations(source, max(4, deals // 2), tables)
    tables["persons"] = persons(source, max(6, deals * 4 // 5), tables)
    tables["products"] = products(source, tables)
    tables["deals"], tables["dealChanges"] = deals_and_history(source, deals, tables)
    tables.update(deal_parts(source, tables))
    tables.update(work(source, tables))
    return tables
