"""The connections that Airflow knows, and the one way to change them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from airflow.models import Connection
from airflow.utils.session import create_session

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.accounts.status import KEY
from airflow_provider_pipedrive.accounts.store import AppAuthorization
from airflow_provider_pipedrive.errors import PipedriveParameterError

pytestmark = pytest.mark.usefixtures("database")
AUTHORIZATION = AppAuthorization("an-app", "its-secret", "a-refresh-token", host="acme.pipedrive.com")


def crm() -> Any:
    stored = store.stored_in_database("crm")
    assert stored is not None
    return stored


def add(conn_id: str, conn_type: str = "pipedrive", **fields: Any) -> None:
    with create_session() as session:
        session.add(Connection(conn_id=conn_id, conn_type=conn_type, **fields))


def test_an_authorization_makes_a_connection() -> None:
    store.save_authorization("crm", AUTHORIZATION)
    row = crm().connection
    assert (row.login, row.password, row.host) == ("an-app", "its-secret", "acme.pipedrive.com")
    assert sorted(row.extra_dejson) == [KEY, "refresh_token"]


def test_another_authorization_takes_the_place_of_every_credential_and_of_nothing_else() -> None:
    add("crm", host="old.pipedrive.com", port=1, extra=json.dumps({"api_token": "t", "oauth_host": "x", "timeout": 7}))
    store.save_authorization("crm", AUTHORIZATION)
    assert (crm().connection.host, crm().connection.port) == ("acme.pipedrive.com", None)
    extra = crm().extra
    assert (extra.pop("refresh_token"), extra.pop(KEY)["state"], extra) == ("a-refresh-token", "", {"timeout": 7})


def test_what_others_store_meanwhile_is_not_undone() -> None:
    add("crm", extra="{}")

    def edit(extra: dict[str, Any]) -> dict[str, Any]:
        if "theirs" not in extra:
            store.change_extra("crm", lambda extra: {**extra, "theirs": 1})
        return {**extra, "ours": 2}

    assert store.change_extra("crm", edit) == {"theirs": 1, "ours": 2}
    assert crm().extra == {"theirs": 1, "ours": 2}


def test_an_authorization_is_stored_next_to_what_others_store_meanwhile(mocker: Any) -> None:
    add("crm", extra="{}")
    real, others = store._authorized, []

    def authorized(before: Any, authorization: Any) -> Any:
        """Somebody else is faster: it writes after this one has read."""
        if not others:
            others.append("faster")
            store.change_extra("crm", lambda extra: {**extra, "timeout": 7})
        return real(before, authorization)

    mocker.patch.object(store, "_authorized", side_effect=authorized)
    store.save_authorization("crm", AUTHORIZATION)
    assert (crm().extra["timeout"], crm().extra["refresh_token"]) == (7, "a-refresh-token")


def test_a_new_connection_that_somebody_else_adds_first_is_changed_instead(mocker: Any) -> None:
    real, others = store._authorized, []

    def authorized(before: Any, authorization: Any) -> Any:
        if not others:
            others.append("faster")
            add("crm", extra=json.dumps({"timeout": 7}))
        return real(before, authorization)

    mocker.patch.object(store, "_authorized", side_effect=authorized)
    store.save_authorization("crm", AUTHORIZATION)
    assert (crm().extra["timeout"], crm().extra["refresh_token"]) == (7, "a-refresh-token")


def test_where_others_change_it_all_the_time_the_change_is_given_up() -> None:
    add("crm", extra="{}")

    def edit(extra: dict[str, Any]) -> dict[str, Any]:
        with create_session() as session:
            row = session.query(Connection).filter(Connection.conn_id == "crm").one()
            row.set_extra(json.dumps({"count": extra.get("count", 0) + 1}))
        return {**extra, "ours": 1}

    with pytest.raises(PipedriveParameterError, match="'crm' is being changed by others all the time"):
        store.change_extra("crm", edit)
    assert "ours" not in crm().extra


def test_a_connection_of_another_type_is_neither_read_nor_changed() -> None:
    add("crm", "postgres", extra="{}")
    for attempt in (
        lambda: store.stored_in_database("crm"),
        lambda: store.save_authorization("crm", AUTHORIZATION),
    ):
        with pytest.raises(PipedriveParameterError, match="is of type postgres, not pipedrive"):
            attempt()
    with pytest.raises(PipedriveParameterError, match="no connection 'crm' of type Pipedrive"):
        store.change_extra("crm", dict)


def test_a_connection_that_cannot_be_read_is_not_overwritten_by_guesses() -> None:
    add("crm", extra="{}")
    with create_session() as session:
        row = session.query(Connection).filter(Connection.conn_id == "crm").one()
        row._extra, row.is_extra_encrypted = "gAAAAABnotours", True
    assert crm().unreadable
    with pytest.raises(PipedriveParameterError, match="'crm' cannot be read"):
        store.change_extra("crm", dict)


@pytest.mark.parametrize("conn_id", ["", "my crm", "crm\n", "c" * 251, "k\u00e4ufer"])
def test_an_id_that_airflow_does_not_take_is_refused(conn_id: str) -> None:
    with pytest.raises(PipedriveParameterError, match="is not a valid connection id"):
        store.checked_conn_id(conn_id)


def test_airflow_takes_the_environment_before_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    assert store.resolved("crm") is None
    store.save_authorization("crm", AUTHORIZATION)
    found = store.resolved("crm")
    assert found is not None
    assert found.source == "database"
    monkeypatch.setenv("AIRFLOW_CONN_CRM", '{"conn_type": "pipedrive", "host": "other.pipedrive.com"}')
    found = store.resolved("crm")
    assert found is not None
    assert (found.source, found.connection.host) == ("environment", "other.pipedrive.com")
    assert store.find("crm").source == "environment"


def test_no_secret_is_in_what_stands_for_a_connection() -> None:
    store.save_authorization("crm", AUTHORIZATION)
    assert "its-secret" not in repr(AUTHORIZATION) + repr(crm())
    assert "a-refresh-token" not in repr(AUTHORIZATION) + repr(crm())
