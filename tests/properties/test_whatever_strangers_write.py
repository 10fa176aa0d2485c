"""Text and JSON of strangers: file names, callback URLs, hosts, webhook payloads and parameters are taken as they
should be, or refused in words; nothing else comes of them."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

from hypothesis import event, given
from hypothesis import strategies as st

from airflow_provider_pipedrive.accounts.redirect_uri import checked
from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.client.hosts import is_loopback, origin_of
from airflow_provider_pipedrive.client.parameters import bind
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.webhooks import change_of, parse_webhook
from airflow_provider_pipedrive.files.names import LONGEST, stored_name

ODD_TEXTS = st.text(st.sampled_from('a.Z09/\\:?#@%[]<>"|* \t\n\r\0\x7f\u202e\u0130\u0131é\ud800'), max_size=30)
TEXTS = st.one_of(st.text(max_size=300), ODD_TEXTS)
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(TEXTS, inner, max_size=3)),
    max_leaves=8,
)


@given(one=st.integers(1, 10**9), other=st.integers(1, 10**9), name=TEXTS, another=TEXTS)
def test_a_file_name_is_one_part_of_a_path_of_its_own(one: int, other: int, name: str, another: str) -> None:
    stored = stored_name(one, name)
    assert stored.startswith(f"{one}-")
    assert len(stored.encode()) <= LONGEST
    assert not re.search(r'[/\\<>:"|?*#%\[\]{}\x00-\x1f\x7f]', stored)
    assert not stored.endswith((".", " "))
    if one != other:
        assert stored != stored_name(other, another)


HOSTS = st.one_of(
    TEXTS,
    st.tuples(
        st.sampled_from(["", "https://", "http://", "ftp://"]),
        st.sampled_from(["", "a@", "a:b@"]),
        st.sampled_from(
            ["acme", "acme.pipedrive.com", "pipedrive.com.evil.example", "127.0.0.1", "[::1]", "p\u0131pedrive.com"]
        ),
        st.sampled_from(["", ":443", ":0", ":8080", ":x"]),
        st.one_of(st.sampled_from(["", "/", "/pipedrive/callback"]), ODD_TEXTS),
    ).map("".join),
)


@given(text=HOSTS)
def test_a_credential_goes_to_pipedrive_or_to_this_machine_only(text: str) -> None:
    with suppress(PipedriveParameterError):
        parts = urlsplit(origin_of(text))
        event("taken")
        assert (parts.username, parts.path, parts.query, parts.fragment) == (None, "", "", "")
        host = parts.hostname or ""
        assert is_loopback(host) or (parts.scheme == "https" and re.fullmatch(r"[a-z0-9-]+\.pipedrive\.com", host))


@given(text=HOSTS)
def test_a_callback_url_is_taken_as_it_is_or_refused(text: str) -> None:
    with suppress(PipedriveParameterError):
        assert checked(text, "redirect_uri") == text
        event("taken")
        parts = urlsplit(text)
        assert parts.scheme in ("http", "https")
        assert parts.hostname
        assert (parts.username, parts.fragment) == (None, "")
        assert text.isascii()


PAYLOADS = st.fixed_dictionaries(
    {
        "meta": st.one_of(
            JSON,
            st.fixed_dictionaries(
                {
                    "entity": st.sampled_from(["deal", "person", "lead", "note", "nothing"]),
                    "action": st.one_of(st.sampled_from(["create", "change", "delete", "merge"]), JSON),
                    "entity_id": st.one_of(st.integers(1, 99).map(str), JSON),
                },
                optional=dict.fromkeys(["id", "timestamp", "user_id", "change_source", "merged_to_id"], JSON),
            ),
        )
    },
    optional={
        name: st.one_of(JSON, st.dictionaries(st.sampled_from(["id", "update_time", "custom_fields", "title"]), JSON))
        for name in ("data", "previous")
    },
)


@given(payload=st.one_of(JSON, PAYLOADS))
def test_a_webhook_payload_is_a_change_or_refused(payload: Any) -> None:
    with suppress(PipedriveParameterError):
        change = change_of(parse_webhook(payload))
        event("taken")
        if change is not None:
            json.dumps(change.to_json())


VALUES = st.one_of(st.integers(1, 99), st.sampled_from(["a", "2026-01-31", "asc"]), JSON)


@given(key=st.sampled_from(sorted(ACTIONS)), data=st.data())
def test_parameters_of_every_action_are_bound_or_refused(key: str, data: st.DataObject) -> None:
    action = ACTIONS[key]
    names = [parameter.name for parameter in action.parameters]
    values = data.draw(st.dictionaries(st.sampled_from([*names, "nonsense"]), VALUES, max_size=5))
    with suppress(PipedriveParameterError):
        request = bind(action, values)
        event("taken")
        assert not re.search(r"[\s\\?#]|/\.\.?(/|$)", request.path)
