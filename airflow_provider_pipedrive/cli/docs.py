"""``airflow pipedrive docs``: the manual that is installed with the package."""

from __future__ import annotations

import sys
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from airflow_provider_pipedrive.catalog.advice import did_you_mean
from airflow_provider_pipedrive.cli.terminal import command, put, say, usage_error

PACKAGE = Path(__file__).resolve().parents[1]


@command
def docs(options: Namespace) -> None:
    """Show a page, or say where the pages are and which there are."""
    pages = {page.stem: page for page in sorted(manual(PACKAGE).glob("*.md"))}
    if options.page is None:
        for line in _contents(pages):
            put(line)
        say(f"They are in {manual(PACKAGE)}; `docs PAGE` shows one here.")
        return
    name = Path(options.page).stem
    if name not in pages:
        raise usage_error(f"There is no page {options.page!r}.{did_you_mean(name, pages)}")
    say(f"{pages[name]}")
    _show(pages[name].read_text(encoding="utf-8"))


def manual(package: Path) -> Path:
    """The folder of the pages: in the installed package, or next to it in a clone of the repository."""
    installed = package / "docs"
    return installed if installed.is_dir() else package.parent / "docs"


def _contents(pages: dict[str, Path]) -> Iterator[str]:
    """A line for each page: its name and its title."""
    width = max(map(len, pages))
    for name, page in pages.items():
        with page.open(encoding="utf-8") as lines:
            yield f"{name.ljust(width)}  {next(lines).lstrip('# ').rstrip()}"


def _show(text: str) -> None:
    """Markdown as it is for a pipe, and set with a pager for a person."""
    if not sys.stdout.isatty():
        put(text.rstrip())
        return
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console()
    with console.pager(styles=True):
        console.print(Markdown(text))
