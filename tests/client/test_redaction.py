"""The one place that keeps secrets out of everything that is shown."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.client.redaction import Redactor


@pytest.mark.parametrize(
    ("secrets", "text", "shown"),
    [
        (["s3cret"], "the s3cret, s3cret", "the ***, ***"),
        (["a b/c+d"], "a b/c+d a%20b%2Fc%2Bd a+b%2Fc%2Bd a%20b/c%2Bd", "*** *** *** ***"),
        (["abcd", "abcdefgh"], "abcdefgh abcd", "*** ***"),  # the longer one first: no rest remains
        (["abc"], "abc is too short to be told from innocent text", "abc is too short to be told from innocent text"),
        ([None, ""], "nothing", "nothing"),
    ],
)
def test_known_secrets_are_masked_in_every_spelling(secrets: list[str | None], text: str, shown: str) -> None:
    assert Redactor(secrets)(text) == shown


def test_a_secret_that_comes_up_later_is_masked_from_then_on() -> None:
    redact = Redactor()
    redact.add("renewed-token")
    assert redact("renewed-token") == "***"
