"""``airflow pipedrive ...``, and the same as ``python -m airflow_provider_pipedrive ...``."""
