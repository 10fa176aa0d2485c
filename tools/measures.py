"""What this code is held to, in numbers: ``python3 tools/measures.py [--at COMMIT]``. Standard library only.

Without ``--at`` the checkout as it is; with it, a commit next to the checkout. tests/tools/test_measures.py holds the
bounds, tests/tools/test_street.py the direction of imports.

How each is counted. Class names: those of two modules, leading underscores aside, the sandbox not counted. Imports:
every ``import`` of a module of this package, wherever in the file it is, those for types alone and deferred ones too;
a circle is a group of files that reach each other. Repeated lines: lines of code in a run of six or more that stands
word for word in an earlier place. Lines of code: blank lines, comments, docstrings and imports aside.
"""

from __future__ import annotations

import argparse
import ast
import io
import subprocess
import tarfile
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "airflow_provider_pipedrive"
RUN = 6
"""Fewest lines that count as repeated."""

Circle = tuple[str, ...]


@dataclass(frozen=True)
class Module:
    """One file of the package.

    :ivar name: its dotted name below the package: ``client.paging``, ``client`` for the folder's ``__init__.py``
    :ivar path: where it is, from the package's folder
    """

    name: str
    path: Path
    text: str

    @property
    def room(self) -> str:
        """The folder at the top that it is in, or its own name."""
        return self.name.partition(".")[0]

    @property
    def folder(self) -> str:
        """The innermost folder that it is in, dotted: ``events.waits``; empty for the package's own."""
        return ".".join(self.path.parent.parts)

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax."""
        return ast.parse(self.text)

    @cached_property
    def _without_code(self) -> set[int]:
        return set(_lines_without_code(self.tree))

    def code(self, first: int = 1, last: int | None = None) -> list[str]:
        """Its lines of code."""
        lines = self.text.splitlines()[:last]
        return [
            stripped
            for number, line in enumerate(lines, 1)
            if number >= first
            and number not in self._without_code
            and (stripped := line.strip())
            and not stripped.startswith("#")
        ]


class House:
    """The package's files in ``root``, measured."""

    def __init__(self, root: Path = ROOT) -> None:
        self.root = root
        package = root / PACKAGE
        self.modules = {
            module.name: module
            for path in sorted(package.rglob("*.py"))
            if (module := _module(path.relative_to(package), path.read_text(encoding="utf-8")))
        }

    @cached_property
    def imports(self) -> dict[str, set[str]]:
        """Module -> the modules of this package that it imports."""
        return {name: set(self._imported(module)) - {name} for name, module in self.modules.items()}

    def _imported(self, module: Module) -> Iterator[str]:
        prefix = f"{PACKAGE}."
        for node in ast.walk(module.tree):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                # A name of a package is its submodule where there is one.
                names = [
                    deeper
                    if (deeper := f"{node.module}.{alias.name}").removeprefix(prefix) in self.modules
                    else node.module
                    for alias in node.names
                ]
            yield from (found for name in names if (found := name.removeprefix(prefix)) in self.modules)

    @cached_property
    def room_imports(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """(room, other room that it imports) -> the modules that do and are."""
        found = defaultdict(list)
        for name, others in self.imports.items():
            for other in others:
                rooms = self.modules[name].room, self.modules[other].room
                if rooms[0] != rooms[1] and "" not in rooms:
                    found[rooms].append((name, other))
        return dict(found)

    @cached_property
    def folder_imports(self) -> dict[tuple[str, str], list[tuple[str, str]]]:
        """(folder, other folder that it imports) -> the modules that do and are; of a room with folders in it, what is
        in none of them belongs to none: it is the room's face, which uses the folders and is used by them."""
        with_folders = {module.room for module in self.modules.values() if "." in module.folder}
        found = defaultdict(list)
        for name, others in self.imports.items():
            for other in others:
                folders = self.modules[name].folder, self.modules[other].folder
                if folders[0] != folders[1] and "" not in folders and not with_folders & set(folders):
                    found[folders].append((name, other))
        return dict(found)

    def mutual_folders(self) -> list[Circle]:
        """Folders that import each other: rooms, and the folders in them."""
        rooms, folders = _mutual(self.room_imports), _mutual(self.folder_imports)
        return sorted({*rooms, *folders})

    def circles(self) -> list[Circle]:
        """Files that import each other, directly or in a round."""
        return strongly_connected(self.imports)

    def shared_class_names(self) -> dict[str, list[str]]:
        """Class name -> the modules that each have one of it."""
        homes = defaultdict(set)
        for name, module in self.modules.items():
            if module.room != "sandbox":
                for node in _classes(module):
                    homes[node.name.lstrip("_")].add(name)
        return {name: sorted(modules) for name, modules in sorted(homes.items()) if len(modules) > 1}

    def long_classes(self, over: int = 200) -> list[str]:
        """Classes of more lines of code than that, the sandbox counted."""
        return [
            f"{name}.{node.name} ({lines})"
            for name, module in self.modules.items()
            for node in _classes(module)
            if (lines := len(module.code(node.lineno, node.end_lineno))) > over
        ]

    def long_functions(self, over: int = 40) -> list[str]:
        """Functions and methods of more lines than that."""
        return [
            f"{name}.{node.name} ({_lines(node)})"
            for name, module in self.modules.items()
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and _lines(node) > over
        ]

    def stray_exceptions(self) -> list[str]:
        """Public exception classes outside errors.py, the sandbox aside."""
        return [
            f"{name}.{node.name}"
            for name, module in self.modules.items()
            if module.room not in ("errors", "sandbox")
            for node in _classes(module)
            if not node.name.startswith("_")
            and any(ast.unparse(base).endswith(("Error", "Exception")) for base in node.bases)
        ]

    def untested_modules(self) -> tuple[list[str], int]:
        """Modules without a test file of their name, and how many there are that should have one: the catalog aside."""
        tests = {
            str(path.relative_to(self.root / "tests").with_suffix(""))
            for path in (self.root / "tests").rglob("test_*.py")
        }
        stems = {Path(test).name for test in tests}
        counted = [
            module
            for module in self.modules.values()
            if module.room != "catalog" and module.path.name not in ("__init__.py", "__main__.py")
        ]
        return [module.name for module in counted if f"test_{module.path.stem}" not in stems], len(counted)

    def catalog_lines(self) -> int:
        """Lines of the catalog, JSON counted."""
        files = (path for path in (self.root / PACKAGE / "catalog").rglob("*") if path.suffix in (".py", ".json"))
        return sum(len(path.read_text(encoding="utf-8").splitlines()) for path in files)

    def repeated(self, room: str | None = None) -> float:
        """The share of lines that are repeated, of one room or of everything."""
        files = [module.code() for module in self.modules.values() if room in (None, module.room)]
        seen: set[tuple[str, ...]] = set()
        found: set[tuple[int, int]] = set()
        for number, lines in enumerate(files):
            for start in range(len(lines) - RUN + 1):
                run = tuple(lines[start : start + RUN])
                if run in seen:
                    found |= {(number, start + line) for line in range(RUN)}
                seen.add(run)
        return len(found) / max(1, sum(map(len, files)))


def _mutual(imports: Collection[Circle]) -> list[Circle]:
    return [pair for pair in imports if pair < pair[::-1] and pair[::-1] in imports]


def strongly_connected(graph: dict[str, set[str]]) -> list[Circle]:
    """Groups of two and more that reach each other."""
    reached = {start: _reached(graph, start) for start in graph}
    groups = {tuple(sorted(other for other in found if start in reached[other])) for start, found in reached.items()}
    return sorted(group for group in groups if len(group) > 1)


def _reached(graph: dict[str, set[str]], start: str) -> set[str]:
    found: set[str] = set()
    ahead = [start]
    while ahead:
        for other in graph[ahead.pop()] - found:
            found.add(other)
            ahead.append(other)
    return found


def _module(path: Path, text: str) -> Module:
    parts = path.with_suffix("").parts
    return Module(".".join(parts[:-1] if parts[-1] == "__init__" else parts), path, text)


def _classes(module: Module) -> Iterator[ast.ClassDef]:
    return (node for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef))


def _lines(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def _lines_without_code(tree: ast.Module) -> Iterator[int]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import | ast.ImportFrom) or _is_text(node) or _is_all(node):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


def _is_all(node: ast.AST) -> bool:
    return isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__"


def measure(root: Path) -> dict[str, tuple[str, list[str]]]:
    """Measure -> its value, and what it counted."""
    house = House(root)
    untested, modules = house.untested_modules()
    shared = [f"{name}: {', '.join(homes)}" for name, homes in house.shared_class_names().items()]
    lists = {
        "class names in two modules": shared,
        "folders that import each other": [" <-> ".join(pair) for pair in house.mutual_folders()],
        "file circles": [" <-> ".join(circle) for circle in house.circles()],
        "classes over 200 lines": house.long_classes(),
        "functions over 40 lines": house.long_functions(),
        "exception classes outside errors.py": house.stray_exceptions(),
    }
    return {name: (str(len(found)), found) for name, found in lists.items()} | {
        "modules with a test file of their name": (f"{1 - len(untested) / modules:.0%}", untested),
        "repeated lines of the catalog": (f"{house.repeated('catalog'):.1%}", []),
        "repeated lines of everything": (f"{house.repeated():.1%}", []),
        "lines of the catalog": (str(house.catalog_lines()), []),
    }


def main() -> None:
    """Print the measures, with what each has counted under ``--list``."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--at", metavar="COMMIT", help="this commit too, before the checkout")
    parser.add_argument("--list", action="store_true", help="what each measure has counted")
    options = parser.parse_args()
    now = measure(ROOT)
    before = _measure_at(options.at) if options.at else {}
    for name, (value, found) in now.items():
        print(f"{name:40} {f'{before[name][0]} -> ' if before else ''}{value}")
        if options.list:
            print("".join(f"    {one}\n" for one in found), end="")


def _measure_at(commit: str) -> dict[str, tuple[str, list[str]]]:
    archive = subprocess.run(["git", "archive", commit, PACKAGE, "tests"], cwd=ROOT, capture_output=True, check=True)
    with tempfile.TemporaryDirectory() as folder, tarfile.open(fileobj=io.BytesIO(archive.stdout)) as packed:
        packed.extractall(folder, filter="data")
        return measure(Path(folder))


if __name__ == "__main__":
    main()
