"""One check of many waits: how few requests it takes, and that each wait gets its own answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.client.times import write_time
from airflow_provider_pipedrive.errors import (
    PipedriveDailyBudgetError,
    PipedriveParameterError,
    PipedrivePermissionError,
    PipedriveServerError,
)
from airflow_provider_pipedrive.events.waits.checking import check_waits
from airflow_provider_pipedrive.events.waits.conditions import Condition
from airflow_provider_pipedrive.events.waits.files import FilesWait
from airflow_provider_pipedrive.events.waits.movement import Movement
from airflow_provider_pipedrive.events.waits.moves import AnyDealWait
from airflow_provider_pipedrive.events.waits.name_refs import NameRefs
from airflow_provider_pipedrive.events.waits.outcomes import WaitOutcome
from airflow_provider_pipedrive.events.waits.records import DealsWait, RecordWait
from airflow_provider_pipedrive.events.waits.specs import Answer, Wait
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN
from tests.support.scripted_server import MakeClient, ScriptedServer, http

WON = (Condition("status", "==", "won"),)


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PipedriveClient]:
    extra = {"api_token": API_TOKEN, "burst_limit": 10_000, "max_attempts": 1}
    with PipedriveClient(settings_from(host=sandbox.url, extra=extra)) as client:
        yield client


@pytest.fixture
def open_deals(sandbox: Sandbox) -> list[dict[str, Any]]:
    """Deals that can be moved, of the pipeline that has most of them."""
    deals = [d for d in sandbox.records("deals").values() if d["status"] == "open" and not d["is_archived"]]
    pipeline, _ = Counter(deal["pipeline_id"] for deal in deals).most_common(1)[0]
    return [deal for deal in deals if deal["pipeline_id"] == pipeline]


def other_stages(sandbox: Sandbox, deal: dict[str, Any]) -> list[int]:
    """Stages of a deal's pipeline that it is not in."""
    stages = sandbox.records("stages").values()
    return [s["id"] for s in stages if s["pipeline_id"] == deal["pipeline_id"] and s["id"] != deal["stage_id"]]


def now(shift: float = 0) -> str:
    return write_time(datetime.now(UTC) + timedelta(seconds=shift))


def reach(deal: dict[str, Any], stage: int, since: str | None = None, **more: Any) -> Wait:
    return Wait(DealsWait((deal["id"],), Movement(reaches=(stage,)), since or now(), single=True, **more))


class Checks:
    """Checks waits again and again, each time with what the check before has made of them."""

    def __init__(self, client: PipedriveClient, *waits: Wait, alone: bool = False) -> None:
        self.client = client
        self.waits = list(waits)
        self.alone = alone

    def __call__(self) -> list[Answer]:
        checked = check_waits(self.client, self.waits, alone=self.alone)
        self.waits = [one.wait for one in checked]
        return [one.answer for one in checked]


def kinds(answers: list[Answer]) -> list[str]:
    return [answer.kind if isinstance(answer, WaitOutcome) else type(answer).__name__ for answer in answers]


def sent_to(sandbox: Sandbox) -> list[tuple[str, int]]:
    return [(sent.path, sent.tokens) for sent in sandbox.requests]


def test_a_single_deal_is_read_by_itself(client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]) -> None:
    check_waits(client, [reach(open_deals[0], 99)])
    assert sent_to(sandbox) == [(f"/api/v2/deals/{open_deals[0]['id']}", 1)]


def test_deals_are_read_a_hundred_at_a_time(sandbox: Sandbox) -> None:
    with Sandbox(deals=400) as large:
        client = PipedriveClient(settings_from(host=large.url, extra={"api_token": large.api_token}))
        living = [d for d in large.records("deals").values() if not d["is_archived"] and not d["is_deleted"]]
        check_waits(client, [reach(deal, 99) for deal in living[:201]])
        client.close()
        assert [(sent.path.rpartition("/")[0], sent.tokens) for sent in large.requests] == [
            ("/api/v2", 10),
            ("/api/v2", 10),
            ("/api/v2/deals", 1),
        ]


def test_an_archived_deal_is_looked_up_before_it_counts_as_gone(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    first, second, third = open_deals[:3]
    sandbox.update("deals", second["id"], is_archived=True)
    sandbox.delete("deals", third["id"])
    check = Checks(client, *(reach(deal, deal["stage_id"]) for deal in (first, second, third)))
    answers = check()
    assert kinds(answers) == ["success", "success", "gone"]
    assert f"deal {third['id']} was deleted" in answers[2].reason  # type: ignore[union-attr]
    assert sent_to(sandbox) == [
        ("/api/v2/deals", 10),
        (f"/api/v2/deals/{second['id']}", 1),
        (f"/api/v2/deals/{third['id']}", 1),
    ]


def test_a_merged_deal_is_gone_and_others_are_not_harmed(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    first, second = open_deals[:2]
    sandbox.merge("deals", second["id"], first["id"])
    answers = Checks(client, reach(first, first["stage_id"]), reach(second, 99))()
    assert kinds(answers) == ["success", "gone"]
    assert "merged into another record" in answers[1].reason  # type: ignore[union-attr]


def test_records_of_several_waits_and_kinds_share_a_request_if_they_ask_alike(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    first, second = open_deals[:2]
    check = Checks(
        client,
        reach(first, first["stage_id"]),
        Wait(RecordWait("getDeal", {"id": str(second["id"])}, WON)),
        Wait(RecordWait("getDeal", {"id": second["id"]}, WON)),
        Wait(RecordWait("getDeal", {"id": first["id"], "include_option_labels": True}, WON)),
    )
    assert kinds(check()) == ["success", "waiting", "waiting", "waiting"]
    assert [tokens for _, tokens in sent_to(sandbox)] == [10, 1]


def test_a_permission_that_is_missing_for_one_record_is_that_waits_error(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    leads = list(sandbox.records("leads"))[:2]
    sandbox.fault(f"/v1/leads/{leads[0]}", "403")
    answers = Checks(client, *(Wait(RecordWait("getLead", {"id": lead}, WON)) for lead in leads))()
    assert kinds(answers) == ["PipedrivePermissionError", "waiting"]
    assert isinstance(answers[0], PipedrivePermissionError)


@pytest.mark.parametrize(("fault", "error"), [("503", PipedriveServerError), ("429-daily", PipedriveDailyBudgetError)])
def test_what_would_hit_every_request_ends_the_look(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any], fault: str, error: type[Exception]
) -> None:
    sandbox.fault("*", fault, count=None)
    with pytest.raises(error):
        check_waits(client, [reach(deal, 99) for deal in open_deals[:2]])
    assert len(sandbox.requests) == 1


def test_a_deal_moved_twice_between_two_looks_is_noticed(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    deal = open_deals[0]
    passed, last = other_stages(sandbox, deal)[:2]
    check = Checks(client, reach(deal, passed))
    assert kinds(check()) == ["waiting"]
    sandbox.move_deal(deal["id"], passed)
    sandbox.move_deal(deal["id"], last)
    (answer,) = check()
    assert isinstance(answer, WaitOutcome)
    result = answer.result
    assert (result["from_stage_id"], result["to_stage_id"], result["stage_id"]) == (deal["stage_id"], passed, last)


def test_any_deals_moves_are_read_from_one_feed_from_where_the_last_look_ended(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    first, second = open_deals[:2]
    to_stage = other_stages(sandbox, first)[0]
    check = Checks(
        client,
        Wait(AnyDealWait(Movement(reaches=(to_stage,)), now(-5))),
        Wait(AnyDealWait(Movement(moves=True), now(-5), owner_id=second["owner_id"])),
        Wait(AnyDealWait(Movement(statuses=("won",)), now(-5))),
    )
    assert kinds(check()) == ["waiting"] * 3
    sandbox.advance(120)
    sandbox.move_deal(first["id"], to_stage)
    sandbox.update("deals", second["id"], status="won")
    first_answer, _, third = check()
    assert [move["deal_id"] for move in first_answer.result] == [first["id"]]  # type: ignore[union-attr]
    assert [move["deal_id"] for move in third.result] == [second["id"]]  # type: ignore[union-attr]
    assert sent_to(sandbox) == [("/api/v2/deals", 10)] * 2
    assert check.waits[0].memory["checked_until"] == sandbox.records("deals")[second["id"]]["update_time"]


def test_only_the_deals_that_a_filter_lists_count(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    inside, outside = open_deals[:2]
    to_stage = other_stages(sandbox, inside)[0]
    field = next(field for field in client.run("getDealFieldsV1") if field["key"] == "title")
    condition = {"object": "deal", "field_id": field["id"], "operator": "=", "value": inside["title"]}
    groups = [{"glue": "and", "conditions": [condition]}, {"glue": "or", "conditions": []}]
    conditions = {"glue": "and", "conditions": groups}
    made = client.run("addFilter", {"name": "One deal", "type": "deals", "conditions": conditions})
    check = Checks(client, Wait(AnyDealWait(Movement(reaches=(to_stage,)), now(-5), filter_id=made["id"])))
    sandbox.move_deal(outside["id"], to_stage)
    assert kinds(check()) == ["waiting"]
    sandbox.move_deal(inside["id"], to_stage)
    (answer,) = check()
    assert [move["deal_id"] for move in answer.result] == [inside["id"]]  # type: ignore[union-attr]


def test_file_waits_share_one_listing_down_to_the_lowest_mark(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    deal, other = open_deals[:2]
    last = max(sandbox.records("files"))
    check = Checks(
        client,
        Wait(FilesWait(link="deal_id", record_id=deal["id"], after_id=last)),
        Wait(FilesWait(names=("*.pdf",), since=now(-5))),
        Wait(FilesWait(link="person_id", record_id=1, after_id=last)),
    )
    sandbox.add_file("photo.png", deal_id=deal["id"])
    sandbox.add_file("signed.pdf", deal_id=other["id"])
    answers = check()
    assert kinds(answers) == ["success", "success", "waiting"]
    assert [[file["name"] for file in answer.result] for answer in answers[:2]] == [  # type: ignore[union-attr]
        ["photo.png"],
        ["signed.pdf"],
    ]
    assert sent_to(sandbox) == [("/v1/files", 20)]


def test_old_files_are_not_read(client: PipedriveClient, sandbox: Sandbox) -> None:
    last = [sandbox.add_file(f"{number}.pdf")["id"] for number in range(250)][-1]
    assert kinds(Checks(client, Wait(FilesWait(after_id=last)), Wait(FilesWait(since=now(5))))()) == ["waiting"] * 2
    assert sent_to(sandbox) == [("/v1/files", 20)]


def test_a_new_file_with_an_older_time_than_the_last_check_is_found_all_the_same(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    """Such as the attachment of an old mail that is synchronised late."""
    last = max(sandbox.records("files"))
    check = Checks(client, Wait(FilesWait(after_id=last)), Wait(FilesWait(since=now(-7200))))
    assert kinds(check()) == ["waiting"] * 2
    late = sandbox.add_file("late.pdf")
    sandbox.update("files", late["id"], add_time=now(-3600))
    assert kinds(check()) == ["success"] * 2


def test_a_wait_by_itself_reads_the_records_own_files(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    deal_id = open_deals[0]["id"]
    sandbox.add_file("signed.pdf", deal_id=deal_id)
    (answer,) = Checks(client, Wait(FilesWait(link="deal_id", record_id=deal_id, after_id=0)), alone=True)()
    assert answer.result[-1]["name"] == "signed.pdf"  # type: ignore[union-attr]
    assert sent_to(sandbox) == [(f"/v1/deals/{deal_id}/files", 20)]


def test_the_files_of_a_record_that_is_not_there_are_gone(client: PipedriveClient) -> None:
    assert kinds(Checks(client, Wait(FilesWait(link="deal_id", record_id=9999)), alone=True)()) == ["gone"]


@pytest.mark.parametrize("ahead", [3600, 7200])
def test_a_time_of_this_machines_clock_is_translated_to_pipedrives(
    client: PipedriveClient, sandbox: Sandbox, ahead: float
) -> None:
    sandbox.advance(ahead)
    old = sandbox.add_file("old.pdf")
    sandbox.advance(60)
    check = Checks(client, Wait(FilesWait(since=now(-5), local_clock=True)))
    assert kinds(check()) == ["waiting"], f"{old['add_time']} is before the run on Pipedrive's clock"
    sandbox.add_file("new.pdf")
    (answer,) = check()
    assert [file["name"] for file in answer.result] == ["new.pdf"]  # type: ignore[union-attr]


def test_names_are_looked_up_once_and_a_wrong_one_is_only_its_own_waits_error(
    client: PipedriveClient, sandbox: Sandbox, open_deals: list[Any]
) -> None:
    deal = open_deals[0]
    stage = sandbox.records("stages")[deal["stage_id"]]["name"]
    since = now()
    check = Checks(
        client,
        *(
            Wait(DealsWait((deal["id"],), Movement(), since), NameRefs(reaches=(name,), pipeline=deal["pipeline_id"]))
            for name in (stage.upper(), "Nowhere")
        ),
    )
    answers = check()
    assert kinds(answers) == ["success", "PipedriveParameterError"]
    assert isinstance(answers[1], PipedriveParameterError)
    check.waits = check.waits[:1]
    check()
    assert Counter(path for path, _ in sent_to(sandbox))["/api/v2/stages"] == 1


def test_half_an_emoji_in_one_deal_ends_no_wait_for_another(make_client: MakeClient, server: ScriptedServer) -> None:
    deals = rb'[{"id":1,"title":"whole","stage_id":4},{"id":2,"title":"cut \ud83d","stage_id":4}]'
    server.script = [http(200, b'{"success":true,"data":' + deals + b"}")]
    answers = Checks(make_client(max_attempts=1), reach({"id": 1}, 4), reach({"id": 2}, 4))()
    assert kinds(answers) == ["success", "success"]
    assert len(server.requests) == 1
