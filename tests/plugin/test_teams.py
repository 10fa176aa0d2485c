"""An Airflow with several teams: each sees, tests and hears of its own connections, under their ids."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from airflow.assets.manager import asset_manager
from airflow.models import Connection
from airflow.models.asset import AssetDagRunQueue, AssetModel, DagScheduleAssetReference
from airflow.utils.session import create_session
from sqlalchemy import delete, select

from airflow_provider_pipedrive.accounts import store
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.plugin.webhooks import endpoints
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import api_token_connection
from tests.support.web_app import Browser, text_of
from tests.support.webhook_receiver import ACME, DEALS, PATH, WEBHOOK, Receiver, delivery, stored_events

pytestmark = pytest.mark.skipif(
    not hasattr(asset_manager, "_filter_dags_by_team"), reason="before 3.3, Airflow starts DAGs of all teams"
)


@pytest.fixture
def teams(database: None, pipedrive: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """The teams sales and support, each with a connection ``crm`` of its own in the environment."""
    from airflow.models.team import Team

    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "True")
    with create_session() as session:
        session.add_all([Team(name="sales"), Team(name="support")])
    monkeypatch.setenv("AIRFLOW_CONN__SALES___CRM", api_token_connection(pipedrive))
    monkeypatch.setenv("AIRFLOW_CONN__SUPPORT___CRM", api_token_connection(pipedrive))
    monkeypatch.setenv("AIRFLOW_CONN__NOBODY___CRM", api_token_connection(pipedrive))
    return pipedrive


@pytest.fixture
def seller(teams: Sandbox, browser: Browser) -> Browser:
    """The browser of someone of the team sales who may edit its connections, and no other team's."""
    browser.sign_in("sally", "op", teams=["sales"])
    return browser


def ids() -> list[tuple[str, str]]:
    return [(stored.conn_id, stored.team) for stored in store.all_connections()]


def test_a_teams_connection_of_the_environment_has_its_id_and_its_team(teams: Sandbox) -> None:
    assert ids() == [("crm", "sales"), ("crm", "support")]
    assert store.find("crm", "sales").team == "sales"


@pytest.mark.parametrize("conn_id", ["crm", "_sales___crm", "sales___crm"])
def test_without_its_team_it_is_no_connection(teams: Sandbox, conn_id: str) -> None:
    with pytest.raises(PipedriveParameterError, match="There is no connection"):
        store.find(conn_id)


def test_a_connection_for_all_is_next_to_those_of_teams(teams: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_CRM", api_token_connection(teams))
    assert ids() == [("crm", ""), ("crm", "sales"), ("crm", "support")]
    assert store.find("crm").team == ""


def test_in_an_airflow_without_teams_the_name_means_what_it_says(
    teams: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW__CORE__MULTI_TEAM", "False")
    assert ("_sales___crm", "") in ids()


def test_the_page_shows_a_user_the_connections_of_the_own_team(seller: Browser) -> None:
    page = text_of(seller.get("page"))
    assert "crm API token environment variable team sales" in page
    assert "Set by the environment variable AIRFLOW_CONN__SALES___CRM" in page
    assert "support" not in page.lower()
    assert "nobody" not in page.lower()


def test_the_page_shows_an_administrator_the_connections_of_all_teams(teams: Sandbox, browser: Browser) -> None:
    page = text_of(browser.get("page"))
    assert "team sales" in page
    assert "team support" in page


def test_a_user_tests_the_connections_of_the_own_team_and_of_no_other(seller: Browser) -> None:
    assert "crm works: connected as" in text_of(seller.post("test", conn_id="crm", team="sales"))
    sent = len(seller.pipedrive.requests)
    refused = seller.post("test", conn_id="crm", team="support")
    assert (refused.status_code, len(seller.pipedrive.requests)) == (403, sent)


def test_the_name_of_the_own_team_opens_no_connection_of_another(seller: Browser, teams: Sandbox) -> None:
    with create_session() as session:
        extra = json.dumps({"api_token": "SomeoneElsesToken0123"})
        session.add(Connection("theirs", "pipedrive", host=teams.url, extra=extra, team_name="support"))
    sent = len(teams.requests)
    assert "There is no connection 'theirs'" in text_of(seller.post("test", conn_id="theirs", team="sales"))
    assert seller.post("test", conn_id="theirs").status_code == 403
    assert "theirs" not in text_of(seller.get("page"))
    assert len(teams.requests) == sent


def webhook_of(team: str, monkeypatch: pytest.MonkeyPatch, pipedrive: Sandbox) -> None:
    connection = api_token_connection(pipedrive, **WEBHOOK, oauth_status=ACME)
    monkeypatch.setenv(f"AIRFLOW_CONN__{team.upper()}___CRM", connection)
    endpoints.forget()


@pytest.fixture
def consumers(teams: Sandbox, assets: None) -> Iterator[None]:
    """A DAG of each team, and one of none, that wait for the deals of acme."""
    from airflow.models.dag import DagModel
    from airflow.models.dagbundle import DagBundleModel
    from airflow.models.team import Team

    with create_session() as session:
        asset_id = session.scalar(select(AssetModel.id).where(AssetModel.uri == DEALS))
        for name in ("sales", "support", "everybody"):
            bundle = DagBundleModel(name=name)
            session.add(bundle)
            session.flush()
            if team := session.get(Team, name):
                team.dag_bundles.append(bundle)
            session.add(DagModel(dag_id=f"{name}_dag", bundle_name=name, is_paused=False, is_stale=False))
            session.flush()
            session.add(DagScheduleAssetReference(asset_id=asset_id, dag_id=f"{name}_dag"))
    yield
    with create_session() as session:
        for model in (AssetDagRunQueue, DagScheduleAssetReference, DagModel):
            session.execute(delete(model))
        for team in session.scalars(select(Team)):
            team.dag_bundles.clear()
        session.flush()
        session.execute(delete(DagBundleModel))


@pytest.mark.usefixtures("consumers")
def test_a_delivery_of_a_teams_webhook_starts_dags_of_this_team_only(
    teams: Sandbox, airflow_app: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    webhook_of("sales", monkeypatch, teams)
    assert Receiver(airflow_app).post(delivery(), PATH).status_code == 200
    (event,) = stored_events()
    assert (event.extra["pipedrive"]["connection"], event.extra["pipedrive"]["team"]) == ("crm", "sales")
    with create_session() as session:
        assert list(session.scalars(select(AssetDagRunQueue.target_dag_id))) == ["sales_dag"]
