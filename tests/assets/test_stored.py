"""``pipedrive_changes`` on Airflow 3.3: from what Airflow has stored, each change in one run."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

pytest.importorskip("airflow.triggers.shared_stream", reason="Airflow keeps states of assets since 3.3")


from airflow_provider_pipedrive.assets import PipedriveChangesOperator, changes_of
from airflow_provider_pipedrive.client.times import read_time
from airflow_provider_pipedrive.errors import PipedriveParameterError
from airflow_provider_pipedrive.events.changes.batch import Batch, ChangeWindow
from airflow_provider_pipedrive.events.changes.model import Change, Origin, make_change
from airflow_provider_pipedrive.events.changes.reading import closed
from airflow_provider_pipedrive.events.changes.watch import Position, change_watch
from airflow_provider_pipedrive.hooks.pipedrive import PipedriveHook
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.support.stored_events import DEALS, Run, as_json, by_rest, changed, delivered, polled
from tests.support.supervisor import NOON, Supervisor


def test_each_run_reads_what_was_stored_since_the_run_before_sorted_by_time(airflow: Supervisor):
    airflow.add_event(DEALS, polled(changed(2, "12:00:02"), changed(1, "12:00:01")), 10)
    first = Run("run 1").reads()
    airflow.add_event(DEALS, polled(changed(4, "12:00:04")), 20)
    airflow.add_event(DEALS, polled(changed(3, "12:00:03")), 21)
    assert (first, Run("run 2").reads(), Run("run 3").reads()) == ([1, 2], [3, 4], [])


def test_a_repeated_run_reads_the_same_again_and_nothing_that_came_later(airflow: Supervisor):
    airflow.add_event(DEALS, polled(changed(1)), 10)
    run = Run("run 1")
    assert run.reads() == [1]
    airflow.add_event(DEALS, polled(changed(2)), 11)
    assert run.reads() == [1]
    assert Run("run 2").reads() == [2]
    assert run.reads() == [1]


def test_a_repeated_run_reads_its_change_again_though_a_second_report_of_it_became_visible_late(airflow: Supervisor):
    airflow.add_event(DEALS, polled(changed(1)), 100)
    assert Run("run 1").reads() == [1]
    airflow.add_event(DEALS, polled(changed(2)), 105)
    run = Run("run 2")
    assert run.reads() == [2]
    airflow.add_event(DEALS, polled(changed(2)), 99)
    assert Run("run 3").reads() == []
    assert run.reads() == [2]


def test_a_run_whose_claim_the_asset_has_let_go_finds_it_with_its_task(airflow: Supervisor):
    airflow.add_event(DEALS, polled(changed(1)), 10)
    run = Run("run 1")
    run.reads()
    del airflow.states[DEALS.name, "pipedrive_changes:mirror.read"]
    airflow.add_event(DEALS, polled(changed(2)), 11)
    assert run.reads() == [1]


def test_rows_that_came_twice_are_one_change_in_one_run(airflow: Supervisor):
    airflow.add_event(DEALS, polled(changed(1)), 10)
    airflow.add_event(DEALS, polled(changed(1)), 11)
    assert Run("run 1").reads() == [1]
    airflow.add_event(DEALS, polled(changed(1), changed(2)), 4000)  # after an hour without a triggerer
    assert Run("run 2").reads() == [2]


def test_a_polled_state_that_a_webhook_brought_in_an_earlier_run_is_dropped(airflow: Supervisor):
    by_webhook = changed(1, source="webhook", occurrence="delivery-1")
    airflow.add_event(DEALS, delivered(by_webhook), 1)
    assert Run("run 1").reads() == [1]
    airflow.add_event(DEALS, polled(changed(1), changed(2)), 70)
    assert Run("run 2").reads() == [2]


def test_a_creation_whose_webhook_was_lost_is_read_though_the_webhook_of_an_edit_arrived(airflow: Supervisor):
    airflow.add_event(DEALS, delivered(changed(1, "12:00:30", source="webhook", occurrence="delivery-2")), 31)
    assert Run("run 1").reads() == [1]
    created = make_change("deals", 1, ["created"], "2026-05-04T12:00:30Z", {"title": "A"}, earlier=[NOON])
    airflow.add_event(DEALS, polled(created), 70)
    assert Run("run 2").reads(kinds="created") == [1]


def test_a_creation_that_a_webhook_brought_an_hour_before_the_poll_that_tells_of_it_is_dropped(airflow: Supervisor):
    creation = make_change("deals", 1, ["created"], "2026-05-04T12:00:00Z", {"title": "A"}, source="webhook")
    airflow.add_event(DEALS, delivered(creation), 1)
    airflow.add_event(DEALS, delivered(changed(1, "12:50:00", source="webhook", occurrence="delivery-2")), 3001)
    assert Run("run 1").reads() == [1, 1]
    polled_late = make_change("deals", 1, ["created"], "2026-05-04T12:50:00Z", {"title": "A"}, earlier=[NOON])
    airflow.add_event(DEALS, polled(polled_late), 3600)
    assert Run("run 2").reads() == []


@pytest.mark.parametrize(("team", "seen"), [("sales", [1, 2]), ("support", [1, 3]), (None, [1])])
def test_what_the_webhook_of_a_team_has_brought_is_read_by_dags_of_this_team_alone(
    airflow: Supervisor, team: str | None, seen: list[int]
):
    airflow.add_event(DEALS, delivered(changed(1)), 1)
    airflow.add_event(DEALS, delivered(changed(2), team="sales"), 2)
    airflow.add_event(DEALS, delivered(changed(3), team="support"), 3)
    assert Run("run 1", team=team).reads() == seen


def test_two_edits_in_one_second_are_two_changes_when_webhooks_bring_them(airflow: Supervisor):
    first = changed(1, source="webhook", occurrence="delivery-1", received="2026-05-04T12:00:00.100Z")
    second = changed(1, source="webhook", occurrence="delivery-2", received="2026-05-04T12:00:00.900Z")
    airflow.add_event(DEALS, delivered(second), 1)
    airflow.add_event(DEALS, delivered(first, first), 2)
    airflow.add_event(DEALS, polled(changed(1)), 70)
    assert Run("run 1").reads() == [1, 1]


def test_ten_thousand_stored_events_are_read_in_steps(airflow: Supervisor):
    for number in range(1000):
        airflow.add_event(DEALS, polled(changed(number)), number / 10)
    assert len(Run("run 1").reads()) == 1000
    assert airflow.largest <= 100


def test_more_events_of_one_moment_than_a_step_takes_are_all_read(airflow: Supervisor):
    for number in range(350):
        airflow.add_event(DEALS, polled(changed(number)), 10)
    assert len(Run("run 1").reads()) == 350


def test_events_that_somebody_else_made_carry_no_changes(airflow: Supervisor):
    airflow.add_event(DEALS, {"from_rest_api": True}, 10)
    airflow.add_event(DEALS, polled(changed(1)), 11)
    assert Run("run 1").reads() == [1]


def test_only_the_kinds_that_are_asked_for_are_read(airflow: Supervisor):
    moved = make_change("deals", 2, ["stage_moved"], "2026-05-04T12:00:00Z", {"stage_id": 3})
    airflow.add_event(DEALS, polled(changed(1), moved), 10)
    assert Run("run 1").reads(kinds="stage_moved") == [2]


def test_the_first_run_may_begin_at_a_time(airflow: Supervisor):
    airflow.add_event(DEALS, polled(changed(1)), 10)
    airflow.add_event(DEALS, polled(changed(2)), 20)
    assert Run("run 1").reads(since="2026-05-04T12:00:15Z") == [2]


def test_a_window_is_read_from_pipedrive_and_once(sandbox: Sandbox, airflow: Supervisor):
    sandbox.advance(3600)
    deal, *_ = sandbox.records("deals")
    sandbox.update("deals", deal, title="Edited")
    now = read_time(sandbox.records("deals")[deal]["update_time"])
    assert now is not None
    after_noon = (now - NOON).total_seconds()
    sandbox.advance(30)
    window = ChangeWindow(change_watch("deals"), Position.start(closed(now)), now + timedelta(seconds=20))
    airflow.add_event(DEALS, {"payload": Batch("pipedrive_default", window=window).to_json()}, after_noon + 30)
    assert Run("run 1").reads() == [deal]
    again = make_change("deals", deal, ["changed"], now, {"title": "Edited"})
    airflow.add_event(DEALS, polled(again), after_noon + 40)
    assert Run("run 2").reads() == []


def test_a_task_without_the_asset_among_its_inlets_is_told_so(airflow: Supervisor):
    with pytest.raises(PipedriveParameterError, match=r"name the asset in its inlets=\[...\]"):
        Run("run 1", inlets=[]).reads()


def test_a_dag_that_may_run_twice_at_a_time_is_refused(airflow: Supervisor):
    with pytest.raises(PipedriveParameterError, match="give it max_active_runs=1"):
        Run("run 1", max_active_runs=16).reads()


def test_the_operator_returns_batches_to_map_over(airflow: Supervisor):
    airflow.add_event(DEALS, polled(*(changed(number) for number in range(5))), 10)
    operator = PipedriveChangesOperator(task_id="read", asset=DEALS, batch_size=2)
    batches = operator.execute(Run("run 1").context)
    assert [[change.id for change in changes_of(batch)] for batch in batches] == [[0, 1], [2, 3], [4]]
    assert operator.execute(Run("run 2").context) == []


def test_more_than_xcom_takes_travels_as_files(airflow: Supervisor, tmp_path: Any):
    airflow.add_event(DEALS, polled(*(changed(number) for number in range(300))), 10)
    operator = PipedriveChangesOperator(task_id="read", asset=DEALS, path=str(tmp_path))
    batches = operator.execute(Run("run:1").context)
    assert batches[0] == {"file": str(tmp_path / "mirror" / "read" / "run_1" / "batch-00000.jsonl"), "count": 100}
    assert sorted(change.id for batch in batches for change in changes_of(batch)) == list(range(300))


# What somebody stores by Airflow's REST API


@pytest.mark.parametrize(
    "extra",
    [
        {"pipedrive": "nonsense"},
        {"pipedrive": [1]},
        {"pipedrive": {}},
        by_rest({"$ne": 1}, changes=[]),
        by_rest(changes="nonsense"),
        by_rest(changes=[None]),
        by_rest(changes=[{"entity": "deals"}]),
        by_rest(changes=[as_json(9, update_time=5)]),
        by_rest(changes=[as_json(9, update_time="yesterday")]),
        by_rest(changes=[as_json(9, kinds="changed")]),
        by_rest(changes=[as_json(9, kinds=[7])]),
        by_rest(changes=[as_json(9, values=[1])]),
        by_rest(changes=[as_json(9, id={"a": 1})]),
        by_rest(changes=[as_json(9, event_id=None)]),
        by_rest(changes=[as_json(9, received=12)]),
        by_rest(window="now"),
        by_rest(window={"watch": {"entity": "deals", "kinds": ["changed"]}, "until": "2026-05-04"}),
        by_rest(
            window={
                "watch": {"entity": "deals", "kinds": ["changed"]},
                "position": {"since": "2026-05-04T12:00:00", "floor": "2026-05-04T12:00:00"},
                "until": "2026-05-04T12:00:00",
            }
        ),
    ],
    ids=lambda extra: str(extra)[-50:],
)
def test_a_batch_that_cannot_be_read_is_set_aside_and_costs_no_other_change(
    extra: Any, airflow: Supervisor, caplog: pytest.LogCaptureFixture
):
    airflow.add_event(DEALS, polled(changed(1)), 10)
    airflow.add_event(DEALS, extra, 11)
    airflow.add_event(DEALS, polled(changed(2)), 12)
    run = Run("run 1")
    assert run.reads() == [1, 2]
    assert [one["event"] for one in run.context["ti"].pushed["set_aside"]] == [2]
    assert "pipedrive://acme/deals: the event 2 is set aside" in caplog.text
    airflow.add_event(DEALS, polled(changed(3)), 20)
    assert Run("run 2").reads() == [3]
    assert run.reads() == [1, 2]


def test_what_was_made_by_the_rest_api_takes_no_other_change_away(sandbox: Sandbox, airflow: Supervisor):
    """A made-up webhook of the very state that the watcher is going to report, and a window over all times."""
    forged = {
        **changed(2, "12:00:30", source="webhook").to_json(),
        "event_id": "made-up",
        "values": {"title": "forged"},
    }
    everything = ChangeWindow(change_watch("deals"), Position.start(NOON - timedelta(days=1)), NOON + timedelta(days=1))
    airflow.add_event(DEALS, by_rest(changes=[forged]), 10)
    airflow.add_event(DEALS, by_rest(window=everything.to_json()), 11)
    assert 2 in Run("run 1").reads()
    airflow.add_event(DEALS, polled(changed(2, "12:00:30"), changed(3, "12:00:31")), 60)
    assert Run("run 2").reads() == [2, 3]


def by(user_id: int, source: str, deal: int, time: str) -> Change:
    """A change that a webhook reports, with who made it."""
    return changed(deal, time, source="webhook", occurrence=f"delivery-{deal}", origin=Origin(user_id, source))


def test_what_the_connections_user_wrote_through_the_api_is_left_out_where_that_is_asked_for(
    sandbox: Sandbox, airflow: Supervisor
):
    with PipedriveHook().client as client:
        me = client.run("getCurrentUser")["id"]
    own, typed, others = by(me, "api", 1, "12:00:01"), by(me, "app", 2, "12:00:02"), by(me + 1, "api", 3, "12:00:03")
    airflow.add_event(DEALS, polled(changed(1, "12:00:01"), changed(4, "12:00:04")), 10)
    airflow.add_event(DEALS, delivered(own, typed, others), 11)
    forged = {**changed(4, "12:00:04").to_json(), "origin": {"user_id": me, "source": "api"}}
    airflow.add_event(DEALS, by_rest(changes=[forged]), 12)
    assert Run("run 1").reads(ignore_own=True) == [2, 3, 4]
    assert Run("run 1").reads() == [1, 2, 3, 4]
