from __future__ import annotations

import subprocess
import sys

from airflow import plugins_manager
from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.plugin import PipedrivePlugin


def test_airflow_finds_the_plugin_by_its_entry_point() -> None:
    plugins_manager.ensure_plugins_loaded()
    loaded = plugins_manager._get_plugins()[0] if hasattr(plugins_manager, "_get_plugins") else plugins_manager.plugins
    assert "pipedrive" in [plugin.name for plugin in loaded]


def test_the_pages_are_there_from_airflow_3_1_on_and_absent_before() -> None:
    expected = 1 if AIRFLOW_V_3_1_PLUS else 0
    assert len(PipedrivePlugin.fastapi_apps) == len(PipedrivePlugin.external_views) == expected


def test_loading_the_plugin_imports_nothing_else() -> None:
    """Every process of Airflow loads it."""
    code = (
        "import sys, airflow.plugins_manager, airflow.providers.common.compat.version_compat as _\n"
        "before = set(sys.modules)\n"
        "from importlib.metadata import entry_points\n"
        "(found,) = [e for e in entry_points(group='airflow.plugins') if e.name == 'pipedrive']\n"
        "found.load()\n"
        "print(sorted(m for m in set(sys.modules) - before"
        " if m.split('.')[0] in ('fastapi', 'starlette', 'requests', 'jinja2') or '_pipedrive.' in m))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.splitlines()[-1] == (
        "['airflow_provider_pipedrive.plugin', 'airflow_provider_pipedrive.plugin.paths', "
        "'airflow_provider_pipedrive.plugin.task_end']"
    )
