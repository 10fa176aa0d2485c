"""The documentation's own examples are run, and what it lists is there."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from importlib import import_module
from inspect import signature
from pathlib import Path
from types import ModuleType

import pytest

from airflow_provider_pipedrive import errors
from airflow_provider_pipedrive.connection_form import CONN_FIELDS
from airflow_provider_pipedrive.notifications.pipedrive import PipedriveNotifier
from airflow_provider_pipedrive.operators.approval import PipedriveApprovalOperator
from airflow_provider_pipedrive.operators.bulk import PipedriveBulkOperator
from airflow_provider_pipedrive.operators.choices import PipedriveChoiceOperator, PipedriveRefreshChoicesOperator
from airflow_provider_pipedrive.operators.conversions import PipedriveConvertDealOperator, PipedriveConvertLeadOperator
from airflow_provider_pipedrive.operators.drift import PipedriveDriftOperator
from airflow_provider_pipedrive.operators.merge import PipedriveMergeOperator
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.operators.webhooks import PipedriveEnsureWebhooksOperator
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sensors.pipedrive import (
    PipedriveDealStageSensor,
    PipedriveNewFileSensor,
    PipedriveRecordSensor,
)
from airflow_provider_pipedrive.transfers import (
    ObjectStorageToPipedriveFileOperator,
    ObjectStorageToPipedriveOperator,
    PipedriveFileToObjectStorageOperator,
    PipedriveToObjectStorageOperator,
    PipedriveToWarehouseOperator,
    SqlToPipedriveOperator,
)
from airflow_provider_pipedrive.triggers import pipedrive as triggers

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "example_dags").glob("*.py"))
# Airflow 2.11 has no asset watchers.
WATCHERS = [each for name, each in vars(triggers).items() if name == "PipedriveChangeEventTrigger"]


def python_blocks(page: Path) -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", [page for page in PAGES if python_blocks(page)], ids=lambda page: page.name)
def test_the_python_examples_of_a_page_run_from_top_to_bottom(
    page: Path, sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "example_dags").symlink_to(ROOT / "example_dags")
    monkeypatch.chdir(tmp_path)
    # A module of its own, as a file with the blocks would be: some libraries look up where a function was written.
    module = ModuleType(page.stem)
    monkeypatch.setitem(sys.modules, page.stem, module)
    for block in python_blocks(page):
        exec(compile(block, page.name, "exec"), vars(module))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_to_files_of_the_repository_lead_somewhere(page: Path) -> None:
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [target for target in targets if not (page.parent / target).exists()] == []


def rendered_again(source: str) -> list[str]:
    """Where a text that a task has returned would be taken for a template by Airflow."""
    tree = ast.parse(source)
    literal = {
        target.id
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.List | ast.Tuple)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "expand_kwargs":
            (given,) = node.args
            if not (isinstance(given, ast.List) or (isinstance(given, ast.Name) and given.id in literal)):
                found.append(ast.unparse(node.args[0]))
        if isinstance(node, ast.Attribute) and node.attr == "bash" and ast.unparse(node.value) == "task":
            found.append("task.bash")
    return found


def test_what_airflow_renders_again_is_recognized() -> None:
    assert (
        rendered_again("TEXTS = [{}]\nO.partial().expand_kwargs(TEXTS)\nO.partial().expand(parameters=deals())") == []
    )
    assert rendered_again("O.partial().expand_kwargs(deals())\n@task.bash\ndef f(): ...") == ["deals()", "task.bash"]


@pytest.mark.parametrize("source", [*EXAMPLES, *PAGES], ids=lambda path: path.stem)
def test_no_example_lets_a_text_of_the_crm_become_a_template(source: Path) -> None:
    blocks = python_blocks(source) if source.suffix == ".md" else [source.read_text(encoding="utf-8")]
    assert [place for block in blocks for place in rendered_again(block)] == []


@pytest.mark.parametrize("field", CONN_FIELDS)
def test_every_field_of_the_connection_is_explained(field: str) -> None:
    pages = [ROOT / "README.md", ROOT / "docs" / "connection.md"]
    assert any(f"`{field}`" in page.read_text(encoding="utf-8") for page in pages if page.exists())


@pytest.mark.parametrize(
    ("operator", "page"),
    [
        (PipedriveOperator, "README.md"),
        (PipedriveBulkOperator, "docs/writing.md"),
        (SqlToPipedriveOperator, "docs/writing.md"),
        (ObjectStorageToPipedriveOperator, "docs/writing.md"),
        (PipedriveDriftOperator, "docs/drift.md"),
        (PipedriveMergeOperator, "docs/duplicates.md"),
        (PipedriveEnsureWebhooksOperator, "docs/webhooks.md"),
        (PipedriveApprovalOperator, "docs/people.md"),
        (PipedriveChoiceOperator, "docs/people.md"),
        (PipedriveConvertDealOperator, "docs/people.md"),
        (PipedriveConvertLeadOperator, "docs/people.md"),
        (PipedriveNotifier, "docs/people.md"),
        (PipedriveRefreshChoicesOperator, "docs/people.md"),
        (PipedriveToObjectStorageOperator, "docs/extraction.md"),
        (PipedriveToWarehouseOperator, "docs/warehouse.md"),
        (PipedriveFileToObjectStorageOperator, "docs/files.md"),
        (ObjectStorageToPipedriveFileOperator, "docs/files.md"),
        (PipedriveDealStageSensor, "docs/sensors.md"),
        (PipedriveNewFileSensor, "docs/sensors.md"),
        (PipedriveRecordSensor, "docs/sensors.md"),
        *((each, "docs/events.md") for each in WATCHERS),
    ],
)
def test_every_argument_is_explained_on_the_page_of_its_operator(operator: type, page: str) -> None:
    text = (ROOT / page).read_text(encoding="utf-8")
    made_by = [vars(each)["__init__"] for each in operator.__mro__ if "__init__" in vars(each)]
    # Airflow gives each class of operators an `__init__`, of its own where that has none.
    own = [init for init in made_by if getattr(init, "__module__", "").startswith("airflow_provider_pipedrive.")]
    arguments = {name for init in own for name in signature(init).parameters}
    unexplained = [name for name in sorted(arguments - {"self", "kwargs"}) if not re.search(rf"\b{name}[`=]", text)]
    assert unexplained == []


def public_classes() -> set[str]:
    """The classes that DAG authors use by name: operators, sensors, and what goes with them."""
    rooms = ("assets", "notifications", "operators", "policies", "sensors", "toolsets", "transfers")
    files = [file for room in rooms for file in (ROOT / "airflow_provider_pipedrive" / room).glob("*.py")]
    names = {
        node.name
        for file in files
        for node in ast.parse(file.read_text(encoding="utf-8")).body
        if isinstance(node, ast.ClassDef)
    }
    return {name for name in names if re.fullmatch(r"\w*Pipedrive\w*(Operator|Sensor|Notifier|Policy|Toolset)", name)}


def listed_classes() -> list[tuple[str, str]]:
    """The classes of README's table, each with the module that it is said to be in."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").partition("\n## Operators and sensors\n")[2]
    rows = re.findall(r"^\| \[(.*?)\]\(.*?\) \| `([\w.]+)` \|", section.partition("\n## ")[0], re.MULTILINE)
    return [(name, module) for names, module in rows for name in re.findall(r"`(\w+)`", names)]


def test_the_readme_lists_every_operator_and_sensor() -> None:
    assert sorted(name for name, _ in listed_classes()) == sorted(public_classes())


@pytest.mark.parametrize(("name", "module"), listed_classes())
def test_each_of_them_is_in_the_module_that_the_readme_names(name: str, module: str) -> None:
    try:
        found = import_module(f"airflow_provider_pipedrive.{module}")
    except ImportError as lacks:
        pytest.skip(f"{lacks}: needs a newer Airflow or an extra")
    assert name in dir(found) or name in found.__all__


def test_the_tests_that_the_manual_shows_pass(tmp_path: Path) -> None:
    shown = tmp_path / "test_shown.py"
    shown.write_text("\n".join(python_blocks(ROOT / "docs" / "testing.md")), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", tmp_path, shown]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert re.match(r"\.{3} ", done.stdout), done.stdout


@pytest.mark.parametrize("error", [name for name in vars(errors) if re.fullmatch(r"Pipedrive\w+Error", name)])
def test_every_error_is_explained(error: str) -> None:
    assert f"`{error}`" in (ROOT / "docs" / "errors.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("dag_file", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_dag_is_named_in_the_documentation(dag_file: Path) -> None:
    assert any(dag_file.stem in page.read_text(encoding="utf-8") for page in PAGES)


def test_importing_the_operator_loads_nothing_heavy() -> None:
    code = (
        "import sys, airflow.providers.common.compat.sdk; before = set(sys.modules);"
        "import airflow_provider_pipedrive.operators.pipedrive as o;"
        "o.PipedriveOperator(task_id='t', action='getDeals');"
        "print(*sorted(m for m in set(sys.modules) - before if not m.startswith('airflow')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    loaded = {name.split(".")[0] for name in done.stdout.splitlines()[-1].split()}
    assert loaded & {"requests", "urllib3", "msgspec", "starlette", "uvicorn", "faker"} == set()
