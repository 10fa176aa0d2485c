"""Pipedrive in a box: a local server that behaves like Pipedrive, for tests and demos without an account.

    with Sandbox(deals=50) as sandbox:
        requests.get(f"{sandbox.url}/api/v2/deals", headers={"x-api-token": sandbox.api_token})

docs/sandbox.md says what each operation does here.
"""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.sandbox import Sandbox

__all__ = ["Sandbox"]
