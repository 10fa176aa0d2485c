"""Every block of code in the documentation is one that can be checked, and is: commands, settings, connections."""

from __future__ import annotations

import argparse
import ast
import configparser
import itertools
import json
import re
import shlex
import tomllib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from environment import NEWEST

from airflow_provider_pipedrive import __main__ as commands
from airflow_provider_pipedrive.errors import PipedriveError
from airflow_provider_pipedrive.get_provider_info import get_provider_info
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import __main__ as sandbox_command

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / name for name in ("README.md", "CONTRIBUTING.md")] + sorted((ROOT / "docs").glob("*.md"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The blocks of a page: their languages, empty for those that are only indented, and their texts."""
    text = page.read_text(encoding="utf-8")
    yield from re.findall(r"^```(\w*)\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    prose = re.sub(r"^```.*?^```$", "", text, flags=re.DOTALL | re.MULTILINE)
    yield from (("", block) for block in re.findall(r"(?<=\n\n)((?: {4}[^ ].*\n)+)(?=\n|\Z)", prose))


def commands_in(text: str) -> Iterator[list[str]]:
    """The commands of a block for a shell, a line each or several with ``&&`` between them."""
    for line in text.splitlines():
        words = shlex.split(line, comments=True)
        while "&&" in words:
            yield words[: words.index("&&")]
            words = words[words.index("&&") + 1 :]
        if words:
            yield words


def check_shell(text: str, environ: pytest.MonkeyPatch) -> None:
    for words in commands_in(text):
        given = words[1:] if words[0] == "export" else words
        if "=" in given[0]:
            (assignment,) = given
            check_connection(*assignment.split("=", 1), environ)
        else:
            check_command(words)


def check_connection(variable: str, value: str, environ: pytest.MonkeyPatch) -> None:
    assert variable == "AIRFLOW_CONN_PIPEDRIVE_DEFAULT"
    environ.setenv(variable, re.sub(r"<[\w ]+>", "x", value))
    assert PipedriveHook().client.settings.credential


def check_command(words: list[str]) -> None:
    program, rest = Path(words[0]).name, words[1:]
    if words[:2] == ["airflow", "pipedrive"]:
        parse(commands.parser(), words[2:])
    elif program == "airflow":
        from airflow.cli.cli_parser import get_parser

        parse(get_parser(), rest)
    elif rest[:2] == ["-m", "airflow_provider_pipedrive"]:
        parse(commands.parser(), rest[2:])
    elif rest[:2] == ["-m", "airflow_provider_pipedrive.sandbox"]:
        parse(sandbox_command.parser(), rest[2:])
    elif program in ("python", "python3"):
        source = (ROOT / rest[0]).read_text(encoding="utf-8")
        assert [word for word in rest[1:] if word.startswith("--") and f'"{word}"' not in source] == []
    elif words[:2] == ["pip", "install"]:
        extras = re.fullmatch(r"\.(?:\[(.*)\])?", rest[1])
        assert extras is not None
        assert set(filter(None, (extras[1] or "").split(","))) <= set(PROJECT["optional-dependencies"])
    elif program == "pip-audit":
        # Somebody else's command, which needs its own service: the file that it reads is there.
        files = [name for option, name in itertools.pairwise(rest) if option == "--requirement"]
        assert [name for name in files if not (ROOT / name).exists()] == []
    elif program == "make":
        assert re.search(rf"^{rest[0]}:", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    else:
        assert (program, Path(words[0]).parts[0]) in [(name, f".venv-{NEWEST}") for name in ("pytest", "ruff", "mypy")]


def parse(parser: argparse.ArgumentParser, words: list[str]) -> None:
    try:
        parser.parse_args(words)
    except SystemExit:
        pytest.fail(f"{parser.prog} does not take {shlex.join(words)}")
    # A parser takes the beginning of an option for it.
    assert {word for word in words if word.startswith("--")} <= options_of(parser)


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    """The options of a command and of all of its sub-commands."""
    found = set(parser._option_string_actions)
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= {option for each in action.choices.values() for option in options_of(each)}
    return found


def check_settings(text: str, environ: pytest.MonkeyPatch) -> None:
    given = configparser.ConfigParser()
    given.read_string(text)
    known = get_provider_info()["config"]
    for section in given.sections():
        assert set(given[section]) <= set(known[section]["options"])


def check_later_python(text: str, environ: pytest.MonkeyPatch) -> None:
    """What only some of the supported Airflows have, or a part of a call: whole as Python."""
    try:
        ast.parse(text)
    except SyntaxError:
        ast.parse(f"call({text})")


def check_nginx(text: str, environ: pytest.MonkeyPatch) -> None:
    lines = [line.partition("#")[0].strip() for line in text.splitlines()]
    assert text.count("{") == text.count("}")
    assert [line for line in lines if line and line[-1] not in ";{}"] == []


def check_drawing(text: str, environ: pytest.MonkeyPatch) -> None:
    """A drawing has no commands. The files in a job's own folder, if it shows them, are named in the code that writes
    them; those of the repository are looked for in tests/tools/test_contributing.py."""
    assert not re.search(r"airflow pipedrive|python -m|pip install", text)
    source = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "airflow_provider_pipedrive").rglob("*.py"))
    own = re.findall(r"^    (\w+)(?:\.json|/)", text.partition("\n  _pipedrive/")[2], re.MULTILINE)
    assert [name for name in own if not re.search(rf'["/]{name}["./]', source)] == []


CHECKS: Mapping[str, Callable[[str, pytest.MonkeyPatch], None]] = {
    "sh": check_shell,
    "ini": check_settings,
    "json": lambda text, environ: json.loads(text) and None,
    "py": check_later_python,
    "nginx": check_nginx,
    "text": check_drawing,
    # Run elsewhere: all of a page in tests/test_docs.py, the views in tests/transfers/test_latest_rows.py.
    "python": lambda text, environ: None,
    "sql": lambda text, environ: None,
}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_of_a_page_is_right(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for language, text in blocks(page):
        assert language in CHECKS, f"no language, or one that nothing checks ({language!r}):\n{text}"
        CHECKS[language](text, monkeypatch)


@pytest.mark.parametrize(
    "text",
    [
        "airflow pipedrive chekc",
        "python -m airflow_provider_pipedrive check --dag dags/",
        "python -m airflow_provider_pipedrive.sandbox --deal 5",
        "python tools/demo.py --deal 5",
        "pip install '.[sandboxes]'",
        "make dmo",
        "airflow conections list",
        "pipedrive check",
        "AIRFLOW_CONN_PIPEDRIVE_DEFAULT='pipedrive://acme?api_tokn=x'",
        "ruff check . && make dmo",
        "pip-audit --requirement tools/constraints/airflow-1.txt",
    ],
)
def test_a_wrong_command_is_found(text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises((AssertionError, pytest.fail.Exception, PipedriveError)):
        check_shell(text, monkeypatch)


@pytest.mark.parametrize("page", [*PAGES, ROOT / "CHANGELOG.md"], ids=lambda page: page.name)
def test_every_command_named_in_the_text_is_there(page: Path) -> None:
    prose = re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    known = subcommands()
    for found in re.findall(r"`(?:airflow pipedrive|python\s+-m\s+airflow_provider_pipedrive)\s([^`]+)`", prose):
        words = found.replace("[", "").replace("]", "").split()
        if words[0] != "...":
            assert words[0] in known, f"`{found}`"
            options = [word for word in words if word.startswith("--")]
            assert [option for option in options if option not in known[words[0]]] == [], f"`{found}`"


def subcommands() -> dict[str, set[str]]:
    """The options of each of the package's commands."""
    (actions,) = [action for action in commands.parser()._actions if isinstance(action, argparse._SubParsersAction)]
    return {name: set(parser._option_string_actions) for name, parser in actions.choices.items()}
