"""The map in CONTRIBUTING.md shows what is there."""

from __future__ import annotations

import re

from measures import PACKAGE, ROOT, House

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PATHS = sorted(set(re.findall(r"`((?:\w+/)+(?:\w+\.\w+)?)`", TEXT)))
MAP = TEXT.partition("## Where things are")[2].partition("```\n\n")[0]


def test_every_path_that_is_named_exists() -> None:
    assert "client/paging.py" in PATHS
    assert [path for path in PATHS if not (ROOT / path).exists() and not (ROOT / PACKAGE / path).exists()] == []


def test_every_room_is_on_the_map() -> None:
    rooms = {module.room for module in House().modules.values()} - {"", "__main__"}
    assert [room for room in sorted(rooms) if not re.search(rf"\b{room}(/|\.py)", MAP)] == []
