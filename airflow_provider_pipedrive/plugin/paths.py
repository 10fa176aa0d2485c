"""Paths of the routes, and which of them may be logged."""

from __future__ import annotations

from typing import Final

PREFIX: Final = "/pipedrive"
"""Where the routes are, below Airflow's own address."""
PAGES: Final = frozenset(
    f"/{name}" for name in ("page", "create", "connect", "test", "disconnect", "connected", "finish", "callback")
)
"""The paths that hold no secret."""
