"""What Pipedrive offers: every action under its key.

The plain key means Pipedrive's v2 where both versions have the operation; the v1 sibling is ``<key>V1``. Aliases
(``getDealActivities``) and keys that Pipedrive has removed (``getSubscription``) stand here too.

>>> get_action("getDeals").path
'/api/v2/deals'
"""

from airflow_provider_pipedrive.catalog.actions import ACTIONS, RESOURCES, get_action
from airflow_provider_pipedrive.catalog.entities import ENTITIES, Entity
from airflow_provider_pipedrive.catalog.model import Action, Paging, Parameter

__all__ = [
    "ACTIONS",
    "ENTITIES",
    "RESOURCES",
    "Action",
    "Entity",
    "Paging",
    "Parameter",
    "get_action",
]
