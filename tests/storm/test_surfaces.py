"""No operator or sensor is forgotten: each that Airflow is told of is in the storm, or why it is not is said here."""

from __future__ import annotations

import importlib
import re

from airflow.providers.common.compat.version_compat import AIRFLOW_V_3_1_PLUS

from airflow_provider_pipedrive.get_provider_info import get_provider_info
from tests.storm.surfaces import SURFACES

NOT_IN_THE_STORM = {
    "PipedriveApprovalOperator": "sends nothing to Pipedrive",
    "PipedriveToWarehouseOperator": "a load takes seconds: tests/transfers/test_warehouse.py has its faults",
}


def declared() -> set[str]:
    """The operators, transfers and sensors in the modules that the provider's metadata names."""
    info = get_provider_info()
    modules = [transfer["python-module"] for transfer in info["transfers"]]
    for kind in ("operators", "sensors"):
        modules += [name for integration in info[kind] for name in integration["python-modules"]]
    return {
        name
        for module in modules
        for name, value in vars(importlib.import_module(module)).items()
        if re.fullmatch(r"(\w+To)?Pipedrive\w*(Operator|Sensor)", name) and value.__module__ == module
    }


def test_every_operator_transfer_and_sensor_is_in_the_storm() -> None:
    in_storm = {name for surface in SURFACES for name in re.findall(r"`(\w+)`", surface.does)}
    without = set(NOT_IN_THE_STORM) | (set() if AIRFLOW_V_3_1_PLUS else {"PipedriveChoiceOperator"})
    assert declared() - in_storm == without
