"""Names under which Pipedrive's files can be stored anywhere. Pure.

A file's name is text that anybody may have typed, or that came with a mail: it may hold path separators, control
characters, names that a system keeps to itself, or be longer than a file system takes.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Any

LONGEST = 200
"""Bytes of a name. File systems take 255; what is stored next to the file has a suffix more."""
LONGEST_SUFFIX = 16
# Separators of paths, what Windows refuses, and what addresses and patterns in object storage read as their own.
_SPECIAL = re.compile(r'[/\\<>:"|?*#%\[\]{}]')


def stored_name(file_id: Any, name: Any) -> str:
    """``<id>-<name>``, the name made harmless.

    The id makes it unique, and keeps it from being a name of special meaning (``..``, ``NUL``, ``.bashrc``).
    """
    text = unicodedata.normalize("NFC", str(name or ""))
    text = "".join(sign for sign in text if sign.isspace() or unicodedata.category(sign)[0] != "C")
    text = " ".join(_SPECIAL.sub("_", text).split()).strip(". ")
    number = re.sub(r"[^0-9A-Za-z]", "", str(file_id))
    return _cut(f"{number}-{text or 'file'}")


def _cut(name: str) -> str:
    """``name`` within its length, its suffix kept."""
    if len(name.encode()) <= LONGEST:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not dot or len(suffix.encode()) > LONGEST_SUFFIX:
        stem, suffix = name, ""
    ending = f"{dot}{suffix}" if suffix else ""
    room = LONGEST - len(ending.encode())
    return stem.encode()[:room].decode(errors="ignore").rstrip(". ") + ending
