"""The commands and their arguments, declared once.

Airflow 3.2 and later read them by the ``cli`` key of the provider's metadata, at the start of every ``airflow``
command: so nothing is imported here but what Airflow has loaded by then. Older Airflows know no commands of providers;
:mod:`airflow_provider_pipedrive.__main__` offers the same tree there.
"""

from __future__ import annotations

import sys
from typing import Any

from airflow.cli.cli_config import ActionCommand, Arg, GroupCommand, lazy_load_command

DEFAULT_REDIRECT_URI = "http://localhost:8910/callback"
"""The callback URL to register with the app, unless another one is given or configured."""
DEFAULT_CONN_ID = "pipedrive_default"
SECRET_VARIABLE = "PIPEDRIVE_CLIENT_SECRET"  # nosec B105 # a variable's name


def _arg(*flags: str, **options: Any) -> Arg:
    return Arg(flags, **options)  # type: ignore[no-untyped-call]


def _names(text: str) -> list[str]:
    """What one argument lists, separated by commas: ``deals, persons``."""
    return [name.strip() for name in text.split(",") if name.strip()]


_CONN_ID_HELP = f"the Airflow connection (default: {DEFAULT_CONN_ID})"
_CONN_ID = _arg("conn_id", nargs="?", default=DEFAULT_CONN_ID, help=_CONN_ID_HELP)
_CONN_ID_OPTION = _arg("--conn-id", default=DEFAULT_CONN_ID, help=_CONN_ID_HELP)
_PRINT = _arg("--print", dest="print_as", choices=("json", "uri"), help="print the connection, secrets included")
_DAGS = _arg("--dags", metavar="FOLDER", type=str, help="the actions of the DAGs in a folder or file: read, not run")

_CONNECT = ActionCommand(
    name="connect",
    help="Connect a Pipedrive account by OAuth",
    description="Connect a Pipedrive account: opens Pipedrive's consent page, receives its answer on this machine, and "
    "saves or prints the connection. Asks for what is not given.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.connect.connect"),
    args=(
        _arg("--client-id", help="the app's client id (Developer Hub > OAuth & access scopes)"),
        _arg(
            "--client-secret-file",
            metavar="FILE",
            help=f"file with the app's client secret; else {SECRET_VARIABLE} of the environment, else it is asked for",
        ),
        _arg(
            "--redirect-uri",
            help="exactly the callback URL that is registered with the app (default: that of the connection to be "
            f"saved, else [pipedrive] redirect_uri of Airflow's configuration, else {DEFAULT_REDIRECT_URI})",
        ),
        _arg(
            "--no-browser",
            action="store_true",
            help="open nothing and listen to nothing: the address the browser was sent to is pasted",
        ),
        _arg("--save", metavar="CONN_ID", help="save as this connection in Airflow's metadata database"),
        _PRINT,
        _arg("--yes", "-y", action="store_true", help="save without asking whether it is the right account"),
        _arg("--host", help="the API's host, to be stored too; needed for a local sandbox only"),
        _arg("--oauth-host", help="where tokens are issued (default: https://oauth.pipedrive.com)"),
    ),
)
_CHECK = ActionCommand(
    name="check",
    help="Whether a connection works, whose it is and what it may do",
    description="Ask Pipedrive who a connection belongs to (2 API tokens). An OAuth connection is renewed on the way, "
    "which tells its scopes. Exit code 1: it does not work, or lacks a scope for the given actions.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.accounts.check"),
    args=(
        _CONN_ID,
        _arg(
            "--actions",
            metavar="KEYS",
            type=_names,
            default=[],
            help="keys, separated by commas: which scopes are missing for them",
        ),
        _DAGS,
        _PRINT,
    ),
)
_REFRESH = ActionCommand(
    name="refresh",
    help="Renew an OAuth connection's tokens now",
    description="Renew an OAuth connection's tokens: its 60 idle days begin again.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.accounts.refresh"),
    args=(_CONN_ID, _PRINT),
)
_REVOKE = ActionCommand(
    name="revoke",
    help="Give an OAuth connection's authorization back",
    description="Revoke an OAuth connection's refresh token: Pipedrive uninstalls the app for its user.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.accounts.revoke"),
    args=(_CONN_ID, _arg("--yes", "-y", action="store_true", help="don't ask")),
)
_SCOPES = ActionCommand(
    name="scopes",
    help="The least scopes for actions or DAGs",
    description="The least scopes that an OAuth app needs, to be ticked in the Developer Hub.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.catalog.scopes"),
    args=(_arg("actions", nargs="*", metavar="ACTION", help="keys of actions, such as getDeals"), _DAGS),
)
_ACTIONS = ActionCommand(
    name="actions",
    help="Search Pipedrive's actions, or show what one takes",
    description="Show an action, given its key: parameters, scopes, cost. Else list the actions whose key, summary or "
    "path has all of these words.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.catalog.actions"),
    args=(_arg("text", nargs="*", metavar="TEXT", help="words to look for (default: all actions)"),),
)
_PLAN = ActionCommand(
    name="plan",
    help="What an extraction costs, before it runs",
    description="Pages, API tokens and minutes of an extraction, going by one request for each entity.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.extraction.plan"),
    args=(
        _CONN_ID,
        _arg("--entities", required=True, metavar="NAMES", type=_names, help="separated by commas: deals,persons"),
        _arg("--since", metavar="TIME", help="price a window that begins then, not whole lists"),
        _arg("--until", metavar="TIME", help="the window's end (default: now)"),
        _arg(
            "--columns",
            choices=("readable", "raw"),
            default="readable",
            help="readable columns, or records as they come",
        ),
    ),
)
_MARKS = ActionCommand(
    name="watermarks",
    help="How far an extraction has come; set it back",
    description="Show the watermarks in an extraction's folder and the windows of the latest runs, or set a watermark "
    "back: the next new run reads from there. Runs that are repeated keep their windows.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.extraction.watermarks"),
    args=(
        _arg("path", help="the extraction's folder, local or in object storage"),
        _arg("--entity", help="whose watermark to change"),
        _arg("--set", metavar="TIME", help="where the next run begins"),
        _arg("--forget", action="store_true", help="remove the watermark: the next run reads everything"),
    ),
)
_FILES = ActionCommand(
    name="files",
    help="List the files of an extraction that count",
    description="List the files that the manifests in an extraction's folder name, a path a line: those that are to be "
    "read. A pattern such as *.parquet would also find files of runs before and of runs that have not ended.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.extraction.files"),
    args=(
        _arg("path", help="the extraction's folder or an entity's in it, local or in object storage"),
        _arg("--tombstones", action="store_true", help="the files of deleted records instead"),
    ),
)
_UNDO = ActionCommand(
    name="undo",
    help="Take back what a bulk run has written",
    description="Bring back, field by field, what a bulk run has changed and nobody has edited since; delete what it "
    "made, if nothing hangs on it.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.bulk.undo"),
    args=(
        _arg("folder", help="the run's folder, which has its journal"),
        _CONN_ID_OPTION,
    ),
)
_WEBHOOKS = ActionCommand(
    name="webhooks",
    help="Make, list or remove the webhooks that lead to Airflow",
    description="Keep Pipedrive's webhooks as they should be (ensure), show them (list), or delete those that lead to "
    "this connection's webhook_url (remove). An OAuth app needs the scope admin.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.webhooks.webhooks"),
    args=(
        _arg("doing", choices=("ensure", "list", "remove"), metavar="ensure|list|remove", help="what to do"),
        _arg("objects", nargs="*", metavar="OBJECT", help="for ensure: deals, persons, ...; '*': everything"),
        _arg(
            "--actions",
            metavar="NAMES",
            type=_names,
            default=["*"],
            help="for ensure: of create,change,delete (default: all)",
        ),
        _arg("--user-id", type=int, help="for ensure: whose visibility decides what is sent (default: the own)"),
        _CONN_ID_OPTION,
    ),
)


_SUBJECT = ActionCommand(
    name="subject",
    help="What Pipedrive has of a person: show, export or erase it",
    description="Find a person by an e-mail address, with leads, deals, activities, notes, files and mail. Without "
    "an option nothing is changed.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.subjects.subject"),
    args=(
        _arg("email", help="the person's e-mail address"),
        _arg("--export", metavar="FOLDER", help="write all of it, files included, into a new folder"),
        _arg("--erase", action="store_true", help="delete all of it that the API can delete, after a question"),
        _arg(
            "--keep",
            metavar="KINDS",
            type=_names,
            default=[],
            help="for erase: what stays, separated by commas: deals,activities",
        ),
        _arg("--journal", metavar="FILE", help="for erase: where it is noted what became of each record"),
        _arg("--yes", "-y", action="store_true", help="for erase: don't ask"),
        _CONN_ID_OPTION,
    ),
)
_SPEND = ActionCommand(
    name="spend",
    help="What was spent of the accounts' daily API tokens, and by whom",
    description="Show the API tokens that this Airflow has spent of each account, by day, and by DAG, task and kind of "
    "operation. The numbers are approximate: other tools spend the same tokens, and are not seen.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.spending.spend"),
    args=(
        _arg("--conn-id", help="only the account of this Airflow connection (default: all)"),
        _arg("--days", type=int, default=7, help="how many UTC days, today included (default: 7, at most 31)"),
        _arg("--json", action="store_true", help="all of it as JSON"),
    ),
)
_DOCS = ActionCommand(
    name="docs",
    help="The manual: which pages there are, and where; or one of them",
    description="List the pages of the manual that was installed with the package, and say where they are. With a "
    "page's name, show it: with a pager in a terminal, as Markdown in a pipe.",
    func=lazy_load_command("airflow_provider_pipedrive.cli.docs.docs"),
    args=(_arg("page", nargs="?", metavar="PAGE", help="the name of a page, such as writing"),),
)


def get_commands() -> list[GroupCommand]:
    """The ``pipedrive`` group, for Airflow's command line."""
    if sys.argv[1:2] == ["connections"]:
        # What `airflow connections add` and `import` store is typed by whoever runs them.
        from airflow_provider_pipedrive.accounts.approvals import watch_connections

        watch_connections()
    return [
        GroupCommand(
            name="pipedrive",
            help="Connect Pipedrive accounts, look up actions, price extractions",
            subcommands=(
                _CONNECT,
                _CHECK,
                _REFRESH,
                _REVOKE,
                _WEBHOOKS,
                _SCOPES,
                _ACTIONS,
                _PLAN,
                _MARKS,
                _FILES,
                _UNDO,
                _SUBJECT,
                _SPEND,
                _DOCS,
            ),
        )
    ]
