"""docs/sandbox.md says what the code does."""

from __future__ import annotations

from tools.generate.sandbox_page import PAGE, page


def test_the_page_is_not_stale() -> None:
    assert PAGE.read_text() == page(), "run: python tools/generate/sandbox_page.py"


def test_every_operation_is_answered_somehow() -> None:
    assert "| missing |" not in page()
