"""What happens in a task's process as the task ends."""

from __future__ import annotations

import subprocess
import sys

from airflow_provider_pipedrive.plugin import PipedrivePlugin, task_end


def test_airflow_is_given_the_listener() -> None:
    assert PipedrivePlugin.listeners == [task_end]


def test_a_process_that_has_not_used_pipedrive_imports_nothing_for_it() -> None:
    code = (
        "import sys; from airflow_provider_pipedrive.plugin import task_end; task_end.before_stopping(); "
        "print([name for name in sys.modules if 'pipedrive.client' in name or 'pipedrive.accounts' in name])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip().endswith("[]")
