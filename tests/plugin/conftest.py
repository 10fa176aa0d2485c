"""The fixtures of tests.support.web_app, where Airflow has the pages."""

from __future__ import annotations

from pathlib import Path

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

collect_ignore: list[str] = []

if AIRFLOW_V_3_1_PLUS:
    from tests.support.web_app import (  # noqa: F401 - pytest finds fixtures by their names here
        airflow_app,
        browser,
        clock,
        crm,
        database,
        fernet_key,
        guest,
        pipedrive,
        stranger,
        viewer,
    )
    from tests.support.webhook_receiver import assets, receiver, tables  # noqa: F401
else:
    collect_ignore += [path.name for path in Path(__file__).parent.glob("test_*.py") if path.name != "test_plugin.py"]
