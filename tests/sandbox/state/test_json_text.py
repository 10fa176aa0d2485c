"""JSON as Pipedrive reads and writes it."""

from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_pipedrive.sandbox.state.json_text import decode, encode


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"title": "half \ud83d pair"}, rb'{"title":"half \ud83d pair"}'),
        (["\udc00", "caf\xe9"], rb'["\udc00","caf\u00e9"]'),
        ({"title": "zero\x00byte"}, rb'{"title":"zero\u0000byte"}'),
        ({"title": "caf\xe9 \U0001f600"}, '{"title":"caf\xe9 \U0001f600"}'.encode()),
    ],
)
def test_a_text_is_written_as_javascript_writes_it_and_read_again(value: Any, text: bytes) -> None:
    assert encode(value) == text
    assert decode(text) == value


@pytest.mark.parametrize(
    "text", [b'{"title":"caf\xe9"}', b'{"value":NaN}', rb'["\ud83d",NaN]', b'["\\ud83d\xe9"]', rb'["\ud83d"', b""]
)
def test_what_is_no_json_is_an_error(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        decode(text)
