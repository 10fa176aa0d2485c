"""The hook: Airflow connections of every form, and what the hook does with them."""

from __future__ import annotations

import copy
import io
import json
import pickle
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.errors import (
    PipedriveAuthError,
    PipedriveEndpointRemovedError,
    PipedriveParameterError,
)
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN, CLIENT_ID, CLIENT_SECRET, REFRESH_TOKEN, oauth_connection


def test_one_action_returns_the_data_of_the_answer(sandbox: Sandbox) -> None:
    deal = PipedriveHook().run("getDeal", {"id": 1})
    assert deal["id"] == 1
    assert deal["title"] == sandbox.records("deals")[1]["title"]


def test_a_list_action_returns_the_records_of_all_pages(sandbox: Sandbox) -> None:
    found = PipedriveHook().run("getDeals", {"limit": 7, "status": "open,won,lost"})
    alive = [deal for deal in sandbox.records("deals").values() if not deal["is_deleted"] and not deal["is_archived"]]
    assert sorted(deal["id"] for deal in found) == sorted(deal["id"] for deal in alive)
    assert len(sandbox.requests) == -(-len(alive) // 7)


def test_a_given_cursor_reads_one_page_only(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    first = hook.request("GET", "/api/v2/deals", params={"limit": 5})
    page = hook.run("getDeals", {"limit": 5, "cursor": first["additional_data"]["next_cursor"]})
    assert len(page) == 5
    assert {deal["id"] for deal in page}.isdisjoint(deal["id"] for deal in first["data"])


def test_iterate_asks_for_a_page_only_when_its_records_are_wanted(sandbox: Sandbox) -> None:
    records = PipedriveHook().iterate("getPersons", {"limit": 3})
    assert sandbox.requests == []
    for _ in range(4):
        next(records)
    assert len(sandbox.requests) == 2


def test_iterate_stops_after_max_records_and_asks_for_no_more_than_these(sandbox: Sandbox) -> None:
    assert len(list(PipedriveHook().iterate("getDeals", max_records=4))) == 4
    assert [request.query for request in sandbox.requests] == [[("limit", "4")]]


def test_iterate_refuses_wrong_parameters_before_the_first_record_is_asked_for(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="did you mean status"):
        PipedriveHook().iterate("getDeals", {"stauts": "open"})


def test_the_usage_counts_requests_pages_records_and_tokens(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    pipelines = hook.run("getPipelines")
    hook.run("getDeal", {"id": 1})
    usage = hook.usage
    assert (usage.requests, usage.pages, usage.records, usage.tokens) == (2, 1, len(pipelines), 5 + 1)


@pytest.mark.parametrize("form", ["JSON", "URI", "URI with __extra__"])
def test_an_api_token_connection_works_in_every_form(
    form: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    extra = {"api_token": API_TOKEN, "timeout": "5", "max_attempts": "2", "burst_limit": "500"}
    forms = {
        "JSON": json.dumps({"conn_type": "pipedrive", "host": sandbox.url, "extra": extra}),
        "URI": f"pipedrive://{sandbox.url}?" + "&".join(f"{key}={value}" for key, value in extra.items()),
        "URI with __extra__": f"pipedrive://{quote(sandbox.url, safe='')}?__extra__={quote(json.dumps(extra))}",
    }
    monkeypatch.setenv("AIRFLOW_CONN_OTHER", forms[form])
    hook = PipedriveHook("other")
    assert hook.run("getCurrentUser")["id"]
    settings = hook.client.settings
    assert (settings.timeout, settings.max_attempts, settings.burst_limit) == (5.0, 2, 500)


def test_an_oauth_connection_needs_nothing_but_a_refresh_token(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", oauth_connection(sandbox))
    assert PipedriveHook().run("getDeal", {"id": 1})["id"] == 1
    assert PipedriveHook().run("getDeal", {"id": 2})["id"] == 2
    assert sandbox.counters()["refreshes"] == 1


def test_an_oauth_connection_as_uri(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"refresh_token": REFRESH_TOKEN, "oauth_host": sandbox.url, "host_not_given": "api_domain tells it"}
    uri = f"pipedrive://{CLIENT_ID}:{CLIENT_SECRET}@?__extra__={quote(json.dumps(extra))}"
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", uri)
    hook = PipedriveHook()
    assert hook.run("getCurrentUser")["id"]
    assert hook.client.origin == sandbox.url


def test_the_connection_test_tells_who_which_company_which_auth_and_which_host(sandbox: Sandbox) -> None:
    me = next(user for user in sandbox.records("users").values() if user["is_admin"])
    works, message = PipedriveHook().test_connection()
    assert works
    for part in (me["name"], "API token", sandbox.url):
        assert part in message
    assert sandbox.counters()["tokens"] == 2


def test_the_connection_test_says_what_to_change(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = {"conn_type": "pipedrive", "host": sandbox.url, "extra": {"api_token": "WrongToken123456"}}
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", json.dumps(wrong))
    works, message = PipedriveHook().test_connection()
    assert not works
    assert "getCurrentUser: Pipedrive answered 401: unauthorized access" in message
    assert "copy it anew from Pipedrive" in message
    assert "WrongToken123456" not in message


@pytest.mark.parametrize(
    ("connection", "advice"),
    [
        ({"extra": {}}, "The connection has no credential"),
        ({"extra": {"refresh_token": "RefreshToken12345"}}, "Put the OAuth client id into login"),
        ({"extra": {"api_token": "Token12345", "refresh_token": "RefreshToken12345"}}, "Keep one of the two"),
        ({"extra": {"api_token": "Token 12345"}}, "api_token is no token"),
        ({"host": "https://evil.example.com", "extra": {"api_token": "Token12345"}}, "is no host to send"),
        ({"host": "http://acme.pipedrive.com", "extra": {"api_token": "Token12345"}}, "is no host to send"),
        ({"extra": {"api_token": "Token12345", "timeout": "soon"}}, "timeout must be a number of seconds"),
        ({"extra": {"api_token": "Token12345", "burst_limit": "0"}}, "burst_limit must be a whole number of at least"),
        ({"conn_type": "http", "extra": {"api_token": "Token12345"}}, "is of type http, not pipedrive"),
    ],
)
def test_a_connection_that_cannot_work_says_what_to_change(
    connection: dict[str, object], advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", json.dumps({"conn_type": "pipedrive", **connection}))
    with pytest.raises((PipedriveAuthError, PipedriveParameterError), match=advice):
        PipedriveHook("broken").run("getCurrentUser")


def test_a_missing_connection_says_how_to_make_it(mocker: MockerFixture) -> None:
    # Airflow's edge: in a unit test there is no database to look into.
    mocker.patch.object(PipedriveHook, "get_connection", staticmethod(_not_defined))
    with pytest.raises(PipedriveAuthError, match="AIRFLOW_CONN_NOT_THERE"):
        PipedriveHook("not_there").run("getCurrentUser")


def _not_defined(conn_id: str) -> None:
    from airflow.providers.common.compat.sdk import AirflowNotFoundException

    raise AirflowNotFoundException(f"The conn_id `{conn_id}` isn't defined")


def test_a_download_goes_to_the_path_given_as_save_to(sandbox: Sandbox, tmp_path: Path) -> None:
    file = sandbox.add_file(deal_id=1, name="offer.txt", content=b"We offer.")
    target = tmp_path / "offer.txt"
    assert PipedriveHook().run("downloadFile", {"id": file["id"]}, save_to=str(target)) == str(target)
    assert target.read_bytes() == b"We offer."
    assert list(tmp_path.iterdir()) == [target]


def test_save_to_may_stand_among_the_parameters(sandbox: Sandbox, tmp_path: Path) -> None:
    file = sandbox.add_file(deal_id=1, name="offer.txt", content=b"We offer.")
    PipedriveHook().run("downloadFile", {"id": file["id"], "save_to": tmp_path / "there"})
    assert (tmp_path / "there").read_bytes() == b"We offer."


def test_a_download_goes_to_object_storage_and_to_file_objects(sandbox: Sandbox, tmp_path: Path) -> None:
    file = sandbox.add_file(deal_id=1, name="offer.txt", content=b"We offer.")
    PipedriveHook().run("downloadFile", {"id": file["id"]}, save_to=f"file://{tmp_path}/stored.txt")
    assert (tmp_path / "stored.txt").read_bytes() == b"We offer."
    sink = io.BytesIO()
    PipedriveHook().run("downloadFile", {"id": file["id"]}, save_to=sink)
    assert sink.getvalue() == b"We offer."


def test_a_broken_download_leaves_nothing_behind(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="404"):
        PipedriveHook().run("downloadFile", {"id": 999_999}, save_to=str(tmp_path / "never"))
    assert list(tmp_path.iterdir()) == []


def test_save_to_is_for_downloads_only(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(PipedriveParameterError, match="does not answer a file"):
        PipedriveHook().run("getDeal", {"id": 1}, save_to=str(tmp_path / "deal"))


def test_a_target_that_cannot_be_written_is_found_before_anything_is_downloaded(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    for target, advice in (
        (tmp_path, "is a folder"),
        (tmp_path / "missing" / "file", "does not exist"),
        ("/proc/version/file", "cannot be written"),
        ("nosuch://bucket/file", "Install the Airflow provider of that storage"),
        ("", "must be a path"),
        (5, "must be a path"),
    ):
        with pytest.raises(PipedriveParameterError, match=advice):
            PipedriveHook().run("downloadFile", {"id": 1}, save_to=target)
    assert sandbox.requests == []


def test_a_file_in_a_storage_that_is_not_installed_is_refused_with_what_to_install(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="Install the Airflow provider of that storage"):
        PipedriveHook().run("addFile", {"file": "nosuch://bucket/file", "deal_id": 1})


@pytest.mark.parametrize("parameters", ["status=open", ["status"]])
def test_parameters_that_are_no_dict_are_refused(parameters: object, sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="parameters must be a dict"):
        PipedriveHook().run("getDeals", parameters)  # type: ignore[arg-type]


def test_an_upload_takes_a_file_from_object_storage(sandbox: Sandbox, tmp_path: Path) -> None:
    (tmp_path / "Größe.txt").write_bytes(b"We offer.")
    stored = PipedriveHook().run("addFile", {"file": f"file://{tmp_path}/Größe.txt", "deal_id": 1})
    assert PipedriveHook().run("downloadFile", {"id": stored["id"]}) == b"We offer."
    assert stored["name"] == "Größe.txt"


def test_options_are_keys_and_labels_to_choose_from(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    deals, stages = sandbox.records("deals"), sandbox.records("stages")
    assert {"key": "1", "label": f"{deals[1]['title']} - {deals[1]['status']}"} in hook.options("selectDeal")
    assert {"key": "1", "label": stages[1]["name"]} in hook.options("stages")
    for source in ("selectOrganization", "selectPerson", "pipelines", "users", "filters", "labels", "leadLabels"):
        assert all(option["key"] and option["label"] for option in hook.options(source)), source


def test_options_that_do_not_exist_are_refused_with_those_that_do(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveParameterError, match="only: selectDeal, selectOrganization"):
        PipedriveHook().options("selectDeals")


def test_an_action_that_pipedrive_has_removed_is_not_sent(sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveEndpointRemovedError, match=r"removed by Pipedrive on 2025-06-27.*getInstallments"):
        PipedriveHook().run("getSubscription", {"id": 1})
    assert sandbox.requests == []


@pytest.mark.parametrize(
    "elsewhere",
    ["https://evil.example.com/v1/deals", "//evil.example.com/v1/deals", "/v2/deals", "/v1/../admin", "v1/deals"],
)
def test_a_raw_request_goes_nowhere_but_to_the_connections_host(elsewhere: str, sandbox: Sandbox) -> None:
    for ask in (
        lambda: PipedriveHook().request("GET", elsewhere),
        lambda: PipedriveHook().run("rawRequest", {"method": "GET", "path": elsewhere}),
    ):
        with pytest.raises(PipedriveParameterError):
            ask()
    assert sandbox.requests == []


# ---- the client belongs to the connection that it was made for


@pytest.fixture
def two_accounts(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    """``pipedrive_default``, and a second company behind ``second``."""
    with Sandbox(deals=3, seed=2, api_token="ApiTokenOfTheSecondCompany012345") as second:
        monkeypatch.setenv(
            "AIRFLOW_CONN_SECOND",
            json.dumps({"conn_type": "pipedrive", "host": second.url, "extra": {"api_token": second.api_token}}),
        )
        yield second


def given_another_id(hook: PipedriveHook) -> PipedriveHook:
    hook.pipedrive_conn_id = "second"
    return hook


COPIES: dict[str, Callable[[PipedriveHook], PipedriveHook]] = {
    "copy": lambda hook: given_another_id(copy.copy(hook)),
    "deep copy": lambda hook: given_another_id(copy.deepcopy(hook)),
    "pickle": lambda hook: given_another_id(pickle.loads(pickle.dumps(hook))),
    "itself": given_another_id,
    "its dict": lambda hook: given_another_id(from_dict(hook)),
}


def from_dict(hook: PipedriveHook) -> PipedriveHook:
    made = object.__new__(PipedriveHook)
    made.__dict__.update(hook.__dict__)
    return made


@pytest.mark.parametrize("way", COPIES)
def test_a_hook_that_is_given_another_connection_talks_to_that_account(
    way: str, sandbox: Sandbox, two_accounts: Sandbox
) -> None:
    hook = PipedriveHook()
    assert hook.client.origin == sandbox.url
    hook.log.info("used")
    copied = COPIES[way](hook)
    copied.run("addNote", {"content": "for the second company", "deal_id": 1})
    assert copied.client.origin == copied.get_conn().origin == two_accounts.url
    assert copied.usage.requests == 1
    assert [request.path for request in two_accounts.requests] == ["/v1/notes"]
    assert sandbox.requests == []


@pytest.mark.usefixtures("two_accounts")
def test_the_hook_that_was_copied_keeps_its_account(sandbox: Sandbox) -> None:
    hook = PipedriveHook()
    client = hook.client
    given_another_id(copy.copy(hook)).run("getCurrentUser")
    assert hook.client is client
    assert hook.client.origin == sandbox.url


@pytest.mark.usefixtures("sandbox")
def test_a_pickled_hook_carries_no_secret() -> None:
    hook = PipedriveHook()
    hook.run("getCurrentUser")
    assert API_TOKEN.encode() not in pickle.dumps(hook)
