"""Apache Airflow provider for the Pipedrive CRM."""

__version__ = "0.1.0"
