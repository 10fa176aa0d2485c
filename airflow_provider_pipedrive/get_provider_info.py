"""What this provider tells Airflow about itself.

Airflow calls this at the start of every command, and a fault in it kills the command: literals only, nothing heavy
imported.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.connection_form import CONN_FIELDS, UI_FIELD_BEHAVIOUR


def get_provider_info() -> dict[str, Any]:
    """The provider's metadata, in the shape of Airflow's ``provider_info.schema.json``."""
    return {
        "package-name": "airflow-provider-pipedrive",
        "name": "Pipedrive",
        "description": "`Pipedrive <https://www.pipedrive.com/>`__, the sales CRM: its whole API as actions.",
        "integrations": [
            {
                "integration-name": "Pipedrive",
                "external-doc-url": "https://developers.pipedrive.com/docs/api/v1",
                "tags": ["service"],
            }
        ],
        "connection-types": [
            {
                "connection-type": "pipedrive",
                "hook-class-name": "airflow_provider_pipedrive.hooks.pipedrive.PipedriveHook",
                "hook-name": "Pipedrive",
                "conn-fields": CONN_FIELDS,
                "ui-field-behaviour": UI_FIELD_BEHAVIOUR,
            }
        ],
        "hooks": [
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.hooks.pipedrive"]},
        ],
        "operators": [
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.pipedrive"]},
        ],
        "extra-links": ["airflow_provider_pipedrive.operators.pipedrive.PipedriveRecordLink"],
        "cli": ["airflow_provider_pipedrive.cli.definition.get_commands"],
    }
