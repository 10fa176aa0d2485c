"""What has become of tasks and DAG runs, said in Pipedrive."""
