"""Checks files of JSON lines against what they were read from. Standard library only."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any


def ids_in(file: Path) -> Counter[int]:
    """How often each record's id is in a file of JSON lines."""
    with file.open(encoding="utf-8") as lines:
        return Counter(json.loads(line)["id"] for line in lines)


def differences(receipt: dict[str, Any], expected: set[int] | None) -> list[str]:
    """What is wrong with one landed file: records that are missing, doubled or too many.

    :param receipt: what the task that wrote the file has returned
    :param expected: the ids that it must hold; None: not known, only the file itself and its receipt are compared
    """
    name, found = receipt["entity"], ids_in(Path(receipt["file"]))
    wrong = []
    if found.total() != receipt["records"]:
        wrong.append(f"{name}: {found.total()} records in the file, {receipt['records']} in the task's receipt")
    if doubled := [id_ for id_, times in found.items() if times > 1]:
        wrong.append(f"{name}: more than once in the file: ids {_some(doubled)}")
    if expected is not None:
        if missing := expected - found.keys():
            wrong.append(f"{name}: not in the file: ids {_some(missing)}")
        if extra := found.keys() - expected:
            wrong.append(f"{name}: in the file, but not in Pipedrive: ids {_some(extra)}")
    return wrong


def _some(ids: Any) -> str:
    listed = sorted(ids)
    more = f" and {len(listed) - 5} more" if len(listed) > 5 else ""
    return ", ".join(map(str, listed[:5])) + more
