"""``scopes`` and ``actions``, and the commands as Airflow sees them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from airflow.cli.cli_config import ActionCommand

from airflow_provider_pipedrive.catalog import ACTIONS
from airflow_provider_pipedrive.cli.definition import get_commands
from tests.cli.conftest import Terminal

DAG = """
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
PipedriveOperator(task_id="a", action="addDeal", parameters={"title": "A"})
"""


def test_the_scopes_for_actions_stand_alone_on_standard_output(terminal: Terminal):
    assert terminal.run("scopes", "getDeals", "addPerson") == 0
    assert terminal.out == "base\ncontacts:full\ndeals:read\n"
    assert "Developer Hub" in terminal.err


def test_the_scopes_for_a_folder_of_dags(terminal: Terminal, tmp_path: Path):
    (tmp_path / "team").mkdir()
    (tmp_path / "team" / "dag.py").write_text(DAG)
    (tmp_path / "notes.txt").write_text("not Python")
    assert terminal.run("scopes", "--dags", str(tmp_path)) == 0
    assert terminal.out == "base\ndeals:full\n"
    assert "1 file read, 1 action found: addDeal." in terminal.err


def test_dags_are_read_and_not_run(terminal: Terminal, tmp_path: Path):
    (tmp_path / "dag.py").write_text(DAG + "\nraise SystemExit('run')\n")
    assert terminal.run("scopes", "--dags", str(tmp_path)) == 0


def test_actions_that_are_only_known_at_run_time_are_noted(terminal: Terminal, tmp_path: Path):
    (tmp_path / "dag.py").write_text(DAG + '\nPipedriveOperator(task_id="b", action=KEYS[0])\n')
    assert terminal.run("scopes", "--dags", str(tmp_path)) == 0
    assert "Note: dag.py:5: the action is only known when it runs: KEYS[0]" in terminal.err


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (DAG.replace("addDeal", "addDeel"), "dag.py:3: Pipedrive has no action 'addDeel'. Did you mean addDeal"),
        ("def (:", "dag.py: it cannot be read (SyntaxError)"),
        ("x = '\0'", "dag.py: it cannot be read"),
    ],
)
def test_scopes_are_not_told_where_a_file_leaves_doubts(text: str, says: str, terminal: Terminal, tmp_path: Path):
    (tmp_path / "dag.py").write_text(text)
    assert terminal.run("scopes", "--dags", str(tmp_path)) == 1
    assert says in terminal.err
    assert terminal.out == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "Give keys of actions, or --dags"),
        (["getDeels"], "Did you mean getDeals"),
        (["--dags", "/nowhere"], "there is no folder or file /nowhere"),
    ],
)
def test_wrong_arguments_give_exit_code_2(arguments: list[str], says: str, terminal: Terminal):
    assert terminal.run("scopes", *arguments) == 2
    assert says in terminal.err


def test_removed_actions_and_raw_requests_are_noted(terminal: Terminal):
    assert terminal.run("scopes", "getSubscription", "rawRequest") == 0
    assert "getSubscription was removed by Pipedrive" in terminal.err
    assert "the scopes for rawRequest depend on what it asks for" in terminal.err
    assert terminal.out == "base\n"


def test_actions_are_found_by_all_words_of_key_summary_or_path(terminal: Terminal):
    assert terminal.run("actions", "deal", "FOLLOWER") == 0
    heading, *rows = terminal.out.splitlines()
    assert heading.split() == ["ACTION", "REQUEST", "TOKENS"]
    assert ["addDealFollower", "POST", "/api/v2/deals/{id}/followers", "5"] in [row.split() for row in rows]
    assert all("deal" in row.lower() and "follower" in row.lower() for row in rows)


def test_without_words_all_actions_are_listed_with_their_lifecycle(terminal: Terminal):
    assert terminal.run("actions") == 0
    rows = [row.split() for row in terminal.out.splitlines()[1:]]
    assert [row[0] for row in rows] == list(ACTIONS)
    assert {row[-1] for row in rows if not row[-1].isdigit()} == {"beta", "deprecated", "removed"}


def test_a_search_without_result_names_near_keys(terminal: Terminal):
    assert terminal.run("actions", "getDeels") == 1
    assert "No action has 'getDeels' in its key, summary or path. Did you mean 'getDeals' or " in terminal.err


def test_an_action_is_shown_with_what_it_takes_and_costs(terminal: Terminal):
    assert terminal.run("actions", "addproduct") == 0
    assert terminal.out.splitlines()[:8] == [
        "addProduct: Add a product",
        "Request: POST /api/v2/products",
        "Costs: 5 API tokens a request",
        "Scopes of an OAuth app: products:full",
        "Custom fields: in custom_fields, an object",
        "",
        "PARAMETER (* required)    IN    TYPE",
        "name*                     body  string",
    ]
    assert (
        "prices                    body  list of object with currency, price, cost, direct_cost, notes" in terminal.out
    )


@pytest.mark.parametrize("key", ACTIONS)
def test_every_action_is_shown(key: str, terminal: Terminal):
    assert terminal.run("actions", key) == 0
    assert terminal.out.startswith(f"{key}: ")
    for parameter in ACTIONS[key].parameters:
        assert parameter.name in terminal.out


def test_what_became_of_a_removed_action_and_which_record_survives_a_merge_is_shown(terminal: Terminal):
    terminal.run("actions", "getSubscription")
    assert "was removed by Pipedrive on" in terminal.out
    terminal.run("actions", "mergeDeals")
    assert "merge_with_id survives, id is removed" in terminal.out


def test_a_reader_that_stops_early_is_no_error():
    command = [sys.executable, "-m", "airflow_provider_pipedrive", "actions"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as program:
        program.stdout.close()
        _, errors = program.communicate(timeout=120)
    assert (program.returncode, errors) == (0, b"")


def test_airflow_gets_one_group_with_all_commands():
    (group,) = get_commands()
    assert group.name == "pipedrive"
    assert [command.name for command in group.subcommands] == [
        "connect",
        "check",
        "refresh",
        "revoke",
        "webhooks",
        "scopes",
        "actions",
        "plan",
        "watermarks",
        "files",
        "undo",
        "subject",
        "spend",
        "docs",
    ]
    assert all(isinstance(command, ActionCommand) and command.help for command in group.subcommands)


def test_declaring_the_commands_imports_nothing_of_ours_but_the_declaration():
    code = (
        "import sys, airflow.cli.cli_config; before = set(sys.modules);"
        "from airflow_provider_pipedrive.cli.definition import get_commands; get_commands();"
        "print(*sorted(set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120)
    ours = {"airflow_provider_pipedrive.cli", "airflow_provider_pipedrive.cli.definition"}
    # The package itself may be there already: Airflow asks it for its metadata.
    assert set(done.stdout.splitlines()[-1].split()) - {"airflow_provider_pipedrive"} == ours


@pytest.mark.parametrize("arguments", [["--help"], ["connect", "--help"], ["check", "--help"], ["scopes", "--help"]])
def test_help_is_there(arguments: list[str], terminal: Terminal):
    assert terminal.run(*arguments) == 0
    assert "usage: python -m airflow_provider_pipedrive" in terminal.out
