"""Airflow connections on the command line: found, and printed."""

from __future__ import annotations

import json
import shlex

import pytest
from airflow.models import Connection
from airflow.utils.session import create_session
from sqlalchemy.exc import OperationalError

from airflow_provider_pipedrive.accounts.store import AppAuthorization
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveError, PipedriveParameterError


def test_a_printed_authorization_is_a_connection(capsys: pytest.CaptureFixture[str]) -> None:
    kept = AppAuthorization("an-app", "it's secret", "a-token", "http://127.0.0.1:9", "http://127.0.0.1:9")
    connections.put_authorization("my.crm", kept, "json")
    name, _, value = shlex.split(capsys.readouterr().out)[0].partition("=")
    assert name == "AIRFLOW_CONN_MY.CRM"
    extra = {"refresh_token": "a-token", "oauth_host": "http://127.0.0.1:9"}
    fields = {"login": "an-app", "password": "it's secret", "host": "http://127.0.0.1:9", "extra": extra}
    assert json.loads(value) == {"conn_type": "pipedrive", **fields}


@pytest.mark.parametrize("form", ["json", "uri"])
def test_a_connection_is_printed_as_it_is_but_for_its_refresh_token(
    form: str, capsys: pytest.CaptureFixture[str]
) -> None:
    extra = {"refresh_token": "old", "timeout": 7}
    before = Connection("crm", "pipedrive", login="an-app", password="s/e:c@r e", extra=json.dumps(extra))
    connections.put_connection(before, "new", form)
    value = shlex.split(capsys.readouterr().out)[0].partition("=")[2]
    after = Connection.from_json(value, "crm") if form == "json" else Connection("crm", uri=value)
    assert (after.conn_type, after.login, after.password) == ("pipedrive", "an-app", "s/e:c@r e")
    assert after.extra_dejson == {"refresh_token": "new", "timeout": 7}


def test_a_connection_that_is_not_there_is_said_with_how_to_make_it(database: None) -> None:
    with pytest.raises(PipedriveAuthError, match="no Airflow connection 'crm'.*connect --save crm"):
        connections.find("crm")


def test_a_connection_that_cannot_be_read_is_said(database: None) -> None:
    with create_session() as session:
        row = Connection(conn_id="crm", conn_type="pipedrive")
        row._extra, row.is_extra_encrypted = "gAAAAABnotours", True
        session.add(row)
    with pytest.raises(PipedriveParameterError, match="'crm' cannot be read"):
        connections.find("crm")


def test_a_variable_that_is_not_a_connection_is_named(database: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM", "pipedrive://127.0.0.1:99999/?api_token=x")
    with pytest.raises(PipedriveParameterError, match="What AIRFLOW_CONN_CRM holds is not a valid connection"):
        connections.find("crm")


@pytest.mark.parametrize("error", [OperationalError("select", {}, Exception()), RuntimeError("not for tasks")])
def test_a_database_out_of_reach_is_said_with_another_way(error: Exception) -> None:
    with pytest.raises(PipedriveError, match="metadata database cannot be used from here.*--print json"):
        with connections.explained_database_errors():
            raise error
