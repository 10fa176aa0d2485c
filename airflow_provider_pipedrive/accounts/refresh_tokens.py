"""Refresh tokens that Pipedrive handed out in place of a connection's own: kept by tasks, found by everybody."""

from __future__ import annotations

import hashlib
import logging

from airflow_provider_pipedrive.client.settings import OAuth
from airflow_provider_pipedrive.client.shared_tokens import SharedTokens

log = logging.getLogger(__name__)


class VariableRefreshTokenStore:
    """Keeps a refresh token that replaces a connection's in an Airflow Variable: a task can write no connection.

    The Variable belongs to the connection's own token: with a new one in the connection it starts again. Airflow
    encrypts it, and hides it for its name.

    :param refresh_token: the connection's own
    """

    def __init__(self, refresh_token: str) -> None:
        self.name = f"pipedrive_refresh_token_{hashlib.sha256(refresh_token.encode()).hexdigest()[:16]}"

    def load(self) -> str | None:
        """The newest refresh token, if Pipedrive has ever replaced the connection's."""
        from airflow.providers.common.compat.sdk import Variable

        # Given by position: the one spelling of a default that Airflow 2.11 and 3 share.
        found = Variable.get(self.name, None)
        return str(found) if found else None

    def save(self, refresh_token: str) -> bool:
        """Keep it, and say where; whether that was possible."""
        from airflow.providers.common.compat.sdk import Variable

        try:
            Variable.set(self.name, refresh_token)
        except Exception as error:  # noqa: BLE001 - Airflow raises many kinds; the token still works in this process
            log.warning(
                "The new refresh token could not be kept in the Variable %s: %s", self.name, type(error).__name__
            )
            return False
        log.info(
            "Pipedrive handed out a new refresh token: kept in the Variable %s, used when the connection's is refused.",
            self.name,
        )
        return True


def kept_refresh_token(credential: OAuth) -> str | None:
    """The refresh token that tasks have kept in place of the connection's own, if Pipedrive has ever replaced it."""
    from airflow.models import Variable
    from airflow.utils.session import create_session
    from sqlalchemy import select
    from sqlalchemy.exc import SQLAlchemyError

    if credential.refresh_token is None:
        return None
    shared = SharedTokens(credential).read()
    if shared is not None and shared.refresh_token != credential.refresh_token:
        return shared.refresh_token
    name = VariableRefreshTokenStore(credential.refresh_token).name
    try:  # not by Variable.get, which logs a traceback where there is no database
        with create_session() as session:
            row = session.scalar(select(Variable).where(Variable.key == name))
            return row.get_val() or None if row is not None else None
    except (SQLAlchemyError, RuntimeError):
        # A machine without Airflow's database, or a task of Airflow 3: nothing kept can be seen from here.
        return None
