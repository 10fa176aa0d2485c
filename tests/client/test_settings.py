"""What a connection says, read once into typed settings."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client import ApiToken, OAuth, Settings, settings_from
from airflow_provider_pipedrive.client.auth import secrets_of
from airflow_provider_pipedrive.client.settings import EXTRAS
from airflow_provider_pipedrive.connection_form import CONN_FIELDS
from airflow_provider_pipedrive.errors import PipedriveAuthError, PipedriveParameterError

TOKEN = {"api_token": "TheToken123"}


def test_an_api_token_is_enough() -> None:
    assert settings_from(extra=TOKEN) == Settings(ApiToken("TheToken123"))


def test_a_refresh_token_with_its_app_is_enough() -> None:
    settings = settings_from(login="id", password="secret", extra={"refresh_token": "r"})
    assert settings == Settings(OAuth("id", "secret", refresh_token="r"))


def test_an_access_token_is_enough_for_as_long_as_it_lives() -> None:
    assert settings_from(extra={"access_token": "a"}) == Settings(OAuth("", "", access_token="a"))


def test_the_oauth_host_can_be_on_this_machine() -> None:
    settings = settings_from(extra={"access_token": "a", "oauth_host": "http://127.0.0.1:9"})
    assert settings.credential == OAuth("", "", access_token="a", origin="http://127.0.0.1:9")


@pytest.mark.parametrize(
    ("fields", "advice"),
    [
        ({}, "has no credential"),
        ({"login": "id", "password": "secret"}, "has no credential"),
        ({"extra": {"api_token": ""}}, "has no credential"),
        ({"extra": {"api_token": "t", "refresh_token": "r"}}, "Keep one of the two"),
        ({"extra": {"refresh_token": "r"}}, "Put the OAuth client id into login"),
        ({"extra": {"api_token": "with space"}}, "api_token is not a valid token"),
        ({"extra": {"api_token": "x\r\nHost: evil"}}, "api_token is not a valid token"),
        ({"extra": {"access_token": "ünicode"}}, "access_token is not a valid token"),
        ({"extra": {"api_token": '"quoted"'}}, "api_token begins with a quotation mark"),
        ({"extra": {"api_token": 123}}, "api_token is not a valid token"),
    ],
)
def test_without_a_usable_credential_the_error_says_what_to_put_where(fields: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveAuthError, match=advice):
        settings_from(**fields)


@pytest.mark.parametrize(
    ("extra", "name", "value"),
    [
        ({"timeout": "5"}, "timeout", 5.0),
        ({"timeout": 0.5}, "timeout", 0.5),
        ({"max_attempts": "3"}, "max_attempts", 3),
        ({"burst_limit": "40"}, "burst_limit", 40),
        ({"burst_limit": ""}, "burst_limit", None),
        ({"daily_token_budget": 0}, "daily_token_budget", 0),
        ({"reserved_share": "0.2"}, "reserved_share", 0.2),
        ({"reserved_share": 1}, "reserved_share", 1.0),
        ({"dag_shares": '{"backfill_*": 0.5}'}, "dag_shares", {"backfill_*": 0.5}),
        ({"dag_shares": {"a": "0.5"}}, "dag_shares", {"a": 0.5}),
        ({}, "dag_shares", {}),
        ({"verify": "false"}, "verify", False),
        ({"verify": False}, "verify", False),
        ({"verify": "True"}, "verify", True),
        ({"verify": "/etc/ssl/own.pem"}, "verify", "/etc/ssl/own.pem"),
        ({"proxies": '{"https": "http://proxy:3128"}'}, "proxies", {"https": "http://proxy:3128"}),
        ({"proxies": {"https": "http://proxy:3128"}}, "proxies", {"https": "http://proxy:3128"}),
    ],
)
def test_settings_are_read_from_text_as_connection_uris_give_it(extra: dict[str, Any], name: str, value: Any) -> None:
    assert getattr(settings_from(extra={**TOKEN, **extra}), name) == value


@pytest.mark.parametrize(
    ("extra", "message"),
    [
        ({"timeout": "soon"}, "timeout must be a number of seconds of at least 0.1, not 'soon'"),
        ({"timeout": 0}, "timeout must be"),
        ({"timeout": "inf"}, "timeout must be"),
        ({"timeout": "nan"}, "timeout must be"),
        ({"timeout": True}, "timeout must be"),
        ({"max_attempts": "2.5"}, "max_attempts must be a whole number of at least 1, not '2.5'"),
        ({"max_attempts": 0}, "max_attempts must be"),
        ({"burst_limit": -1}, "burst_limit must be"),
        ({"daily_token_budget": -1}, "daily_token_budget must be a whole number of at least 0"),
        ({"reserved_share": "20 %"}, "reserved_share must be a part of the day's API tokens, from 0 to 1, such as 0.2"),
        ({"reserved_share": 1.5}, "reserved_share must be"),
        ({"reserved_share": "nan"}, "reserved_share must be"),
        ({"dag_shares": "half"}, "dag_shares must be an object of shares by patterns of DAG ids"),
        ({"dag_shares": {"backfill_*": 50}}, r"dag_shares\['backfill_\*'\] must be a part of the day's API tokens"),
        ({"proxies": "proxy:3128"}, "proxies must be an object of URLs by scheme"),
        ({"proxies": {"https": 5}}, "proxies must be an object of URLs by scheme"),
        ({"proxies": {"https": "http://["}}, "proxies must be an object of URLs by scheme"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named(extra: dict[str, Any], message: str) -> None:
    with pytest.raises(PipedriveParameterError, match=message):
        settings_from(extra={**TOKEN, **extra})


def test_an_extra_that_is_not_an_object_is_refused() -> None:
    with pytest.raises(PipedriveParameterError, match="extra must be a JSON object, such as .*, not a list"):
        settings_from(extra=["token"])  # type: ignore[arg-type]


def test_no_secret_stands_in_the_repr_of_settings() -> None:
    oauth = settings_from(
        login="id",
        password="Secret-1",
        extra={"refresh_token": "Secret-2", "access_token": "Secret-3", "proxies": {"https": "http://u:Secret-4@p"}},
    )
    assert "Secret" not in repr(oauth) + repr(settings_from(extra={"api_token": "Secret-5"}))


def test_every_secret_of_the_settings_is_known_as_one_also_as_it_travels() -> None:
    oauth = settings_from(
        login="id", password="word", extra={"refresh_token": "r-1", "proxies": {"https": "http://u:p%40ss@p"}}
    )
    assert secrets_of(oauth) == ["word", "r-1", "aWQ6d29yZA==", "p%40ss", "p@ss"]


def test_credentials_lose_the_line_end_that_a_file_or_copying_has_left_on_them() -> None:
    settings = settings_from(login=" id\n", password="secret\r\n", extra={"refresh_token": "r\n", "access_token": " a"})
    assert settings == Settings(OAuth("id", "secret", refresh_token="r", access_token="a"))


def test_what_an_editor_has_left_unseen_around_a_setting_does_not_count() -> None:
    extra = {"refresh_token": "\ufeffr\n", "verify": "/etc/ssl/ca.pem\n", "hash_key": "\ufeff0123456789abcdef"}
    settings = settings_from(login="\ufeffid", password="secret\u200b\n", extra=extra)
    credential = OAuth("id", "secret", refresh_token="r")
    assert settings == Settings(credential, verify="/etc/ssl/ca.pem", hash_key="0123456789abcdef")


def test_a_credential_of_nothing_but_spaces_is_none() -> None:
    with pytest.raises(PipedriveAuthError, match="Put the OAuth client id into login"):
        settings_from(login="id", password=" \n", extra={"refresh_token": "r"})


@pytest.mark.parametrize(
    ("fields", "hint"),
    [
        ({"extra": {"api_tokn": "0123"}}, "The extra has 'api_tokn', which is not read: did you mean api_token?"),
        ({"extra": {"apiToken": "0123"}}, "'apiToken', which is not read: did you mean api_token?"),
        ({"extra": {"token": "0123"}}, "'token', which is not read: did you mean api_token?"),
        (
            {"login": "id", "password": "0123", "extra": {"refreshtoken": "0123"}},
            "'refreshtoken', which is not read: did you mean refresh_token?",
        ),
        (
            {"extra": {"refresh_token": "r", "client_id": "0123", "client_secret": "0123"}},
            "'client_id', which is not read: did you mean the field login?",
        ),
        ({"password": "0123"}, "password is filled in, and login is empty: if password holds a token, move it."),
        ({"login": "0123"}, "login is filled in, and password is empty: if login holds a token, move it."),
        ({"login": "id", "password": "0123"}, "login and password are the id and secret of an app"),
    ],
)
def test_a_credential_in_the_wrong_place_is_named_and_not_shown(fields: dict[str, Any], hint: str) -> None:
    with pytest.raises(PipedriveAuthError) as raised:
        settings_from(**fields)
    assert hint in str(raised.value)
    assert "0123" not in str(raised.value)


def test_a_misspelled_setting_beside_a_good_credential_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        settings_from(extra={**TOKEN, "time_out": 5, "note": "of ours", "oauth_status": {}})
    assert [record.getMessage() for record in caplog.records] == [
        "The connection's extra has 'time_out', which is not read. Did you mean timeout?"
    ]


def test_every_field_of_the_connection_form_is_a_known_name() -> None:
    assert CONN_FIELDS.keys() <= set(EXTRAS)
