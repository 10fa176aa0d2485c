"""``airflow pipedrive webhooks``: what Pipedrive sends to Airflow's receiver."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager

from airflow_provider_pipedrive.accounts.companies import learn_company
from airflow_provider_pipedrive.accounts.status import now, stamp
from airflow_provider_pipedrive.catalog.advice import counted
from airflow_provider_pipedrive.cli import connections
from airflow_provider_pipedrive.cli.terminal import command, put, say, usage_error
from airflow_provider_pipedrive.client.client import PipedriveClient
from airflow_provider_pipedrive.events import webhook_registration
from airflow_provider_pipedrive.events.webhook_registration import WebhookAddress
from airflow_provider_pipedrive.hooks.client_factory import client_of


@command
def webhooks(options: Namespace) -> None:
    """Make, show or remove webhooks."""
    if options.doing != "ensure" and options.objects:
        raise usage_error(f"{options.doing} takes no objects: it is about all webhooks.")
    if options.doing == "ensure":
        _ensure(options)
    elif options.doing == "list":
        _list(options)
    else:
        _remove(options)


def _ensure(options: Namespace) -> None:
    wanted = webhook_registration.wanted_webhooks(options.objects, options.actions)
    with _connected(options.conn_id) as (client, address):
        _learn(client, options.conn_id)
        receipt = webhook_registration.ensure(client, address, wanted, options.user_id)
    for notice in receipt["notices"]:
        say(f"Notice: {notice}")
    for one in receipt["created"]:
        say(f"Made: {one}.")
    for one in receipt["removed"]:
        say(f"Removed: {one}.")
    say(f"Webhooks: {receipt['kept']} kept, {len(receipt['created'])} made, {len(receipt['removed'])} removed.")


def _list(options: Namespace) -> None:
    with _connected(options.conn_id) as (client, address):
        rows = webhook_registration.described(client, address)
    for row in rows:
        whose = "Airflow's" if row["ours"] else "another's"
        told = f"{row['event_object']} {row['event_action']}"
        put(f"{row['id']}\t{told}\t{whose}\tversion {row['version']}\t{row['state']}")
    say(f"{counted(len(rows), 'webhook')}.")


def _remove(options: Namespace) -> None:
    with _connected(options.conn_id) as (client, address):
        count = webhook_registration.remove(client, address)
    say(f"{counted(count, 'webhook')} removed.")


def _learn(client: PipedriveClient, conn_id: str) -> None:
    """Keep whose the connection is, for the receiver."""
    from airflow.models import Variable
    from sqlalchemy.exc import SQLAlchemyError

    try:
        learn_company(client, connections.find(conn_id).connection, Variable, stamp(now()))
    except (SQLAlchemyError, RuntimeError) as error:
        say(
            f"Notice: Airflow's metadata database cannot be used from here ({type(error).__name__}), so the receiver "
            "has not learned which company its deliveries are to be of. Press Test on the Pipedrive page."
        )


@contextmanager
def _connected(conn_id: str) -> Iterator[tuple[PipedriveClient, WebhookAddress]]:
    connection = connections.find(conn_id).connection
    address = WebhookAddress.of(connection.extra_dejson)
    with client_of(connection) as client:
        yield client, address
