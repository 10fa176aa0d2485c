"""The connection form, declared once as data.

Airflow 3.2 and later read :data:`CONN_FIELDS` and :data:`UI_FIELD_BEHAVIOUR` from the provider's metadata. Airflow 2.11
to 3.1 ask the hook's two class methods, which hand on what :func:`connection_form_widgets` and
:func:`ui_field_behaviour` derive from the same data.

No field has a default in its schema: the form would store it, and a later version's better default would not count.
"""

from __future__ import annotations

from typing import Any, Final

CONN_TYPE: Final = "pipedrive"
"""The type of a connection to Pipedrive."""
CONN_FIELDS: Final[dict[str, dict[str, Any]]] = {
    "refresh_token": {
        "label": "OAuth refresh token",
        "description": "With client id and secret enough on its own: access tokens are fetched and renewed from it.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "access_token": {
        "label": "OAuth access token",
        "description": "Optional. Without a refresh token it works until it expires, an hour after it was issued.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "api_token": {
        "label": "API token",
        "description": "A user's personal API token, instead of OAuth.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "oauth_host": {
        "label": "OAuth host",
        "description": "URL of the server that issues tokens. Default: https://oauth.pipedrive.com.",
        "schema": {"type": ["string", "null"]},
    },
    "redirect_uri": {
        "label": "Redirect URI",
        "description": "The app's callback URL, exactly as registered, for connecting this account. Default: "
        "[pipedrive] redirect_uri of Airflow's configuration, else as docs/connection.md says.",
        "schema": {"type": ["string", "null"]},
    },
    "timeout": {
        "label": "Timeout",
        "description": "Seconds for connecting and for each silence while an answer arrives. Default: 30.",
        "schema": {"type": ["number", "null"], "minimum": 0.1},
    },
    "max_attempts": {
        "label": "Attempts",
        "description": "How often one request is sent at most, the first time included. Default: 5.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "burst_limit": {
        "label": "Burst limit",
        "description": "Requests in 2 seconds. Default: learned from Pipedrive's answers; until then 20 with an API "
        "token, 80 with OAuth.",
        "schema": {"type": ["integer", "null"], "minimum": 1},
    },
    "daily_token_budget": {
        "label": "Daily token budget",
        "description": "Pipedrive API tokens that this Airflow may spend in a UTC day. Default: no limit of its own.",
        "schema": {"type": ["integer", "null"], "minimum": 0},
    },
    "reserved_share": {
        "label": "Reserved share",
        "description": "The part of the company's daily API tokens, from 0 to 1, that Airflow leaves to people's own "
        "tools. Default: 0.",
        "schema": {"type": ["number", "null"], "minimum": 0, "maximum": 1},
    },
    "dag_shares": {
        "label": "DAG shares",
        "description": "JSON object from patterns of DAG ids to the part of the day's API tokens that may be gone "
        'before they stop: {"backfill_*": 0.5}. Default: all of them.',
        "schema": {"type": ["object", "null"], "format": "json"},
    },
    "verify": {
        "label": "Verify TLS",
        "description": "true, false, or the path of a CA bundle on the machines that run tasks. Default: true.",
        "schema": {"type": ["string", "null"]},
    },
    "proxies": {
        "label": "Proxies",
        "description": 'JSON object from scheme to proxy URL: {"https": "http://proxy.example.com:3128"}. '
        "Default: the environment's.",
        "schema": {"type": ["object", "null"], "format": "json"},
    },
    "hash_key": {
        "label": "Hash key",
        "description": "16 characters or more that nobody guesses, for hashes of personal data (hash=[...] of an "
        "extraction). Another key makes other hashes. Default: none.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
    "webhook_url": {
        "label": "Webhook URL",
        "description": "Address at which Pipedrive's deliveries reach Airflow: "
        "https://airflow.example.com/pipedrive/webhook/ and 16 or more letters and digits that nobody guesses. "
        "Default: none.",
        "schema": {"type": ["string", "null"]},
    },
    "webhook_user": {
        "label": "Webhook user",
        "description": "User of the Basic auth that Pipedrive sends with each delivery. Default: none.",
        "schema": {"type": ["string", "null"]},
    },
    "webhook_password": {
        "label": "Webhook password",
        "description": "Password of the Basic auth that Pipedrive sends with each delivery. Default: none.",
        "schema": {"type": ["string", "null"], "format": "password"},
    },
}
"""Fields that are stored in the connection's extra, in the form's order."""

UI_FIELD_BEHAVIOUR: Final[dict[str, Any]] = {
    "hidden-fields": ["port", "schema"],
    "relabeling": {"login": "OAuth client id", "password": "OAuth client secret"},  # nosec B105 # a label
    "placeholders": {
        "host": "acme, acme.pipedrive.com or a URL; empty: Pipedrive's own for the tokens",
        "login": "not needed with an API token",
        "password": "not needed with an API token",  # nosec B105 # a hint
        "oauth_host": "https://oauth.pipedrive.com",
        "redirect_uri": "https://airflow.example.com/pipedrive/callback",
        "timeout": "30",
        "max_attempts": "5",
        "verify": "true",
        "webhook_url": "https://airflow.example.com/pipedrive/webhook/<16 letters and digits that nobody guesses>",
    },
}
"""What the form hides, renames and suggests among Airflow's standard fields."""


def connection_form_widgets() -> dict[str, Any]:
    """The fields as web-form widgets, for Airflow 2.11 to 3.1.

    :raises ImportError: neither wtforms nor Airflow's stand-in for it is there (Airflow 3.0 without FAB)
    """
    from flask_appbuilder.fieldwidgets import BS3PasswordFieldWidget, BS3TextFieldWidget
    from wtforms import IntegerField, PasswordField, StringField
    from wtforms.validators import Optional

    def widget(label: str, description: str, schema: dict[str, Any]) -> Any:
        kind, look = StringField, BS3TextFieldWidget
        if schema.get("format") == "password":
            kind, look = PasswordField, BS3PasswordFieldWidget
        elif "integer" in schema["type"]:
            kind = IntegerField
        return kind(label, validators=[Optional()], description=description, widget=look())

    return {name: widget(**field) for name, field in CONN_FIELDS.items()}


def ui_field_behaviour() -> dict[str, Any]:
    """What the form hides, renames and suggests, spelled as Airflow 2.11 to 3.1 want it."""
    return {key.replace("-", "_"): value for key, value in UI_FIELD_BEHAVIOUR.items()}
