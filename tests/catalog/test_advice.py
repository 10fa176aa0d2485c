"""Wrong names are answered with the right ones, also where other systems use other words."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError

import pytest
from pytest_mock import MockerFixture

from airflow_provider_pipedrive.catalog import ACTIONS, advice, get_action
from airflow_provider_pipedrive.catalog.advice import counted, did_you_mean, nearest, own_command
from airflow_provider_pipedrive.errors import PipedriveParameterError

LIVE = [key for key, action in ACTIONS.items() if action.lifecycle != "removed"]
VERBS = {
    "add": ("create", "insert", "new", "make"),
    "delete": ("remove", "destroy", "drop"),
    "update": ("edit", "modify", "change", "patch"),
    "get": ("fetch", "retrieve", "read", "load"),
}
OTHER_WORDS = [
    (f"{other}{key.removeprefix(verb)}", key)
    for key in LIVE
    for verb, others in VERBS.items()
    if re.match(f"{verb}[A-Z]", key)
    for other in others
]


@pytest.mark.parametrize(("given", "key"), OTHER_WORDS)
def test_other_systems_words_for_what_is_done_lead_to_the_key_of_every_resource(given: str, key: str) -> None:
    assert nearest(given, LIVE, most=3)[0] == key


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("createDeal", "Did you mean addDeal?"),
        ("create_deal", "Did you mean addDeal?"),
        ("dealCreate", "Did you mean addDeal?"),
        ("createCompany", "Did you mean addOrganization?"),
        ("removeContact", "Did you mean deletePerson?"),
        ("uploadFile", "Did you mean addFile?"),
        ("createInstallment", "Did you mean postInstallment?"),
        ("createDealV1", "Did you mean addDeal?"),
        ("findPerson", "Did you mean searchPersons?"),
        ("getDealById", "Did you mean getDeal or getDeals"),
        ("getAllDeals", "Did you mean getDeals or getDeal"),
        ("getDeels", "Did you mean getDeals or getDeal"),
        ("closeDeal", "Did you mean updateDeal"),
        ("winDeal", "Did you mean updateDeal"),
        ("movePerson", "Did you mean updatePerson"),
        ("getEmails", "Did you mean getMailThreads"),
        ("getMe", "Did you mean getCurrentUser?"),
        ("createLabel", "Did you mean addLeadLabel"),
        ("addProductToDeal", "Did you mean addDealProduct?"),
        ("/api/v2/deals", "the hook's request() and the action rawRequest take paths"),
    ],
)
def test_an_unknown_action_is_answered_with_the_one_that_was_meant(given: str, said: str) -> None:
    with pytest.raises(PipedriveParameterError, match=re.escape(said)):
        get_action(given)


def test_a_removed_action_is_not_advised() -> None:
    with pytest.raises(PipedriveParameterError) as raised:
        get_action("getSubscriptions")
    assert "getSubscription " not in str(raised.value)


def test_several_near_names_are_given_and_none_where_nothing_is_near() -> None:
    assert did_you_mean("won", ["wen", "on", "lost"], most=2) == " Did you mean 'on' or 'wen'?"
    assert did_you_mean("xyzzy", ["open", "won"]) == ""
    assert did_you_mean("emails", ["deals", "persons"]) == ""
    assert did_you_mean(None, ["open"]) == ""


@pytest.mark.parametrize(
    ("installed", "command"),
    [
        ({"apache-airflow-core": "3.2.0"}, "airflow pipedrive actions"),
        ({"apache-airflow-core": "3.10.1rc1"}, "airflow pipedrive actions"),
        ({"apache-airflow-core": "3.1.8"}, "python -m airflow_provider_pipedrive actions"),
        ({"apache-airflow": "2.11.2"}, "python -m airflow_provider_pipedrive actions"),
        ({}, "python -m airflow_provider_pipedrive actions"),
    ],
)
def test_a_command_is_advised_in_the_form_that_exists_here(
    installed: dict[str, str], command: str, mocker: MockerFixture
) -> None:
    def version(name: str) -> str:
        if name not in installed:
            raise PackageNotFoundError(name)
        return installed[name]

    mocker.patch("airflow_provider_pipedrive.catalog.advice.version", version)
    advice._airflow_takes_commands.cache_clear()
    try:
        assert own_command("actions") == command
    finally:
        advice._airflow_takes_commands.cache_clear()


@pytest.mark.parametrize(
    ("given", "known", "near"),
    [("Имя", ["Фамилия", "Имена"], []), ("Менеджр", ["Город", "Менеджер"], ["Менеджер"]), ("大", ["小", "中"], [])],
)
def test_names_in_other_scripts_are_compared_by_their_letters(given: str, known: list[str], near: list[str]) -> None:
    assert nearest(given, known) == near


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "request", "0 requests"),
        (1, "request", "1 request"),
        (1_200, "API token", "1,200 API tokens"),
        (1, "entity", "1 entity"),
        (3, "entity", "3 entities"),
        (2, "day", "2 days"),
    ],
)
def test_a_number_has_its_noun_in_the_right_form(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text
