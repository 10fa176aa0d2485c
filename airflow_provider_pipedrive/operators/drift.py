"""A task that notices when somebody changes the account's fields, stages, users or rights."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowFailException, Asset, AssetAlias, BaseOperator

from airflow_provider_pipedrive.client.switches import check_switches
from airflow_provider_pipedrive.hooks.record_values import KeptFromLineage
from airflow_provider_pipedrive.operators.task_support import (
    check_connection_id,
    check_path,
    is_templated,
    permanent_errors_end_the_task,
    storage_path,
)

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_pipedrive.events.drift import Items

ALIAS = "pipedrive_drift"
"""The asset alias under which differences are reported."""


class PipedriveDriftOperator(BaseOperator):
    """Compare the account's field definitions, options, stages, pipelines, users and rights with the last seen.

    Differences are logged as sentences, and reported as an event of the asset alias ``pipedrive_drift``. A breaking one
    (a field, an option, a stage, a pipeline or a right is gone, or a field has another type) fails the task, so that
    what comes after it is held back. To let it go on, clear the task; until then, later runs fail too.

    :param path: the folder of what was seen last, local or in object storage (templated); each account has a file there
    :param hold: whether breaking differences fail the task
    :param pipedrive_conn_id: the connection (templated)
    :returns: ``differences`` and ``breaking``: sentences; ``first``: whether there was nothing to compare with
    """

    template_fields: Sequence[str] = ("path", "pipedrive_conn_id")
    ui_color = "#d3f5df"
    path = KeptFromLineage()

    def __init__(
        self, *, path: str | Path, hold: bool = True, pipedrive_conn_id: str = "pipedrive_default", **kwargs: Any
    ) -> None:
        super().__init__(**{"outlets": [AssetAlias(ALIAS)], **kwargs})
        self.path = path
        self.hold = hold
        self.pipedrive_conn_id = pipedrive_conn_id
        check_switches(self, "hold")
        check_connection_id("pipedrive_conn_id", pipedrive_conn_id)
        if not is_templated(path):
            check_path("path", path)

    def execute(self, context: Context) -> dict[str, Any]:
        """Look, compare, keep what was seen, and report."""
        from airflow_provider_pipedrive.client.owner import owner_of
        from airflow_provider_pipedrive.events.drift import read_account
        from airflow_provider_pipedrive.extraction.storage.files import encoded, make_folder, read_json, write
        from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook

        client = PipedriveHook(self.pipedrive_conn_id).client
        with permanent_errors_end_the_task():
            check_path("path", self.path)
            company, now = owner_of(client.run("getCurrentUser")).company_id, read_account(client)
        folder = storage_path("path", self.path)
        file = folder / f"account-{company}.json"
        kept = read_json(file)
        found = self._found(context, kept, now)
        make_folder(folder)
        write(file, encoded({"items": now, "held": found if self.hold and found["breaking"] else None}))
        for sentence in found["differences"]:
            self.log.warning("%s", sentence)
        if self.hold and found["breaking"]:
            raise AirflowFailException(
                f"{' '.join(found['breaking'])} What comes next may fail, or lose something: look, then clear this "
                "task to let it go on."
            )
        if found["differences"]:
            self._report(context, company, found["differences"])
        return {"differences": found["differences"], "breaking": found["breaking"], "first": kept is None}

    def _found(self, context: Context, kept: dict[str, Any] | None, now: Items) -> dict[str, Any]:
        """The differences, with those that still hold: of which run and try that is."""
        from airflow_provider_pipedrive.events.drift import differences

        run, try_number = context["run_id"], getattr(context["ti"], "try_number", 1)
        held = (kept or {}).get("held") or {}
        is_let_go = held.get("run") == run and try_number > held["try"]
        new = list(differences(kept["items"], now)) if kept else []
        breaking = [each.sentence for each in new if each.is_breaking]
        return {
            "run": held["run"] if held and not is_let_go and not breaking else run,
            "try": held["try"] if held and not is_let_go and not breaking else try_number,
            "differences": [*held.get("differences", ()), *(each.sentence for each in new)],
            "breaking": [*([] if is_let_go else held.get("breaking", ())), *breaking],
        }

    def _report(self, context: Context, company: int, sentences: list[str]) -> None:
        if any(getattr(outlet, "name", None) == ALIAS for outlet in self.outlets or ()):
            asset = Asset(f"x-pipedrive-account://{company}")
            extra: dict[str, Any] = {"differences": sentences}
            context["outlet_events"][AssetAlias(ALIAS)].add(asset, extra=extra)
