"""The operator: what is checked when, what goes to XCom, and which errors end a task."""

from __future__ import annotations

import json
import re
import traceback
from datetime import datetime
from typing import Any

import pytest
from airflow.providers.common.compat.sdk import DAG, AirflowFailException

from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveServerError
from airflow_provider_pipedrive.operators.pipedrive import PipedriveOperator
from airflow_provider_pipedrive.operators.record_links import record_url
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import api_token_connection


class TaskInstance:
    """Airflow's edge: keeps what is pushed."""

    def __init__(self) -> None:
        self.pushed: dict[str, Any] = {}

    def xcom_push(self, key: str, value: Any) -> None:
        self.pushed[key] = value


def run(**arguments: Any) -> tuple[Any, dict[str, Any]]:
    """Run an operator as a worker does; its result, and what it pushed besides."""
    instance = TaskInstance()
    result = PipedriveOperator(task_id="task", **arguments).execute({"ti": instance})  # type: ignore[typeddict-item]
    return result, instance.pushed


def test_a_task_returns_what_pipedrive_answers_and_links_to_the_record(sandbox: Sandbox) -> None:
    deal, pushed = run(action="addDeal", parameters={"title": "A deal", "value": "1200.50"})
    assert (deal["title"], deal["value"]) == ("A deal", 1200.5)
    assert pushed == {"pipedrive_record_url": f"{sandbox.url}/deal/{deal['id']}"}


def test_a_list_is_read_through_all_pages(sandbox: Sandbox) -> None:
    persons, _ = run(action="getPersons", parameters={"limit": 4})
    assert len(persons) == sum(not person["is_deleted"] for person in sandbox.records("persons").values())


def test_max_records_caps_a_list(sandbox: Sandbox) -> None:
    assert len(run(action="getDeals", max_records=3)[0]) == 3


def test_a_result_too_large_for_xcom_stops_early_and_names_the_bulk_transfer(sandbox: Sandbox) -> None:
    with pytest.raises(AirflowFailException, match="PipedriveToObjectStorageOperator"):
        run(action="getDeals", parameters={"limit": 5}, xcom_max_records=9)
    assert len(sandbox.requests) == 2
    with pytest.raises(AirflowFailException, match="too large for XCom"):
        run(action="getDeals", xcom_max_bytes=2000)


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        ({"action": "getDeels"}, "Did you mean getDeals"),
        ({"action": "getDeal"}, "id must be given"),
        ({"action": "getDeal", "parameters": {"id": "many"}}, "id must be a whole number, not 'many'"),
        ({"action": "getDeal", "parameters": {"id": "{{ x }}", "flieds": 1}}, "no parameter 'flieds'"),
        ({"action": "getDeals", "parameters": {"status": "opne"}}, r"did you mean 'open'\?"),
        ({"action": "getDeals", "parameters": {"filter_id": 1, "status": "open"}}, "makes Pipedrive ignore status"),
        ({"action": "getDeals", "parameters": ["status"]}, "parameters must be a dict, not list"),
        ({"action": "downloadFile", "parameters": {"id": 1}}, "give save_to"),
        ({"action": "getDeals", "save_to": "deals.json"}, "does not answer a file"),
        ({"action": "getDeal", "parameters": {"id": 1}, "max_records": 5}, "max_records is for actions that list"),
        ({"action": "selectDeal", "max_records": 5}, r"list records\. getDeals lists the records themselves"),
        ({"action": "getDeals", "max_records": 0}, "max_records must be a whole number from 1 on"),
        ({"action": "getDeals", "xcom_max_records": "5"}, "xcom_max_records must be a whole number from 1 on"),
        ({"action": ["getDeals"]}, "no action"),
    ],
)
def test_what_is_wrong_is_found_when_the_dag_is_parsed(arguments: dict[str, Any], advice: str) -> None:
    with pytest.raises(PipedriveParameterError, match=advice):
        PipedriveOperator(task_id="task", **arguments)


def test_templates_and_results_of_other_tasks_are_left_until_the_task_runs() -> None:
    with DAG("dag", start_date=datetime(2026, 1, 1), schedule=None):
        first = PipedriveOperator(task_id="first", action="{{ params.action }}", parameters={"anything": 1})
        second = PipedriveOperator(task_id="second", action="getDeal", parameters={"id": first.output["id"]})
        third = PipedriveOperator(task_id="third", action="getDeal", parameters=first.output)
    assert second.upstream_task_ids == third.upstream_task_ids == {"first"}


def test_rendered_text_is_converted_and_checked_again_when_the_task_runs(sandbox: Sandbox) -> None:
    operator = PipedriveOperator(task_id="task", action="getDeal", parameters={"id": "{{ deal }}"})
    operator.render_template_fields({"deal": 2})
    assert operator.execute({"ti": TaskInstance()})["id"] == 2  # type: ignore[typeddict-item]
    operator.parameters = {"id": "two"}
    with pytest.raises(AirflowFailException, match="id must be a whole number"):
        operator.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]


def rendered(native: bool, context: dict[str, Any], **arguments: Any) -> Any:
    """Run an operator whose templates are rendered to text, or to Python's own values; its result."""
    with DAG("dag", start_date=datetime(2026, 1, 1), schedule=None, render_template_as_native_obj=native) as dag:
        operator = PipedriveOperator(task_id="task", **arguments)
    operator.render_template_fields(context, dag.get_template_env())  # type: ignore[arg-type]
    return operator.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]


@pytest.mark.parametrize("native", [False, True])
def test_numbers_from_templates_arrive_inside_objects_too(sandbox: Sandbox, native: bool) -> None:
    context = {"one": 1, "price": 9.5}

    activity = rendered(
        native,
        context,
        action="addActivity",
        parameters={"subject": "Call", "participants": [{"person_id": "{{ one }}", "primary": "{{ true }}"}]},
    )
    product = rendered(
        native,
        context,
        action="addProduct",
        parameters={"name": "Plan", "prices": [{"currency": "EUR", "price": "{{ price }}", "cost": "{{ one }}"}]},
    )
    lead = rendered(
        native,
        context,
        action="addLead",
        parameters={"title": "Fair", "person_id": "{{ one }}", "value": {"amount": "{{ price }}", "currency": "EUR"}},
    )

    assert activity["participants"] == [{"person_id": 1, "primary": True}]
    assert (product["prices"][0]["price"], product["prices"][0]["cost"]) == (9.5, 1)
    assert lead["value"] == {"amount": 9.5, "currency": "EUR"}


@pytest.mark.parametrize("native", [False, True])
def test_numbers_and_digits_from_templates_arrive_in_custom_fields_as_these_take_them(
    sandbox: Sandbox, native: bool
) -> None:
    seats, segment = "6e120c093758d5c0827f0156eacde1d87220eb8a", "48518331116f22e83ac2f70301c01ab410b46e3c"
    interests, value = "4b69d691bbc4f615bc1d9e65cf6e6bd04da0ff0e", "9c99cc41db474687114c1353fe580e0475b755a0"
    contract = "b4fa883ab9464eb0330b15e94936b0564897e599"

    deal = rendered(
        native,
        {"n": 25, "option": 13},
        action="updateDeal",
        parameters={
            "id": "{{ n }}",
            "custom_fields": {
                seats: "{{ n }}",
                segment: "{{ option }}",
                interests: ["{{ option + 2 }}", "{{ option + 4 }}"],
                value: {"value": "{{ n }}", "currency": "EUR"},
                contract: "{{ '10115' }}",
            },
        },
    )["custom_fields"]
    person = rendered(
        native, {}, action="addPerson", parameters={"name": "Ada", "phones": [{"value": "{{ '4912345' }}"}]}
    )

    assert [deal[key] for key in (seats, segment, interests)] == [25, 13, [15, 17]]
    assert (deal[value], deal[contract]) == ({"value": 25, "currency": "EUR"}, "10115")
    assert person["phones"][0]["value"] == "4912345"


def test_what_stands_beside_a_template_in_an_object_is_checked_when_the_dag_is_parsed() -> None:
    with pytest.raises(PipedriveParameterError, match=r"prices\[0\]\.cost must be a number, not 'low'"):
        PipedriveOperator(
            task_id="task",
            action="updateProduct",
            parameters={"id": 1, "prices": [{"price": "{{ price }}", "cost": "low"}]},
        )


def test_a_new_lead_may_name_custom_fields_in_a_task_too(sandbox: Sandbox) -> None:
    given = {"title": "Fair", "person_id": 1, "custom_fields": {"Seats": "25"}}

    assert run(action="addLead", parameters=given)[0]["6e120c093758d5c0827f0156eacde1d87220eb8a"] == 25


def test_a_mapped_task_takes_its_parameters_when_it_runs() -> None:
    with DAG("dag", start_date=datetime(2026, 1, 1), schedule=None):
        mapped = PipedriveOperator.partial(task_id="mapped", action="getDeal").expand(parameters=[{"id": 1}, {"id": 2}])
    assert mapped.task_id == "mapped"


@pytest.mark.parametrize("text", ["{'id': 1}", '{"id": "1"}', "{'id': '1', 'include_fields': ['files_count']}"])
def test_parameters_that_a_template_renders_to_text_are_read_as_the_dict_that_they_are(
    text: str, sandbox: Sandbox
) -> None:
    operator = PipedriveOperator(task_id="task", action="getDeal", parameters="{{ given }}")  # type: ignore[arg-type]
    operator.render_template_fields({"given": text})  # type: ignore[typeddict-item]
    assert operator.execute({"ti": TaskInstance()})["id"] == 1  # type: ignore[typeddict-item]


def test_parameters_that_a_template_renders_to_no_dict_are_refused(sandbox: Sandbox) -> None:
    operator = PipedriveOperator(task_id="task", action="getDeal", parameters="{{ given }}")  # type: ignore[arg-type]
    operator.render_template_fields({"given": "[1]"})  # type: ignore[typeddict-item]
    with pytest.raises(AirflowFailException, match="parameters must be a dict, not str"):
        operator.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert sandbox.requests == []


def test_a_removed_action_warns_once_when_parsed_and_fails_without_a_request_when_run(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.warns(DeprecationWarning, match=r"removed by Pipedrive on 2025-06-27.*getDealProducts") as warned:
        operator = PipedriveOperator(task_id="task", action="getSubscription", parameters={"id": 1})
    assert [warning.filename for warning in warned] == [__file__]
    assert "removed by Pipedrive" not in caplog.text + capfd.readouterr().err
    with pytest.raises(AirflowFailException, match="PipedriveEndpointRemovedError"):
        operator.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert sandbox.requests == []


def test_a_permanent_error_ends_the_task_without_retries(sandbox: Sandbox) -> None:
    with pytest.raises(AirflowFailException, match="PipedriveNotFoundError: getDeal: Pipedrive answered 404"):
        run(action="getDeal", parameters={"id": 999_999})


def test_the_log_of_a_failed_task_says_what_to_do_once(sandbox: Sandbox) -> None:
    with pytest.raises(AirflowFailException) as failed:
        run(action="getDeal", parameters={"id": 999_999})
    shown = "".join(traceback.format_exception(failed.value))
    assert shown.count("It does not exist, was deleted, or the credential's user may not see it") == 1


def test_a_passing_error_is_left_to_airflows_retries(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_PIPEDRIVE_DEFAULT", api_token_connection(sandbox, max_attempts=1))
    sandbox.fault(path="/api/v2/deals/1", kind="503", count=1)
    with pytest.raises(PipedriveServerError):
        run(action="getDeal", parameters={"id": 1})


def test_the_log_tells_what_was_done_and_what_it_cost(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level("INFO"):
        run(action="getPipelines")
    count = len(sandbox.records("pipelines"))
    out = capfd.readouterr()
    assert f"getPipelines: 1 request, 1 page, {count} records, 5 API tokens" in caplog.text + out.out + out.err


@pytest.mark.parametrize(
    ("action", "parameters", "said"),
    [
        ("addDeal", {"title": "A"}, r"added deal (\d+); 1 request, 5 API tokens, \S+ s http://127.0.0.1:\d+/deal/\1\b"),
        ("updatePerson", {"id": 1, "name": "A"}, r"updated person 1; 1 request, 5 API tokens, \S+ s \S+/person/1\b"),
        ("deleteActivity", {"id": 1}, r"deleted activity 1; 1 request, 3 API tokens, "),
        ("addNote", {"content": "A", "deal_id": 1}, r"added note \d+; 1 request, 10 API tokens, "),
        ("getStage", {"id": 1}, r"read stage 1; 1 request, 1 API token, "),
        (
            "mergeDeals",
            {"id": 1, "merge_with_id": 2},
            r"merged deal 1 into deal 2, which survives; .* s \S+/deal/2\b",
        ),
        ("addDealFollower", {"id": 1, "user_id": 1}, r"1 request, 5 API tokens, "),
        (
            "addDealProduct",
            {"id": 1, "product_id": 1, "item_price": 5, "quantity": 1},
            r"added product \d+ of deal 1; .* s \S+/deal/1\b",
        ),
        ("duplicateDeal", {"id": 1}, r"copied deal 1 to deal \d+; .* s \S+/deal/"),
        ("deleteNote", {"id": 1}, r"deleted note 1; 1 request, "),
    ],
)
def test_the_log_says_which_record_was_written(
    action: str,
    parameters: dict[str, Any],
    said: str,
    sandbox: Sandbox,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    with caplog.at_level("INFO"):
        run(action=action, parameters=parameters)
    out = capfd.readouterr()
    assert re.search(rf"{action}: {said}", caplog.text + out.out + out.err), caplog.text + out.out + out.err


def test_a_download_returns_where_the_file_is(sandbox: Sandbox, tmp_path: Any) -> None:
    file = sandbox.add_file(deal_id=1, name="offer.txt", content=b"We offer.")
    target = tmp_path / "offer.txt"
    for given in (target, str(target)):
        assert run(action="downloadFile", parameters={"id": file["id"]}, save_to=given)[0] == str(target)


@pytest.mark.parametrize(
    ("action", "parameters", "result", "path"),
    [
        ("getDeal", {"id": 7}, {"id": 7}, "/deal/7"),
        ("addPerson", {"name": "x"}, {"id": 9}, "/person/9"),
        ("updateOrganization", {"id": 3}, {"id": 3}, "/organization/3"),
        ("getDealProducts", {"id": 5}, [], "/deal/5"),
        ("addLead", {"title": "x"}, {"id": "a-b"}, "/leads/inbox/a-b"),
        ("getDeals", {}, [], None),
        ("getCurrentUser", {}, {"id": 1}, None),
        ("addNote", {"deal_id": 5}, {"id": 6}, None),
    ],
)
def test_a_task_links_to_the_record_where_pipedrive_has_a_page_for_it(
    action: str, parameters: dict[str, Any], result: Any, path: str | None
) -> None:
    url = record_url(action, parameters, result, "https://acme.pipedrive.com")
    assert url == (f"https://acme.pipedrive.com{path}" if path else None)


def test_the_shared_host_has_no_pages_to_link_to() -> None:
    assert record_url("getDeal", {"id": 7}, {"id": 7}, "https://api.pipedrive.com") is None


def test_a_result_in_xcom_is_json(sandbox: Sandbox) -> None:
    assert json.loads(json.dumps(run(action="getDeals")[0]))


class SecondTry(TaskInstance):
    """A task that Airflow runs again."""

    try_number = 2


def test_a_second_try_that_finds_nothing_to_delete_is_done_with_a_warning(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    delete = PipedriveOperator(task_id="task", action="deleteDeal", parameters={"id": 2})
    assert delete.execute({"ti": TaskInstance()}) == {"id": 2}  # type: ignore[typeddict-item]
    with pytest.raises(AirflowFailException, match="PipedriveNotFoundError"):
        delete.execute({"ti": TaskInstance()})  # type: ignore[typeddict-item]
    assert delete.execute({"ti": SecondTry()}) == {"id": 2}  # type: ignore[typeddict-item]
    assert "deleteDeal: there is nothing left to delete" in caplog.text


def test_a_second_try_that_finds_nothing_to_read_or_change_still_fails(sandbox: Sandbox) -> None:
    for action, parameters in (("getDeal", {"id": 999_999}), ("updateDeal", {"id": 999_999, "title": "x"})):
        task = PipedriveOperator(task_id="task", action=action, parameters=parameters)
        with pytest.raises(AirflowFailException, match="PipedriveNotFoundError"):
            task.execute({"ti": SecondTry()})  # type: ignore[typeddict-item]
