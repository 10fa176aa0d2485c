"""Which record a row is, whatever the spelling."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.bulk.matching import domain_key


@pytest.mark.parametrize(
    ("written", "key"),
    [
        ("https://www.Acme.example/about?x=1", "acme.example"),
        ("acme.example:8080", "acme.example"),
        ("anna@sales.acme.example", "sales.acme.example"),
        ("anna@gmail.com", None),
        ("https://[broken", None),
    ],
)
def test_a_domain_is_the_host_and_never_that_of_a_public_mail_service(written: str, key: str | None) -> None:
    assert domain_key(written) == key
