"""Inbound leads from a folder of CSV files: person and organization first, then the lead, each made once.

Somebody who is known by e-mail address is not made a second time, and what people typed about him is not overwritten.
The columns are `mail`, `name`, `company`, `subject`, `manager`.
"""

from __future__ import annotations

import os

from airflow.providers.common.compat.sdk import DAG

from airflow_provider_pipedrive.transfers import ObjectStorageToPipedriveOperator

DROP = os.environ.get("PIPEDRIVE_EXAMPLE_DROP", "s3://aws_default@drop/leads")

with DAG("pipedrive_inbound_leads", schedule=None, tags=["pipedrive", "example"], doc_md=__doc__) as dag:
    people = ObjectStorageToPipedriveOperator(
        task_id="people",
        path=f"{DROP}/*.csv",
        entity="persons",
        mapping={"mail": "email", "name": "name", "company": "organization", "manager": "owner"},
        only_if_empty=["name", "company", "manager"],
        create_related=True,
    )
    leads = ObjectStorageToPipedriveOperator(
        task_id="leads",
        path=f"{DROP}/*.csv",
        entity="leads",
        match_on=["title", "person"],
        mapping={"subject": "title", "mail": "person", "company": "organization", "manager": "owner"},
    )
    people >> leads
