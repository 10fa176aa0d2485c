"""What is imported is declared: it is installed on purpose, not because Airflow happens to bring it."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
OURS = {"airflow_provider_pipedrive", "tests", "tools"} | {path.stem for path in (ROOT / "tools").iterdir()}
ONLY_WHERE_THEY_ARE = {
    *("flask_appbuilder", "flask_babel", "wtforms", "openlineage"),
    *("azure", "botocore", "s3fs", "adlfs", "gcsfs"),
    "duckdb",
    "airflow.providers.standard",
}
"""See pyproject.toml."""
NO_DISTRIBUTION_OF_ITS_NAME = {
    "airflow.providers.common.ai": "apache-airflow-providers-common-ai",
    "pydantic_ai": "pydantic-ai-slim",
    "airflow": "apache-airflow",
    "airflow.providers.common.compat": "apache-airflow-providers-common-compat",
    "airflow.providers.standard": "apache-airflow-providers-standard",
}


def imported(source: str) -> set[str]:
    """The packages that a file imports, providers of Airflow each by itself."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module or "")
    return {top_of(name) for name in names}


def top_of(module: str) -> str:
    """``airflow.providers.common.compat`` of ``airflow.providers.common.compat.sdk``, ``requests`` of
    ``requests.adapters``."""
    providers = (name for name in NO_DISTRIBUTION_OF_ITS_NAME if f"{module}.".startswith(f"{name}."))
    return max(providers, key=len, default=module.partition(".")[0])


def undeclared(files: Iterable[Path], requirements: Iterable[str]) -> Iterator[str]:
    """The imports of other people's packages that no requirement names."""
    declared = {normal(re.split(r"[\[<>=!~; ]", requirement, maxsplit=1)[0]) for requirement in requirements}
    found = packages_distributions()
    for file in sorted(files):
        for name in sorted(imported(file.read_text(encoding="utf-8")) - OURS - set(sys.stdlib_module_names)):
            distributions = [NO_DISTRIBUTION_OF_ITS_NAME.get(name), *found.get(name, [name])]
            if not declared & {normal(one) for one in distributions if one}:
                yield f"{file.relative_to(ROOT)}: {name}"


def normal(name: str) -> str:
    """A distribution's name as indexes compare it: https://packaging.python.org/specifications/name-normalization"""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirements_of(*extras: str) -> list[str]:
    return [*PROJECT["dependencies"], *(line for extra in extras for line in PROJECT["optional-dependencies"][extra])]


PACKAGE = ROOT / "airflow_provider_pipedrive"
SANDBOX = set((PACKAGE / "sandbox").rglob("*.py"))
WAREHOUSE = set((PACKAGE / "warehouse").rglob("*.py"))
AI = set((PACKAGE / "toolsets").rglob("*.py"))
PARQUET = {file for file in PACKAGE.rglob("*.py") if "pyarrow" in imported(file.read_text("utf-8"))} - WAREHOUSE
OURSELVES = {*(ROOT / "tests").rglob("*.py"), *(ROOT / "tools").glob("*.py")}


@pytest.mark.parametrize(
    ("files", "extras"),
    [
        (set(PACKAGE.rglob("*.py")) - SANDBOX - WAREHOUSE - PARQUET - AI, ()),
        (PARQUET, ("parquet",)),
        (WAREHOUSE, ("parquet", "warehouse", "delta", "iceberg")),
        (SANDBOX, ("sandbox",)),
        (AI, ("ai",)),
        (set((ROOT / "example_dags").glob("*.py")), ("ai", "demo")),
        (OURSELVES, (*PROJECT["optional-dependencies"],)),
    ],
    ids=["package", "parquet", "warehouse", "sandbox", "ai", "examples", "tests and tools"],
)
def test_every_import_is_of_a_declared_dependency(files: set[Path], extras: tuple[str, ...]) -> None:
    missing = undeclared(files, requirements_of(*extras))
    assert [line for line in missing if line.rpartition(" ")[2] not in ONLY_WHERE_THEY_ARE] == []


def test_an_import_that_nothing_declares_is_found() -> None:
    used = undeclared([PACKAGE / "plugin" / "web.py"], ["starlette>=1", "apache-airflow[all]>=2.11"])
    assert list(used) == ["airflow_provider_pipedrive/plugin/web.py: jinja2"]
