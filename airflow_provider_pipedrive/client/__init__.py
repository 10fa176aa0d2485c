"""Talking to Pipedrive, without Airflow.

>>> from airflow_provider_pipedrive.client import PipedriveClient, settings_from
>>> client = PipedriveClient(settings_from(host="acme", extra={"api_token": "..."}))  # doctest: +SKIP
>>> for deal in client.iterate("getDeals", {"status": "open"}):  # doctest: +SKIP
...     print(deal["title"])
"""

from airflow_provider_pipedrive.client.client import PipedriveClient, Usage
from airflow_provider_pipedrive.client.settings import ApiToken, OAuth, Settings, settings_from

__all__ = ["ApiToken", "OAuth", "PipedriveClient", "Settings", "Usage", "settings_from"]
