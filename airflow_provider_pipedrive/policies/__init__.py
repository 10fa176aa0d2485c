"""What Airflow asks when a task has failed: whether to try again, and when."""
