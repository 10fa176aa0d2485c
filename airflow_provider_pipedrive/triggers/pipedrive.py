"""The sensors' triggers, which a sensor makes, and on Airflow 3 the trigger of asset watchers."""

from __future__ import annotations

import airflow.triggers.base

from airflow_provider_pipedrive.triggers.waiting import WaitTrigger

if hasattr(airflow.triggers.base, "BaseEventTrigger"):  # Airflow 2.11 has no asset watchers
    from airflow_provider_pipedrive.triggers.changes import PipedriveChangeEventTrigger as PipedriveChangeEventTrigger


class PipedriveDealStageTrigger(WaitTrigger):
    """The deferrable half of ``PipedriveDealStageSensor``."""


class PipedriveNewFileTrigger(WaitTrigger):
    """The deferrable half of ``PipedriveNewFileSensor``."""


class PipedriveRecordTrigger(WaitTrigger):
    """The deferrable half of ``PipedriveRecordSensor``."""
