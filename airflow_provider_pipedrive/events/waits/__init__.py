"""Waiting for something to happen in Pipedrive, without Airflow.

``specs`` says what all that can be waited for has in common. ``records``, ``moves`` and ``files`` are the kinds, each
with what it reads and how it judges; ``movement`` and ``conditions`` are the two languages that a wait is described in;
``naming`` looks names up; ``checking`` puts it together. Nothing here waits: sensors and triggers call
:func:`.checking.check_waits`, as often as they need.
"""
