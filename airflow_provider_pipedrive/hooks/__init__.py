"""Airflow connections become Pipedrive clients."""
