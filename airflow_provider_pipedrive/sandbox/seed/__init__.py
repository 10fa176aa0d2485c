"""A believable company for the sandbox to stand on: the same for the same seed, size and moment.

Tables by name, records by id. Times are text as the record's API version writes them. Nothing here knows how Pipedrive
answers; the sandbox's views do.
"""

from __future__ import annotations

from datetime import datetime

from airflow_provider_pipedrive.sandbox.seed.catalogue import products
from airflow_provider_pipedrive.sandbox.seed.contacts import organizations, persons, relationships
from airflow_provider_pipedrive.sandbox.seed.deals import deals_and_parts, followers
from airflow_provider_pipedrive.sandbox.seed.fields import DEAL_FIELDS, field_code, fields
from airflow_provider_pipedrive.sandbox.seed.mail import calls, files, mail
from airflow_provider_pipedrive.sandbox.seed.office import office
from airflow_provider_pipedrive.sandbox.seed.projects import projects
from airflow_provider_pipedrive.sandbox.seed.source import Source, Table
from airflow_provider_pipedrive.sandbox.seed.work import activities, leads, notes

__all__ = ["Tables", "build", "field_code"]

Tables = dict[str, Table]


def build(seed: int, deals: int, now: datetime, custom_fields: int = len(DEAL_FIELDS)) -> Tables:
    """The company's tables.

    :param deals: how many deals; everything else grows with it, and is there in small even for none
    :param now: what is "today"; an aware moment
    :param custom_fields: how many custom fields deals have
    :raises ValueError: ``deals`` is negative, or ``now`` has no time zone
    """
    if deals < 0:
        raise ValueError(f"A company cannot have {deals} deals: give 0 or more.")
    if now.tzinfo is None:
        raise ValueError("'now' has no time zone: give an aware moment, e.g. datetime.now(UTC).")
    source = Source(seed, deals, now)
    tables: Tables = fields(source, custom_fields)
    tables |= office(source, tables)
    tables["organizations"] = organizations(source, max(4, deals // 2), tables)
    tables["persons"] = persons(source, max(6, deals * 4 // 5), tables)
    tables["organizationRelationships"] = relationships(source, tables)
    tables["products"] = products(source, tables)
    tables |= deals_and_parts(source, deals, tables)
    tables["leads"] = leads(source, tables)
    tables |= projects(source, tables)
    tables["activities"] = activities(source, tables)
    tables["notes"] = notes(source, tables)
    tables |= mail(source, tables)
    tables["callLogs"] = calls(source, tables)
    tables["files"] = files(source, tables)
    tables["followers"] = followers(source, tables)
    return tables
