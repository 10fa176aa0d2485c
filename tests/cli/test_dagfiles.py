"""Which actions a DAG file uses: its text in, keys and places out."""

from __future__ import annotations

import pytest

from airflow_provider_pipedrive.cli.dagfiles import read_source

OURS = "from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook\n"


@pytest.mark.parametrize(
    ("source", "keys"),
    [
        ('PipedriveOperator(task_id="a", action="getDeals")', ["getDeals"]),
        ('pipedrive.PipedriveOperator(task_id="a", action="getDeals")', ["getDeals"]),
        ('PipedriveOperator.partial(task_id="a", action="getDeals").expand(parameters=[{}])', ["getDeals"]),
        (
            'PipedriveOperator.partial(task_id="a").expand(action=["getDeals", "getPersons"])',
            ["getDeals", "getPersons"],
        ),
        ('PipedriveToObjectStorageOperator(task_id="a", action="getDeals", path="s3://b/k")', ["getDeals"]),
        (
            "from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator as Op\n"
            'Op(task_id="a", action="getDeals")',
            ["getDeals"],
        ),
        ('PipedriveHook().run("getDeal", {"id": 1})', ["getDeal"]),
        ('self.hook.iterate("getDeals", max_records=5)', ["getDeals"]),
        ('hook.run(action="getDeal")', ["getDeal"]),
        ('async def f():\n    with x:\n        [d for d in hook.iterate("getDeals")]', ["getDeals"]),
        (OURS + 'ROWS = [{"entity": "deals", "action": "getDeals"}]', ["getDeals"]),
        ('PipedriveOperator(task_id="a", action="getDeels")', ["getDeels"]),
        # Nothing of ours:
        ('ROWS = [{"action": "getDeals"}]', []),
        ('subprocess.run("ls")', []),
        ('OtherOperator(task_id="a", action="getDeals")', []),
        ('print("getDeals")', []),
        ('# PipedriveOperator(action="getDeals")', []),
    ],
)
def test_the_actions_of_a_dag_file(source: str, keys: list[str]):
    found = read_source(source)
    assert sorted(found.keys) == keys
    assert found.open == []


def test_every_place_is_told():
    source = 'hook.run("getDeal")\n\nhook.run("getDeals")\nhook.run("getDeal")\n'
    assert read_source(source, "d.py").keys == {"getDeal": ["d.py:1", "d.py:4"], "getDeals": ["d.py:3"]}


@pytest.mark.parametrize(
    ("source", "what"),
    [
        ('PipedriveOperator(task_id="a", action=key)', "the action is only known when it runs: key"),
        ('PipedriveOperator(task_id="a", action=f"get{x}")', "the action is only known when it runs: f'get{x}'"),
        ('PipedriveOperator(task_id="a", action="{{ params.action }}")', "the action is a template"),
        (
            'PipedriveOperator.partial(task_id="a").expand(action=keys())',
            "the action is only known when it runs: keys()",
        ),
        (OURS + "hook.iterate(key)", "the action is only known when it runs: key"),
    ],
)
def test_an_action_that_is_only_known_at_run_time_is_noted(source: str, what: str):
    found = read_source(source, "d.py")
    assert found.keys == {}
    assert [noted for _, noted in found.open] == [what]


@pytest.mark.parametrize(
    "source",
    [
        "import subprocess\n" + OURS + "subprocess.run(command)",
        "import asyncio\n" + OURS + "asyncio.run(main())",
        "runner.run(command)",
    ],
)
def test_other_programs_are_not_taken_for_hooks(source: str):
    assert read_source(source).open == []
