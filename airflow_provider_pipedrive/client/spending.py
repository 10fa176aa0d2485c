"""Who spends a client's API tokens, and how they get into the ledger."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from airflow_provider_pipedrive.client.budget import Budget, left_to_others
from airflow_provider_pipedrive.client.ledger import Ledger, OtherMachines, ledger_of
from airflow_provider_pipedrive.client.prepared import PreparedRequest
from airflow_provider_pipedrive.client.responses import Operation
from airflow_provider_pipedrive.client.settings import Settings


@dataclass(frozen=True)
class Spender:
    """Who spends a client's API tokens.

    :param connection: id of the connection
    :param dag: id of the DAG; empty outside of DAGs
    :param task: id of the task; outside of tasks, which part it is
    :param machines: how other machines are told; ``None``: they are not
    """

    connection: str = ""
    dag: str = ""
    task: str = ""
    machines: OtherMachines | None = None

    def row(self, operation: Operation) -> str:
        """The line of the ledger that an operation is counted in."""
        names = (quote(name, safe=" ") for name in (self.connection, self.dag, self.task, family(operation)))
        return "/".join(names)


def family(operation: Operation) -> str:
    """What an operation does, in two words: ``read deals``."""
    parts = operation.path.removeprefix("/api").split("/")
    what = "search" if operation.search else "read" if operation.is_read else "write"
    return f"{what} {parts[2] if len(parts) > 2 else ''}".strip()


class Spending:
    """A client's way to the ledger of its account."""

    def __init__(self, settings: Settings, spender: Spender) -> None:
        self._credential = settings.identity
        self._spender = spender
        others = left_to_others(settings.reserved_share, settings.dag_shares, spender.dag)
        self._budget = Budget(settings.daily_token_budget, others)

    def spend(self, request: PreparedRequest, now: float) -> None:
        """Count a signed request that is about to be sent, and leave word for other machines, if it is time.

        :param now: seconds since the epoch
        :raises PipedriveDailyBudgetError: the budget does not allow it
        """
        operation, ledger = request.operation, self._ledger(request)
        if self._spender.machines is not None:
            ledger.exchange(self._spender.machines, now)
        ledger.spend(self._spender.row(operation), request.cost, now, self._budget, operation.key)

    def learn(self, request: PreparedRequest, headers: Mapping[str, str], now: float) -> None:
        """Take over what an answer says of the company's day."""
        self._ledger(request).learn(headers, now)

    def _ledger(self, request: PreparedRequest) -> Ledger:
        return ledger_of("/".join(request.target.split("/", 3)[:3]), self._credential)
