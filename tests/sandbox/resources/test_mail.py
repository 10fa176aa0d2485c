"""Mail: folders, the archive, pages."""

from __future__ import annotations

from tests.support.sandbox_api import Api


def test_threads_of_a_mailbox_say_whether_there_are_more_and_their_messages_come_on_one_page(api: Api) -> None:
    threads = api.get("/v1/mailbox/mailThreads", folder="inbox", limit=1).json()
    assert threads["additional_data"] == {
        "pagination": {"start": 0, "limit": 1, "more_items_in_collection": True, "next_start": 1}
    }
    messages = api.get(f"/v1/mailbox/mailThreads/{threads['data'][0]['id']}/mailMessages").json()
    assert messages["additional_data"]["pagination"]["more_items_in_collection"] is False


def test_an_archived_thread_moves_to_the_archive(api: Api) -> None:
    thread = api.data("/v1/mailbox/mailThreads", folder="inbox")[0]
    api("PUT", f"/v1/mailbox/mailThreads/{thread['id']}", data={"archived_flag": "1", "deal_id": "2"})
    assert thread["id"] in [row["id"] for row in api.data("/v1/mailbox/mailThreads", folder="archive")]
    mails = api.data("/v1/deals/2/mailMessages", include_body=1)
    assert {mail["object"] for mail in mails} == {"mailMessage"}
    assert all(mail["data"]["body"] for mail in mails)
