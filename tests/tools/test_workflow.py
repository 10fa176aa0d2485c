"""The workflow for public continuous integration runs the commands that README.md names, and nothing else."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
JOBS: dict[str, Any] = yaml.safe_load((ROOT / ".github" / "workflows" / "tests.yml").read_text())["jobs"]


def test_the_workflow_runs_the_two_commands_of_the_readme() -> None:
    named = re.findall(r"^make (\w+) +# or: (python3 tools/\w+\.py)$", (ROOT / "README.md").read_text(), re.MULTILINE)
    runs = {name: [step["run"] for step in job["steps"] if "run" in step] for name, job in JOBS.items()}
    assert runs == {name: [command] for name, command in named}
    assert sorted(runs) == ["demo", "test"]


def test_the_workflow_tests_each_python_that_the_package_is_said_to_run_on() -> None:
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    said = re.findall(r"Python :: (3\.\d+)$", "\n".join(classifiers), re.MULTILINE)
    assert JOBS["test"]["strategy"]["matrix"]["python"] == said
