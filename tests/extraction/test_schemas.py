"""One field has one column everywhere."""

from __future__ import annotations
