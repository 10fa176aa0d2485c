"""What users write in their DAGs and scripts: names, arguments and keys that no refactoring may change unnoticed."""

from __future__ import annotations

import inspect
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.connection_form import CONN_FIELDS
from airflow_provider_pipedrive.extraction import ExtractionJob, extract
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

PACKAGE = "airflow_provider_pipedrive"
OF_FILES = "deal_id person_id org_id product_id activity_id lead_id"
OF_BULK = """entity mode match_on mapping max_rejects on_ambiguous missing_options create_related only_if_empty empty
    dry_run approval max_tokens max_writes max_deletes within on_remove timezone concurrency folder pipedrive_conn_id
    deferrable **kwargs"""

# Name -> its arguments in order; those after "..." are the package's own affair.
CALLABLES = {
    "hooks.pipedrive.PipedriveHook": "pipedrive_conn_id **kwargs",
    "hooks.pipedrive.PipedriveHook.run": "self action parameters save_to ...",
    "hooks.pipedrive.PipedriveHook.iterate": "self action parameters max_records ...",
    "hooks.pipedrive.PipedriveHook.request": "self method path params json",
    "hooks.pipedrive.PipedriveHook.options": "self source ...",
    "hooks.pipedrive.PipedriveHook.test_connection": "self",
    "client.PipedriveClient": "settings ...",
    "client.PipedriveClient.run": "self action parameters ...",
    "client.PipedriveClient.iterate": "self action parameters max_records ...",
    "client.PipedriveClient.request": "self method path params json ...",
    "client.settings_from": "host port login password extra",
    "extraction.extract": "client path job ...",
    "extraction.ExtractionJob": """entities mode since until format escape_formulas columns rename partition parameters
        versions deletes sweep allow_shrink lookback concurrency max_tokens keep_previous part_mb latest exclude
        hash""",
    "extraction.estimate": "client job ...",
    "extraction.Watermarks": "path scope ...",
    "bulk.write": "client rows job folder",
    "bulk.undo": "client folder",
    "bulk.BulkJob": """entity mode match_on mapping max_rejects on_ambiguous missing_options create_related
        only_if_empty empty diff dry_run max_tokens max_writes max_deletes within on_remove timezone concurrency""",
    "bulk.find_duplicates": "client entity rules",
    "bulk.merge": "client groups job folder",
    "bulk.MergeJob": "entity survivor fields max_merges dry_run max_tokens",
    "catalog.get_action": "key",
    "operators.pipedrive.PipedriveOperator": """action parameters pipedrive_conn_id save_to max_records
        xcom_max_records xcom_max_bytes **kwargs""",
    "operators.bulk.PipedriveBulkOperator": f"rows {OF_BULK}",
    "operators.merge.PipedriveMergeOperator": """groups entity survivor fields max_merges max_tokens dry_run approval
        folder pipedrive_conn_id deferrable **kwargs""",
    "operators.drift.PipedriveDriftOperator": "path hold pipedrive_conn_id **kwargs",
    "operators.approval.Approval": "timeout users on_refusal on_timeout",
    "operators.approval.PipedriveApprovalOperator": "subject plan text timeout users on_refusal on_timeout **kwargs",
    "operators.choices.PipedriveChoiceOperator": """subject text multiple default timeout users record **kwargs""",
    "operators.choices.PipedriveRefreshChoicesOperator": "name **kwargs",
    "operators.choices.choice_param": "name title multiple",
    "operators.conversions.PipedriveConvertLeadOperator": "lead_id stage_id pipeline_id **kwargs",
    "operators.conversions.PipedriveConvertDealOperator": "deal_id **kwargs",
    "transfers.SqlToPipedriveOperator": "sql sql_conn_id sql_parameters **kwargs",
    "transfers.ObjectStorageToPipedriveOperator": "path format **kwargs",
    "transfers.PipedriveToObjectStorageOperator": """path mode format escape_formulas columns partition
        deletes keep_previous part_mb latest **kwargs""",
    "transfers.PipedriveToWarehouseOperator": """destination destination_conn_id dataset mode lists staging
        keep_staging untried table_format compact views **kwargs""",
    "transfers.extraction_operator.ExtractionOperator": """entities mode since until rename parameters versions sweep
        allow_shrink lookback concurrency max_tokens exclude hash pipedrive_conn_id deferrable **kwargs""",
    "transfers.PipedriveFileToObjectStorageOperator": f"""path file_id {OF_FILES} project_id since until after_id names
        max_bytes inline_images mail_attachments pipedrive_conn_id **kwargs""",
    "transfers.ObjectStorageToPipedriveFileOperator": f"""path name {OF_FILES} project_id max_bytes pipedrive_conn_id
        **kwargs""",
    "sensors.pipedrive.PipedriveDealStageSensor": """deal_id to_stage from_stage pipeline moves status require
        deal_owner filter_id since passed_through **kwargs""",
    "sensors.pipedrive.PipedriveNewFileSensor": f"""{OF_FILES} names types min_size max_size uploader inline_images
        mail_attachments after_id since max_files **kwargs""",
    "sensors.pipedrive.PipedriveRecordSensor": "action parameters success failure **kwargs",
    "notifications.pipedrive.PipedriveNotifier": """deal_id person_id org_id lead_id note activity pipedrive_conn_id
        context""",
    "assets.asset_uri": "company entity",
    "assets.create_asset": "company entity extra",
    "assets.changes_of": "batch",
    "assets.pipedrive_changes": "asset kinds fields pipedrive_conn_id since lookback ignore_own **kwargs",
    "sandbox.Sandbox.reset": "self",
    "sandbox.Sandbox.fault": "self path kind ...",
    "sandbox.Sandbox.plan": "self do ...",
}
ON_AIRFLOW_3 = {
    "assets.watched_asset": "company entity changes **trigger",
    "triggers.pipedrive.PipedriveChangeEventTrigger": """entity changes fields pipedrive_conn_id interval lookback
        ignore_own""",
}
NAMES = """
    hooks.pipedrive.PipedriveHook.usage hooks.pipedrive.PipedriveHook.client
    client.PipedriveClient.__enter__ client.PipedriveClient.__exit__ client.ApiToken client.OAuth
    client.Settings catalog.ACTIONS assets.Change assets.PipedriveChangesOperator sandbox.Sandbox.url
    sandbox.Sandbox.api_token triggers.pipedrive.PipedriveDealStageTrigger
    triggers.pipedrive.PipedriveNewFileTrigger triggers.pipedrive.PipedriveRecordTrigger errors.PipedriveError
    errors.PipedriveParameterError errors.PipedriveValidationError errors.PipedriveAuthError
    errors.PipedrivePermissionError errors.PipedrivePaymentRequiredError errors.PipedriveNotFoundError
    errors.PipedriveGoneError errors.PipedriveEndpointRemovedError errors.PipedriveBurstLimitError
    errors.PipedriveDailyBudgetError errors.PipedriveBlockedError errors.PipedriveTokenCapError
    errors.PipedriveRejectedRowsError errors.PipedriveServerError errors.PipedriveConnectionError
    errors.PipedriveResponseError errors.PipedriveWarehouseError
    errors.PipedriveStorageError
"""
EXTRAS = """
    refresh_token access_token api_token oauth_host redirect_uri timeout max_attempts burst_limit
    daily_token_budget reserved_share dag_shares verify proxies hash_key webhook_url webhook_user webhook_password
"""

EXTRACTION_RECEIPT = "run mode format columns account entities rows requests tokens seconds started_at watermarks"
ENTITY_RECEIPT = """rows strategy completeness window watermark nulled_values set_aside parts bytes tombstones
    manifest pages tokens drift"""
BULK_RECEIPT = "created updated unchanged deleted rejected requests tokens seconds dry_run rejects diff results"
UNDO_RECEIPT = "restored kept impossible details"


def named(name: str) -> Any:
    """What ``name`` means in this package: the longest module in it, then attributes."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = import_module(".".join([PACKAGE, *parts[:length]]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = getattr(found, attribute)
        return found
    raise AssertionError(f"{PACKAGE} has no {name}")


def is_on_airflow_3() -> bool:
    return not import_module("airflow").__version__.startswith("2.")


@pytest.mark.parametrize("name", CALLABLES)
def test_a_public_name_takes_the_arguments_that_users_give_it(name: str) -> None:
    assert_arguments(name, CALLABLES[name].split())


@pytest.mark.skipif(not is_on_airflow_3(), reason="Airflow 2 has no asset watchers")
@pytest.mark.parametrize("name", ON_AIRFLOW_3)
def test_so_does_what_only_airflow_3_has(name: str) -> None:
    assert_arguments(name, ON_AIRFLOW_3[name].split())


def assert_arguments(name: str, frozen: list[str]) -> None:
    found = [
        f"**{parameter.name}" if parameter.kind is parameter.VAR_KEYWORD else parameter.name
        for parameter in inspect.signature(named(name)).parameters.values()
    ]
    if frozen[-1] == "...":
        frozen = frozen[:-1]
        found = found[: len(frozen)]
    assert found == frozen


@pytest.mark.parametrize("name", NAMES.split())
def test_a_public_name_is_where_users_import_it_from(name: str) -> None:
    assert named(name) is not None


def test_a_sandbox_takes_what_its_tests_give_it() -> None:
    with Sandbox(deals=1, seed=7, api_token=API_TOKEN, daily_budget=1000) as sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")


def test_the_connection_has_the_fields_that_people_have_filled_in() -> None:
    assert list(CONN_FIELDS) == EXTRAS.split()


def test_receipts_have_the_keys_that_dags_read(sandbox: Sandbox, tmp_path: Path) -> None:
    settings = settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    with PipedriveClient(settings) as client:
        extracted = extract(client, tmp_path / "crm", ExtractionJob(["deals"]))
        written = write(client, [{"name": "Ann"}], BulkJob("persons", mode="create"), folder=tmp_path / "bulk")
        undone = undo(client, tmp_path / "bulk")
    assert client.usage.requests > 0
    assert list(extracted) == EXTRACTION_RECEIPT.split()
    assert list(extracted["entities"]["deals"]) == ENTITY_RECEIPT.split()
    assert set(BULK_RECEIPT.split()) <= set(written)
    assert set(UNDO_RECEIPT.split()) <= set(undone)
