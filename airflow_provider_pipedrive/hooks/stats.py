"""What the package counts, in Airflow's own metrics: StatsD, Datadog or OpenTelemetry, as Airflow is configured.
https://airflow.apache.org/docs/apache-airflow/stable/administration-and-deployment/logging-monitoring/metrics.html"""

from __future__ import annotations

from typing import Final

from airflow.providers.common.compat.sdk import Stats

PREFIX = "pipedrive"


class StatsMetrics:
    """Counts of one connection.

    :param conn_id: the connection's id, which tells it from others where the backend knows tags
    """

    def __init__(self, conn_id: str) -> None:
        self._tags = {"conn_id": conn_id}

    def count(self, name: str, number: float = 1) -> None:
        """Add to the counter ``pipedrive.<name>``."""
        # Airflow annotates whole numbers, and its backends take seconds and their parts, too.
        Stats.incr(f"{PREFIX}.{name}", number, tags=self._tags)  # type: ignore[arg-type]


DELIVERIES: Final = {
    "deliveries_taken": "deliveries of webhooks that were stored, or report nothing that can be watched",
    "deliveries_refused": "deliveries with a wrong secret, or that are none of Pipedrive's: it counts them as failed",
    "deliveries_dropped": "deliveries that could not be stored in time: Pipedrive repeats them",
}
"""What the web server counts, and what it means."""


def count_delivery(status: int) -> None:
    """Count a delivery of a webhook.

    :param status: of the answer to it
    """
    outcome = "taken" if status < 400 else "refused" if status < 500 else "dropped"
    Stats.incr(f"{PREFIX}.deliveries_{outcome}")
