"""Which actions DAG files use: read as text, never run."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from airflow_provider_pipedrive.catalog import ACTIONS

PACKAGE = "airflow_provider_pipedrive"
_HOOK_CALLS = ("run", "iterate")
Place = str
"""``file.py:12``."""


@dataclass
class FoundKeys:
    """What is in the files.

    :param keys: the actions, each with the places that use it. A key of an operator may be unknown.
    :param open: places whose action is only known when the DAG runs, and why
    :param unreadable: files that are no Python, and why
    :param files: how many files were read
    """

    keys: dict[str, list[Place]] = field(default_factory=dict)
    open: list[tuple[Place, str]] = field(default_factory=list)
    unreadable: list[tuple[Place, str]] = field(default_factory=list)
    files: int = 0


def read_folder(folder: Path) -> FoundKeys:
    """The actions of all Python files in a folder and below it, or of one file."""
    found = FoundKeys()
    files = [folder] if folder.is_file() else sorted(path for path in folder.rglob("*.py") if path.is_file())
    for path in files:
        name = path.name if folder.is_file() else str(path.relative_to(folder))
        found.files += 1
        try:
            tree = ast.parse(path.read_bytes())
        except (SyntaxError, ValueError, RecursionError, OSError) as error:
            found.unreadable.append((name, f"it cannot be read ({type(error).__name__})"))
            continue
        _read(tree, name, found)
    return found


def read_source(source: str, name: str = "dag.py") -> FoundKeys:
    """The actions of one DAG file's text.

    :raises SyntaxError: it is no Python
    """
    found = FoundKeys(files=1)
    _read(ast.parse(source), name, found)
    return found


def _read(tree: ast.Module, name: str, found: FoundKeys) -> None:
    imports = _Imports(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            for value, is_ours in _values(node, imports):
                _note(value, is_ours, f"{name}:{node.lineno}", found)
        elif isinstance(node, ast.Dict) and imports.ours:
            # Arguments for expand_kwargs(), and tables of what a DAG reads.
            for value in _actions_of(node):
                _note(value, False, f"{name}:{node.lineno}", found)


class _Imports:
    """What a file imports.

    ``ours``: whether anything of this package. ``classes``: names under which it has classes of this package.
    ``modules``: names of imported modules, whose ``run`` is not a hook's.
    """

    def __init__(self, tree: ast.Module) -> None:
        self.ours = False
        self.classes: set[str] = set()
        self.modules: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.ours |= any(alias.name.split(".")[0] == PACKAGE for alias in node.names)
                self.modules |= {alias.asname or alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] == PACKAGE:
                self.ours = True
                self.classes |= {alias.asname or alias.name for alias in node.names}

    def is_our_class(self, node: ast.expr) -> bool:
        """``PipedriveOperator``, under any name it was imported by, also behind a module's name."""
        name = _last_name(node)
        return name in self.classes or bool(re.fullmatch(r"\w*Pipedrive\w*", name))


def _values(call: ast.Call, imports: _Imports) -> Iterator[tuple[ast.expr, bool]]:
    """The expressions that a call takes as actions, and whether the call is certainly one of ours."""
    if _makes_a_task(call.func, imports):
        for keyword in call.keywords:
            if keyword.arg == "action":
                yield from ((value, True) for value in _each(keyword.value))
    elif isinstance(call.func, ast.Attribute) and call.func.attr in _HOOK_CALLS:
        given = call.args[:1] or [keyword.value for keyword in call.keywords if keyword.arg == "action"]
        foreign = not imports.ours or _last_name(call.func.value) in imports.modules
        for value in given:
            if not foreign or isinstance(value, ast.Constant):
                yield value, False


def _makes_a_task(func: ast.expr, imports: _Imports) -> bool:
    """``PipedriveOperator(...)``, ``.partial(...)`` of it, ``.expand(...)`` of that."""
    if imports.is_our_class(func):
        return True
    if not isinstance(func, ast.Attribute) or func.attr not in ("partial", "expand"):
        return False
    base = func.value
    return _makes_a_task(base.func if isinstance(base, ast.Call) else base, imports)


def _each(value: ast.expr) -> list[ast.expr]:
    """The elements of a literal list, which ``expand`` takes; else the value itself."""
    return list(value.elts) if isinstance(value, ast.List | ast.Tuple) else [value]


def _actions_of(node: ast.Dict) -> list[ast.expr]:
    return [
        value
        for key, value in zip(node.keys, node.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "action" and isinstance(value, ast.Constant)
    ]


def _note(value: ast.expr, is_ours: bool, place: Place, found: FoundKeys) -> None:
    if isinstance(value, ast.Constant):
        key = value.value
        if isinstance(key, str) and ("{{" in key or "{%" in key):
            found.open.append((place, "the action is a template"))
        elif isinstance(key, str) and (is_ours or key in ACTIONS):
            found.keys.setdefault(key, []).append(place)
    else:
        found.open.append((place, f"the action is only known when it runs: {ast.unparse(value)[:60]}"))


def _last_name(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return node.attr
    return node.id if isinstance(node, ast.Name) else ""
