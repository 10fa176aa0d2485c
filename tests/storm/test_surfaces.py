"""Nothing is forgotten: each operator, sensor, trigger and notifier is in the storm, or why it is not is said here."""

from __future__ import annotations

import importlib
import re

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.get_provider_info import get_provider_info
from tests.storm.surfaces import SURFACES

PACKAGE = "airflow_provider_pipedrive"
NOT_IN_THE_STORM = {
    "PipedriveApprovalOperator": "sends nothing to Pipedrive",
    "PipedriveBudgetTrigger": "waits for a time, and sends nothing to Pipedrive",
    "PipedriveToWarehouseOperator": "a load takes seconds: tests/transfers/test_warehouse.py has its faults",
}
HALVES = {
    "PipedriveDealStageTrigger": "`PipedriveDealStageSensor`, deferred",
    "PipedriveNewFileTrigger": "`PipedriveNewFileSensor`, deferred",
    "PipedriveRecordTrigger": "`PipedriveRecordSensor`, deferred",
    "PipedriveConversionTrigger": "`PipedriveConvertDealOperator`, with its trigger",
}
"""Triggers that a task has made: the call in the storm that they belong to."""


def declared() -> set[str]:
    """The operators, transfers, sensors, triggers and notifiers in the modules that the provider's metadata names."""
    info = get_provider_info()
    modules = [transfer["python-module"] for transfer in info["transfers"]]
    modules += [notifier.rpartition(".")[0] for notifier in info["notifications"]]
    for kind in ("operators", "sensors", "triggers"):
        modules += [name for integration in info[kind] for name in integration["python-modules"]]
    return {
        name
        for module in modules
        for name, value in vars(importlib.import_module(module)).items()
        if re.fullmatch(r"(\w+To)?Pipedrive\w*(Operator|Sensor|Trigger|Notifier)", name)
        and value.__module__.startswith(f"{PACKAGE}.{module.split('.')[1]}.")
    }


def test_every_operator_transfer_sensor_trigger_and_notifier_is_in_the_storm() -> None:
    calls = {surface.does for surface in SURFACES}
    in_storm = {name for does in calls for name in re.findall(r"`(\w+)`", does)}
    in_storm |= {trigger for trigger, does in HALVES.items() if does in calls}
    without = set(NOT_IN_THE_STORM) | (set() if AIRFLOW_V_3_1_PLUS else {"PipedriveChoiceOperator"})
    assert declared() - in_storm == without
