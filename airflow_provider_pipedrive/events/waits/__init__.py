"""Waiting for something to happen in Pipedrive, without Airflow.

``watches`` says what can be waited for and judges what a look has shown; ``movement`` and ``conditions`` are the two
languages that a wait is told in; ``naming`` looks names up; ``checking`` reads what many waits need, in as few requests
as it takes. Nothing here waits: who calls :func:`.checking.check_waits`, and how often, is the business of sensors and
triggers.
"""
