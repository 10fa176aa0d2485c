"""Compares the catalog with the newest official client of Pipedrive's, and prints what has changed, a line each.

    python3 tools/catalog_drift.py [CLIENT]

Without CLIENT (an archive made by ``npm pack pipedrive``, or its unpacked folder) the newest release is fetched, which
needs npm and a network. The catalog is held to ``tests/catalog/node_client_facts.json`` by the tests; here the newest
client is held to the same table. The exit code is 1 if there is any difference.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from generate.node_client_facts import TABLE, facts, read_client

Operation = Mapping[str, Any]


def main() -> int:
    """Print the differences."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("client", type=Path, nargs="?", help="an archive or a folder (default: the newest release)")
    given = parser.parse_args().client
    with tempfile.TemporaryDirectory(prefix="pipedrive-client-") as folder:
        newest = facts(read_client(given or fetched(Path(folder))))
    known = json.loads(TABLE.read_text(encoding="utf-8"))
    found = list(differences(known["operations"], newest["operations"]))
    for line in found:
        print(line)
    print(f"{len(found)} differences between {known['client']} (the catalog's) and {newest['client']}")
    return 1 if found else 0


def fetched(folder: Path) -> Path:
    """The newest release, as an archive in ``folder``."""
    subprocess.run(
        ["npm", "pack", "--silent", "--pack-destination", folder, "pipedrive@latest"],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (archive,) = folder.glob("pipedrive-*.tgz")
    return archive


def differences(known: list[Operation], newest: list[Operation]) -> Iterator[str]:
    """What the newest client has, has no more, or has in another way."""
    before, now = _by_name(known), _by_name(newest)
    for name in sorted(before.keys() | now.keys()):
        if name not in before:
            yield f"new: {name} {now[name]['method']} {now[name]['path']}"
        elif name not in now:
            yield f"gone: {name} {before[name]['method']} {before[name]['path']}"
        else:
            yield from (f"{name}: {line}" for line in _changes(before[name], now[name]))


def _by_name(operations: list[Operation]) -> dict[str, Operation]:
    return {f"{each['version']} {each['operation']}": each for each in operations}


def _changes(before: Operation, now: Operation) -> Iterator[str]:
    for key in sorted((before.keys() | now.keys()) - {"parameters"}):
        if before.get(key) != now.get(key):
            yield f"{key} {before.get(key)} -> {now.get(key)}"
    old, new = ({each["name"]: each for each in table.get("parameters", ())} for table in (before, now))
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            yield f"new parameter {name} {json.dumps(new[name])}"
        elif name not in new:
            yield f"parameter {name} is gone"
        elif old[name] != new[name]:
            yield f"parameter {name} {json.dumps(old[name])} -> {json.dumps(new[name])}"


if __name__ == "__main__":
    sys.exit(main())
