"""Whose account a credential opens: one reading of Pipedrive's answer, and of an origin."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.client.owner import Owner, company_at, owner_of
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveResponseError
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox


def test_the_answer_of_get_current_user_tells_the_user_the_company_and_its_address(sandbox: Sandbox) -> None:
    me = PipedriveHook().run("getCurrentUser")
    assert owner_of(me) == Owner(user_id=me["id"], company_id=me["company_id"], domain=me["company_domain"])


def test_ids_may_be_text_and_a_domain_that_is_no_name_in_an_address_is_none() -> None:
    told = {"id": "7", "company_id": 9, "company_domain": " Acme "}
    assert owner_of(told) == Owner(user_id=7, company_id=9, domain="acme")
    assert owner_of({**told, "company_domain": "acme.example/x"}).domain == ""


@pytest.mark.parametrize("answer", [None, [], {}, {"id": 7}, {"id": 7, "company_id": None}, {"company_id": 9}])
def test_an_answer_without_a_user_of_a_company_is_an_error_for_nothing_may_be_kept_under_nobodys_name(
    answer: Any,
) -> None:
    with pytest.raises(PipedriveResponseError, match=r"^getCurrentUser: no user of a company came\.$"):
        owner_of(answer)


@pytest.mark.parametrize(
    ("origin", "company"),
    [
        ("https://acme.pipedrive.com", "acme"),
        ("http://127.0.0.1:8765", "127.0.0.1"),
        ("https://api.pipedrive.com", None),
        ("", None),
    ],
)
def test_an_origin_tells_the_company_unless_all_companies_share_it(origin: str, company: str | None) -> None:
    assert company_at(origin) == company


def test_an_address_that_no_company_can_have_is_refused() -> None:
    with pytest.raises(PipedriveParameterError, match="must be its name"):
        company_at("http://[::1]:8765")
