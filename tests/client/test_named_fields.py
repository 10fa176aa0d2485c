"""Custom fields by name in single writes and reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.errors import PipedriveParameterError, PipedriveValidationError
from airflow_provider_pipedrive.sandbox import Sandbox
from tests.conftest import API_TOKEN

SEGMENT = "48518331116f22e83ac2f70301c01ab410b46e3c"


@pytest.fixture
def client(sandbox: Sandbox) -> Iterator[PipedriveClient]:
    with PipedriveClient(
        settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
    ) as made:
        yield made


def test_a_write_names_fields_and_options_as_people_do_and_a_read_gives_them_back(client: PipedriveClient) -> None:
    client.run("updateDeal", {"id": 1, "custom_fields": {"segment": "large", "Seats": "25", "Yearly value": "10 EUR"}})

    deal = client.run("getDeal", {"id": 1}, readable=True)
    assert deal["custom_fields"]["Segment"] == "Large"
    assert deal["custom_fields"]["Seats"] == 25
    assert deal["custom_fields"]["Yearly value"] == {"value": 10, "currency": "EUR"}


def test_definitions_are_read_once_for_many_writes(client: PipedriveClient, sandbox: Sandbox) -> None:
    for number in range(5):
        client.run("updateDeal", {"id": 1, "custom_fields": {"Seats": number}})

    assert [entry.path for entry in sandbox.requests].count("/api/v2/dealFields") == 1


def test_a_write_by_keys_reads_no_definitions(client: PipedriveClient, sandbox: Sandbox) -> None:
    client.run("updateDeal", {"id": 1, "custom_fields": {SEGMENT: None}})

    assert len(sandbox.requests) == 1


def test_a_new_lead_takes_names_too(client: PipedriveClient) -> None:
    made = client.run("addLead", {"title": "Inbound", "person_id": 1, "custom_fields": {"Segment": "Small"}})

    leads = {lead["id"]: lead for lead in client.iterate("getLeads", readable=True)}
    assert leads[made["id"]]["custom_fields"]["Segment"] == "Small"


@pytest.mark.parametrize(
    ("action", "given", "words"),
    [
        ("updateDeal", {"id": 1, "custom_fields": {"Segmnt": "Large"}}, "there is no field 'Segmnt'"),
        ("updateDeal", {"id": 1, "custom_fields": {"Segment": "Larg"}}, "Segment must be the name or id of an option"),
        ("updateDeal", {"id": 1, "custom_fields": {"Seats": "many"}}, "Seats must be a number, not 'many'"),
        ("updateDeal", {"id": 1, "custom_fields": {"Champion": "Eva"}}, "Champion must be the id of a person"),
        ("updateDeal", {"id": 1, "custom_fields": {"Title": "x"}}, "is Pipedrive's own field title"),
        ("updatePerson", {"id": 1, "custom_fields": {"Source": "Fair"}}, "several fields are called 'Source'"),
    ],
)
def test_what_does_not_fit_is_refused_by_name_before_anything_is_written(
    client: PipedriveClient, sandbox: Sandbox, action: str, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(PipedriveParameterError, match=words):
        client.run(action, given)

    assert all(entry.method == "GET" for entry in sandbox.requests)


SEATS = "6e120c093758d5c0827f0156eacde1d87220eb8a"
CONTRACT = "b4fa883ab9464eb0330b15e94936b0564897e599"
INTERESTS = "4b69d691bbc4f615bc1d9e65cf6e6bd04da0ff0e"
YEARLY_VALUE = "9c99cc41db474687114c1353fe580e0475b755a0"
CHAMPION = "72319daafd35b74a36569738ea4568c67e910af3"
BEST_TIME = "5cc01d8e355af0e50f62c7e85e19b9982881d7a8"
SITE = "51bb82c6f2e7750dad7862d474263f49fe57abdf"
RENEWAL_DATE = "15509e068bb4c0b8e417a5ad96f002a77db04701"
RISK = "6fe9fa1439a83a01ad4bf5ffa9e12f275eabeaf3"
SOURCE_TEXT = "a1eff7ed68b4a1e11d3b549afa7762efccd9b96d"


def sent(sandbox: Sandbox) -> list[str]:
    """Method and table of each request."""
    tables = (entry.path.removeprefix("/api/v2/").removeprefix("/v1/").split("/")[0] for entry in sandbox.requests)
    return [f"{entry.method} {table}" for entry, table in zip(sandbox.requests, tables, strict=True)]


def test_what_a_template_renders_under_a_key_is_sent_as_its_field_takes_it(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    custom = {
        SEATS: "25",
        SEGMENT: "13",
        INTERESTS: ["15", "17"],
        YEARLY_VALUE: {"value": "1200.50", "currency": "EUR"},
        CHAMPION: "2",
        CONTRACT: "10115",
        BEST_TIME: {"value": "09:30:00", "timezone_id": "5"},
        SITE: {"value": "Narva mnt 5", "postal_code": 10117},
    }

    deal = client.run("updateDeal", {"id": 1, "custom_fields": custom})["custom_fields"]

    assert [deal[key] for key in (SEATS, SEGMENT, INTERESTS, CHAMPION, CONTRACT)] == [25, 13, [15, 17], 2, "10115"]
    assert deal[YEARLY_VALUE] == {"value": 1200.5, "currency": "EUR"}
    assert (deal[BEST_TIME]["timezone_id"], deal[SITE]["postal_code"]) == (5, "10117")
    assert sent(sandbox) == ["GET dealFields", "PATCH deals"]


@pytest.mark.parametrize(
    ("rendered", "stored"), [("15, 17", [15, 17]), ("[15, 17]", [15, 17]), ("['15', '17']", [15, 17]), ("15", [15])]
)
def test_options_may_be_a_text_as_templates_write_lists(client: PipedriveClient, rendered: str, stored: Any) -> None:
    deal = client.run("updateDeal", {"id": 1, "custom_fields": {INTERESTS: rendered}})

    assert deal["custom_fields"][INTERESTS] == stored


def test_all_custom_fields_may_be_one_template(client: PipedriveClient) -> None:
    deal = client.run("updateDeal", {"id": 1, "custom_fields": str({SEATS: "25", CONTRACT: "A-1"})})

    assert (deal["custom_fields"][SEATS], deal["custom_fields"][CONTRACT]) == (25, "A-1")


def test_a_number_for_a_text_field_is_sent_as_text_once_pipedrive_has_refused_it(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    deal = client.run("updateDeal", {"id": 1, "custom_fields": {CONTRACT: 10115}})

    assert deal["custom_fields"][CONTRACT] == "10115"
    assert sent(sandbox) == ["PATCH deals", "GET dealFields", "PATCH deals"]
    client.run("updateDeal", {"id": 1, "custom_fields": {CONTRACT: 10116}})
    assert sent(sandbox)[3:] == ["PATCH deals"]  # what is known by now costs nothing


def test_values_that_need_no_conversion_cause_no_other_request(client: PipedriveClient, sandbox: Sandbox) -> None:
    custom = {
        SEATS: 25,
        CONTRACT: "A-1 of May",
        INTERESTS: [15],
        YEARLY_VALUE: {"value": 5, "currency": "EUR"},
        SEGMENT: None,
        RENEWAL_DATE: "2026-05-31",
        BEST_TIME: {"value": "09:30:00"},
    }

    client.run("updateDeal", {"id": 1, "custom_fields": custom})

    assert sent(sandbox) == ["PATCH deals"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({SEATS: "1,200"}, rf"Seats \({SEATS}\) must be a number, not '1,200'"),
        ({SEATS: "None"}, r"Seats .* must be a number, not 'None'"),
        ({SEATS: "many"}, r"Seats .* must be a number, not 'many'"),
        ({SEATS: ""}, r"Seats .* must be a number, not ''"),
        ({SEGMENT: "Larg"}, r"Segment .* must be the name or id of an option.*did you mean 'Large'"),
        ({SEGMENT: "99"}, "Segment .* must be the name or id of an option, which '99' is not"),
        ({YEARLY_VALUE: {"value": "12", "curency": "EUR"}}, r"Yearly value .* has no 'curency'"),
        ({CHAMPION: "5 EUR"}, r"Champion .* must be the id of a person, not '5 EUR'"),
    ],
)
def test_a_wrong_value_under_a_key_is_refused_by_the_fields_name_before_anything_is_written(
    client: PipedriveClient, sandbox: Sandbox, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(PipedriveParameterError, match=words):
        client.run("updateDeal", {"id": 1, "custom_fields": given})

    assert sent(sandbox) == ["GET dealFields"]


def test_a_refusal_names_the_field_where_nothing_can_be_converted(client: PipedriveClient, sandbox: Sandbox) -> None:
    with pytest.raises(PipedriveValidationError, match=r"Seats \(.*\) must be a number, not 'a dozen or so'"):
        client.run("updateDeal", {"id": 1, "custom_fields": {SEATS: "a dozen or so"}})
    gone = "f" * 40
    with pytest.raises(PipedriveValidationError, match=f"no custom field has the key {gone}"):
        client.run("updateDeal", {"id": 1, "custom_fields": {gone: "of old"}})

    assert sent(sandbox).count("PATCH deals") == 2


def test_definitions_that_cannot_be_read_leave_values_as_they_are_with_a_warning(
    client: PipedriveClient, sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.fault(path="/api/v2/dealFields", kind="403", count=5)

    client.run("updateDeal", {"id": 1, "custom_fields": {CONTRACT: "10115"}})

    assert "updateDeal: its custom fields are sent as they are, since their definitions cannot be read" in caplog.text


def test_an_option_that_was_added_meanwhile_is_found(client: PipedriveClient) -> None:
    client.run("updateDeal", {"id": 1, "custom_fields": {"Segment": "Large"}})
    added = client.run("addDealFieldOptions", {"field_code": SEGMENT, "body": [{"label": "Huge"}]})

    deal = client.run("updateDeal", {"id": 1, "custom_fields": {SEGMENT: str(added[0]["id"])}})

    assert deal["custom_fields"][SEGMENT] == added[0]["id"]


def test_leads_take_rendered_values_beside_their_other_parameters(client: PipedriveClient, sandbox: Sandbox) -> None:
    given = {SEATS: "25", CONTRACT: "10115", YEARLY_VALUE: "1200", f"{YEARLY_VALUE}_currency": "USD", SEGMENT: "13"}

    lead = client.run("addLead", {"title": "Inbound", "person_id": 1, **given})

    assert [lead[key] for key in (SEATS, CONTRACT, YEARLY_VALUE, SEGMENT)] == [25, "10115", 1200, "13"]
    assert lead[f"{YEARLY_VALUE}_currency"] == "USD"
    client.run("updateLead", {"id": lead["id"], SEATS: ""})
    with pytest.raises(PipedriveParameterError, match=r"Seats .* must be a number"):
        client.run("addLead", {"title": "Inbound", "person_id": 1, SEATS: "12,5"})


def test_leads_take_keys_in_custom_fields_too(client: PipedriveClient, sandbox: Sandbox) -> None:
    custom = {SEATS: 25, YEARLY_VALUE: {"value": 5, "currency": "USD"}}

    lead = client.run("addLead", {"title": "Inbound", "person_id": 1, "custom_fields": custom})

    assert (lead[SEATS], lead[YEARLY_VALUE], lead[f"{YEARLY_VALUE}_currency"]) == (25, 5, "USD")
    assert sent(sandbox) == ["POST leads"]


def test_a_name_takes_objects_from_templates_as_a_key_does(client: PipedriveClient) -> None:
    custom = {
        "Yearly value": "{'value': '1200', 'currency': 'EUR'}",
        "Site": {"value": "Narva mnt 5", "postal_code": 10117},
        "Interests": "[15, 17]",
    }

    deal = client.run("updateDeal", {"id": 1, "custom_fields": custom})["custom_fields"]

    assert (deal[YEARLY_VALUE], deal[INTERESTS]) == ({"value": 1200, "currency": "EUR"}, [15, 17])
    assert deal[SITE]["postal_code"] == "10117"


def test_projects_and_a_persons_one_value_are_of_the_same_kind(client: PipedriveClient, sandbox: Sandbox) -> None:
    project = client.run("addProject", {"title": "A", "board_id": 1, "phase_id": 1, "custom_fields": {RISK: "32"}})
    assert project["custom_fields"][RISK] == 32

    person = client.run("setFieldValueForPerson", {"id": 1, "field_code": SOURCE_TEXT, "value": 2026})
    assert person["custom_fields"][SOURCE_TEXT] == "2026"


def test_a_name_that_looks_like_a_key_is_sent_as_one_first_and_found_when_pipedrive_refuses_it(
    client: PipedriveClient, sandbox: Sandbox
) -> None:
    client.run("updateDeal", {"id": 1, "custom_fields": {"seats": 25}})

    assert [(entry.method, entry.status) for entry in sandbox.requests] == [
        ("PATCH", 400),
        ("GET", 200),
        ("PATCH", 200),
    ]
    assert client.run("getDeal", {"id": 1}, readable=True)["custom_fields"]["Seats"] == 25
