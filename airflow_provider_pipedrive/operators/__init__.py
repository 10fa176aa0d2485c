"""Pipedrive's actions as Airflow tasks."""
