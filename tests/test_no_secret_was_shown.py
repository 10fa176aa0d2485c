"""Runs last: looks through everything that the other tests printed and logged."""

from urllib.parse import quote

import pytest

from tests.conftest import SECRETS


@pytest.mark.parametrize("secret", SECRETS, ids=["API token", "client secret", "refresh token"])
def test_no_test_printed_or_logged_a_secret(secret: str, everything_shown: list[tuple[str, str]]) -> None:
    leaks = [test for test, text in everything_shown if secret in text or quote(secret, safe="") in text]
    assert leaks == []
