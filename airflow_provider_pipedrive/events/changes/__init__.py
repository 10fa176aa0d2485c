"""Changes of records, wherever they become known: by asking Pipedrive, or by its webhooks. Without Airflow.

``model`` says what a change is and when two reports are of the same one; ``watch`` what somebody wants to know of;
``reading`` finds changes in Pipedrive's lists.
"""
