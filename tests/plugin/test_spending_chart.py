"""What the page shows of the day's API tokens."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from airflow.models import Variable
from airflow.utils.session import create_session

from airflow_provider_pipedrive.client.day import Day
from tests.support.web_app import Browser, text_of


@pytest.fixture
def spent(database: None, crm: str) -> None:
    """Word of two machines: today, and the day before yesterday."""
    now = datetime.now(UTC)
    today = Day(rows={f"{crm}/nightly/load/read deals": 1200, "other/secret_dag/x/read deals": 300})
    today.learn(150_000, 100_000, 5.0)
    leave(now, {"worker-1": today, "worker-2": Day(rows={f"{crm}/sync/write/write deals": 500})})
    leave(now - timedelta(days=2), {"worker-1": Day(rows={f"{crm}/nightly/load/read deals": 1000})})
    leave(now, {"worker-1": Day(rows={"other/secret_dag/x/read deals": 7})}, "strangers.pipedrive.com")


def leave(moment: datetime, days: dict[str, Day], account: str = "acme.pipedrive.com") -> None:
    with create_session() as session:
        text = json.dumps({machine: vars(day) for machine, day in days.items()})
        session.add(Variable(f"pipedrive_spent_{account}_{moment:%Y-%m-%d}", text))


@pytest.mark.usefixtures("spent")
def test_the_page_shows_a_bar_for_each_day_and_who_has_spent_most_today(browser: Browser) -> None:
    page = browser.get("page")
    assert "acme.pipedrive.com 2,000 API tokens today 100,000 of the company's 150,000 left" in text_of(page)
    heights = [float(height) for height in re.findall(r'width="28" height="([\d.]+)"', page.text)]
    assert heights == [0.0] * 11 + [50.0, 0.0, 100.0]
    assert "nightly.load read deals 1,200 sync.write write deals 500" in text_of(page)


@pytest.mark.usefixtures("spent")
def test_what_connections_spend_that_the_user_may_not_see_is_not_named(browser: Browser) -> None:
    page = browser.get("page").text
    assert "secret_dag" not in page
    assert "strangers" not in page


@pytest.mark.usefixtures("spent")
def test_an_account_has_the_name_of_its_company_where_a_connection_knows_it(browser: Browser) -> None:
    browser.connect()
    assert "Sandbox Ltd (acme.pipedrive.com) 2,000 API tokens today" in text_of(browser.get("page"))


@pytest.mark.usefixtures("crm")
def test_where_nothing_was_spent_no_chart_is_shown(browser: Browser) -> None:
    assert "<svg" not in browser.get("page").text
