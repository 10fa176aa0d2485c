"""What this provider tells Airflow about itself.

Airflow calls this at the start of every command, and a fault in it kills the command: literals only, nothing heavy
imported.
"""

from __future__ import annotations

from typing import Any

from airflow_provider_pipedrive.connection_form import CONN_FIELDS, CONN_TYPE, UI_FIELD_BEHAVIOUR

_ASSET_URIS = [
    {
        "schemes": ["pipedrive"],
        "handler": "airflow_provider_pipedrive.assets.uris.sanitize_uri",
        "factory": "airflow_provider_pipedrive.assets.uris.create_asset",
        "to_openlineage_converter": "airflow_provider_pipedrive.assets.uris.convert_asset_to_openlineage",
    }
]


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
                "connection-type": CONN_TYPE,
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
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.bulk"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.merge"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.webhooks"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.approval"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.choices"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.conversions"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.operators.drift"]},
        ],
        "sensors": [
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.sensors.pipedrive"]},
        ],
        "triggers": [
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.triggers.pipedrive"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.triggers.conversions"]},
            {"integration-name": "Pipedrive", "python-modules": ["airflow_provider_pipedrive.triggers.budget"]},
        ],
        "notifications": ["airflow_provider_pipedrive.notifications.pipedrive.PipedriveNotifier"],
        "transfers": [
            {
                "source-integration-name": "Pipedrive",
                "target-integration-name": "Common IO",
                "python-module": "airflow_provider_pipedrive.transfers.object_storage",
            },
            {
                "source-integration-name": "Pipedrive",
                "target-integration-name": "Common SQL",
                "python-module": "airflow_provider_pipedrive.transfers.warehouse",
            },
            {
                "source-integration-name": "Pipedrive",
                "target-integration-name": "Common IO",
                "python-module": "airflow_provider_pipedrive.transfers.file_to_object_storage",
            },
            {
                "source-integration-name": "Common IO",
                "target-integration-name": "Pipedrive",
                "python-module": "airflow_provider_pipedrive.transfers.object_storage_to_file",
            },
            {
                "source-integration-name": "Common IO",
                "target-integration-name": "Pipedrive",
                "python-module": "airflow_provider_pipedrive.transfers.object_storage_to_pipedrive",
            },
            {
                "source-integration-name": "Common SQL",
                "target-integration-name": "Pipedrive",
                "python-module": "airflow_provider_pipedrive.transfers.sql_to_pipedrive",
            },
        ],
        # Airflow 3 reads the first, 2.11 the second.
        "asset-uris": _ASSET_URIS,
        "dataset-uris": _ASSET_URIS,
        "extra-links": ["airflow_provider_pipedrive.operators.record_links.PipedriveRecordLink"],
        "config": {
            "pipedrive": {
                "description": "Settings of the Pipedrive provider.",
                "options": {
                    "redirect_uri": {
                        "description": "Callback URL of the OAuth apps, exactly as registered in Pipedrive's Developer "
                        "Hub, for connections without one of their own. By default it is /pipedrive/callback below "
                        "[api] base_url for the page in the web UI, and http://localhost:8910/callback for the "
                        "command `connect`.\n",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "https://airflow.example.com/pipedrive/callback",
                        "default": None,
                    },
                    "allowed_paths": {
                        "description": "Folders, and prefixes in object storage, separated by commas: files that a "
                        "path in parameters names are uploaded from there only, and save_to writes there only. "
                        "Symbolic links count as what they lead to. By default every file that the worker can reach "
                        "is taken.\n",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "/data/crm,s3://aws_default@bucket/crm",
                        "default": None,
                    },
                    "webhook_connections": {
                        "description": "Ids, separated by commas, of connections that are kept in a secrets backend "
                        "and that webhook deliveries are taken for. Those of the database and of the environment are "
                        "found without it.\n",
                        "version_added": "0.1.0",
                        "type": "string",
                        "example": "pipedrive_default",
                        "default": None,
                    },
                },
            }
        },
        "cli": ["airflow_provider_pipedrive.cli.definition.get_commands"],
    }
