"""The manual as a site: the pages of docs/, and around them the README, the example DAGs and the API.

    .venv-3.3.2/bin/python tools/manual/build.py [FOLDER]

Writes FOLDER (default: build/manual), to be read from a disk or a web server. A link or anchor that leads nowhere is an
error. It needs the extra ``docs``.
"""

from __future__ import annotations

import ast
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sphinx.cmd.build import build_main

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
PACKAGE = "airflow_provider_pipedrive"
API = {
    "Hook and client": ["hooks.pipedrive", "client"],
    "Operators": [
        *("operators.pipedrive", "operators.bulk", "operators.merge", "operators.approval", "operators.choices"),
        *("operators.conversions", "operators.drift", "operators.webhooks"),
    ],
    "Transfers": ["transfers", "transfers.extraction_operator"],
    "Sensors and triggers": ["sensors.pipedrive", "triggers.pipedrive"],
    "Assets": ["assets"],
    "Extraction": ["extraction"],
    "Bulk writes": ["bulk"],
    "Warehouse": ["warehouse"],
    "Agents, notices, retries": ["toolsets", "notifications.pipedrive", "policies.retry"],
    "Catalog": ["catalog"],
    "Errors": ["errors"],
    "Sandbox": ["sandbox"],
}
"""The pages of the API, and the modules whose public names each describes."""


def build(target: Path, *, with_api: bool = True) -> int:
    """Write the site, and return Sphinx's exit code: not 0 if something on a page is wrong, which it has said.

    :param with_api: describe the API; without, its pages have headings alone, and nothing of the package is imported
    """
    with tempfile.TemporaryDirectory(prefix="pipedrive-manual-") as folder:
        source = Path(folder) / "source"
        shutil.copytree(ROOT / "docs", source / "docs")
        for name, text in pages(with_api=with_api):
            (source / name).parent.mkdir(exist_ok=True)
            (source / name).write_text(text, encoding="utf-8")
        for page in source.rglob("*.md"):
            page.write_text(linked(page.read_text(encoding="utf-8")), encoding="utf-8")
        options = ["-W", "--keep-going", "-q", "-b", "html", "-c", str(HERE), "-d", f"{folder}/doctrees"]
        return build_main([*options, str(source), str(target)])


def pages(*, with_api: bool) -> Iterator[tuple[str, str]]:
    """The pages that are not in docs/: paths and texts."""
    readme, contents = (path.read_text(encoding="utf-8") for path in (ROOT / "README.md", HERE / "contents.md"))
    named = set(re.findall(r"^docs/(.+)$", contents, re.MULTILINE))
    others = sorted(page.stem for page in (ROOT / "docs").glob("*.md") if page.stem not in named)
    more = _toctree("hidden:\n:caption: More", [f"docs/{name}" for name in others]) if others else ""
    yield "index.md", readme + contents + more
    for name in ("CHANGELOG.md", "CONTRIBUTING.md", "LICENSE"):
        yield name, (ROOT / name).read_text(encoding="utf-8")
    yield from examples()
    yield from api(with_text=with_api)


def examples() -> Iterator[tuple[str, str]]:
    """A page for each example DAG, and their list."""
    lines = []
    for file in sorted((ROOT / "example_dags").glob("*.py")):
        code = file.read_text(encoding="utf-8")
        about = (ast.get_docstring(ast.parse(code)) or "").partition("\n\n")[0].replace("\n", " ")
        lines.append(f"- [{file.stem}]({file.stem}.md): {about}")
        yield f"example_dags/{file.stem}.md", f"# {file.stem}\n\n```python\n{code}```\n"
    names = [line.partition("[")[2].partition("]")[0] for line in lines]
    yield "example_dags/index.md", listing("Example DAGs", "\n".join(lines), names)


def api(*, with_text: bool) -> Iterator[tuple[str, str]]:
    """The pages of the API, in which Sphinx puts what docstrings say, and their list."""
    names = {title: re.sub(r"\W+", "-", title.lower()) for title in API}
    for title, modules in API.items():
        blocks = "\n".join(map(_described, modules)) if with_text else ""
        yield f"api/{names[title]}.md", f"# {title}\n\n{blocks}"
    about = "What DAGs and scripts import, in the words of its docstrings."
    yield "api/index.md", listing("The API", about, list(names.values()))


def _described(module: str) -> str:
    """What makes Sphinx describe a module. What a package lists is imported only when it is asked for, one by one."""
    package = ROOT / PACKAGE / module.replace(".", "/") / "__init__.py"
    tree = ast.parse(package.read_text(encoding="utf-8") if package.exists() else "")
    named = {ast.unparse(node.targets[0]): node.value for node in tree.body if isinstance(node, ast.Assign)}
    lines = [f".. automodule:: {PACKAGE}.{module}"]
    if module == "triggers.pipedrive":  # one of its names is another module's
        lines.append("   :imported-members:")
    if "__all__" in named:
        lines.append("   :no-members:")
        lines += [f"\n.. auto{_kind(name)}:: {PACKAGE}.{module}.{name}" for name in ast.literal_eval(named["__all__"])]
    return "\n".join(["```{eval-rst}", *lines, "```\n"])


def _kind(name: str) -> str:
    if name.isupper():
        return "data"
    return "class" if name[0].isupper() else "function"


def listing(title: str, text: str, names: list[str]) -> str:
    """A page above other pages."""
    return f"# {title}\n\n{text}\n{_toctree('maxdepth: 1', names)}"


def _toctree(options: str, names: list[str]) -> str:
    """Where Sphinx reads which pages there are."""
    return "\n".join(["", "```{toctree}", f":{options}", "", *names, "```", ""])


def linked(markdown: str) -> str:
    """Links to files of the repository, as links to the pages that show them."""
    markdown = re.sub(r"(?<=[(/])example_dags/(\w+)\.py(?=[)#])", r"example_dags/\1.md", markdown)
    markdown = re.sub(r"(?<=[(/])example_dags(?=\))", "example_dags/index.md", markdown)
    return re.sub(r"(?<=\]\()\.\./README\.md", "../index.md", markdown)


if __name__ == "__main__":
    sys.exit(build(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "build" / "manual"))
