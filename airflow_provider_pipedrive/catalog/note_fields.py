"""Note fields."""

from airflow_provider_pipedrive.catalog.declaring import action, get
from airflow_provider_pipedrive.catalog.scopes import NOTES_READ

ACTIONS = (action("getNoteFields", "List note fields", get("/v1/noteFields", NOTES_READ, tokens=20), result="records"),)
