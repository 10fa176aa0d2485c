"""Airflow's AI provider is there on the newest Airflow alone."""

from __future__ import annotations

import pytest

pytest.importorskip("pydantic_ai")
