"""Rows held against records: afterwards the records have what the rows say, and nothing was written that was there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given
from hypothesis import strategies as st

from airflow_provider_pipedrive.bulk import BulkJob, undo, write
from airflow_provider_pipedrive.client import PipedriveClient, settings_from
from airflow_provider_pipedrive.sandbox import Sandbox
from airflow_provider_pipedrive.sandbox.control.world import LoggedRequest
from tests.bulk.conftest import lines
from tests.conftest import API_TOKEN

SPELLINGS: dict[str, dict[Any, list[Any]]] = {
    "Title": {"Machine": ["Machine"], "machine": ["machine"], "5": ["5"]},
    "Expected close date": {None: [None], "2027-01-31": ["2027-01-31", date(2027, 1, 31)]},
    "Seats": {None: [None], 25: [25, "25", 25.0, Decimal("25.0")], 2.5: ["2.5", Decimal("2.50")], 0: [0, "0"]},
    "Yearly value": {
        None: [None],
        (1200.5, "EUR"): ["1200.50 eur", "EUR 1200.5", {"value": "1200.5", "currency": "EUR"}],
        (1200.5, "USD"): ["1200.5 USD"],
        (0.0, "EUR"): ["0 EUR"],
    },
    "Segment": {None: [None], "Small": ["Small", "small"], "Large": ["Large", "LARGE"]},
    "Renewal date": {None: [None], "2027-01-31": ["2027-01-31", date(2027, 1, 31)], "1999-12-31": ["1999-12-31"]},
    "Pilot period": {
        None: [None],
        ("2027-01-01", "2027-02-01"): [{"value": "2027-01-01", "until": "2027-02-01"}],
        ("2027-01-01", "2027-03-01"): [{"value": date(2027, 1, 1), "until": date(2027, 3, 1)}],
    },
    "Summary": {None: [None], "Größe\n2 m": ["Größe\n2 m"], "=1+1": ["=1+1"], "5": ["5", 5]},
}
"""By field, what a deal can have, and how rows say it."""
PARTS = {"Yearly value": ("value", "currency"), "Pilot period": ("value", "until")}
SYSTEM = {"Title": "title", "Expected close date": "expected_close_date"}
DEALS = (1, 2, 3)

Values = dict[str, Any]
STATES = st.fixed_dictionaries({name: st.sampled_from([*values]) for name, values in SPELLINGS.items()})


class Cell(NamedTuple):
    """What a row says of a field: the value that is meant, and how it is spelled; an empty text says nothing."""

    meant: Any
    spelled: Any


def cells(name: str) -> st.SearchStrategy[Cell]:
    spelled = [Cell(meant, spelling) for meant, each in SPELLINGS[name].items() for spelling in each]
    return st.sampled_from([*spelled, Cell(..., "")])


ROWS = st.fixed_dictionaries({name: cells(name) for name in SPELLINGS})


class Company:
    """A company's deals as their values by field name, and how often something was written to them."""

    def __init__(self, sandbox: Sandbox, client: PipedriveClient) -> None:
        self._sandbox = sandbox
        self.client = client
        fields = {field["field_name"]: field for field in client.iterate("getDealFields")}
        self._codes = {name: str(fields[name]["field_code"]) for name in SPELLINGS if name not in SYSTEM}
        self._options = {option["label"]: option["id"] for option in fields["Segment"]["options"]}

    def set(self, deal: int, values: Mapping[str, Any]) -> None:
        custom = {self._codes[name]: self._wire(name, values[name]) for name in self._codes}
        system = {SYSTEM[name]: values[name] for name in SYSTEM}
        self.client.run("updateDeal", {"id": deal, **system, "custom_fields": custom})

    def values_of(self, deal: int) -> Values:
        record = self.client.run("getDeal", {"id": deal})
        values = {name: record[key] for name, key in SYSTEM.items()}
        return values | {
            name: self._read(name, record["custom_fields"].get(code)) for name, code in self._codes.items()
        }

    @property
    def last_request(self) -> LoggedRequest:
        return self._sandbox.requests[-1]

    def written_since(self, last: LoggedRequest) -> int:
        """How often something was written after a request. The sandbox keeps the last 20,000 only: a count of all that
        it has does not grow for ever."""
        since = takewhile(lambda request: request is not last, reversed(self._sandbox.requests))
        return sum(request.method != "GET" for request in since)

    def _wire(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in PARTS:
            return dict(zip(PARTS[name], value, strict=True))
        return self._options[value] if name == "Segment" else value

    def _read(self, name: str, value: Any) -> Any:
        if value is None:
            return None
        if name in PARTS:
            return tuple(value[part] for part in PARTS[name])
        return next(label for label, number in self._options.items() if number == value) if name == "Segment" else value


@pytest.fixture(scope="module")
def company() -> Iterator[Company]:
    with (
        Sandbox(deals=len(DEALS), seed=1, api_token=API_TOKEN) as sandbox,
        PipedriveClient(
            settings_from(host=sandbox.url, extra={"api_token": API_TOKEN, "burst_limit": 10_000})
        ) as client,
    ):
        yield Company(sandbox, client)


@given(
    states=st.tuples(*(STATES for _ in DEALS)),
    rows=st.dictionaries(st.sampled_from(DEALS), ROWS, min_size=1),
    protected=st.sets(st.sampled_from([*SPELLINGS]), max_size=2),
)
def test_the_records_have_what_the_rows_say_and_nothing_is_written_that_is_there_already(
    company: Company, states: tuple[Values, ...], rows: dict[int, dict[str, Cell]], protected: set[str]
) -> None:
    before = dict(zip(DEALS, states, strict=True))
    for deal, values in before.items():
        company.set(deal, values)
    changed = {deal: differences(before[deal], row, protected) for deal, row in rows.items()}
    given_rows = [{"id": deal, **{name: cell.spelled for name, cell in row.items()}} for deal, row in rows.items()]
    job = BulkJob("deals", match_on="id", only_if_empty=sorted(protected))
    with TemporaryDirectory() as folder:
        last = company.last_request
        receipt = write(company.client, given_rows, job, folder=Path(folder, "first"))
        assert company.written_since(last) == sum(map(bool, changed.values()))
        diff = {line["id"]: set(line["after"]) for line in lines(receipt["diff"])} if receipt["diff"] else {}
        assert diff == {deal: set(values) for deal, values in changed.items() if values}
        event(f"{len(diff)} of {len(rows)} rows differ")
        after = {deal: values | changed.get(deal, {}) for deal, values in before.items()}
        assert {deal: company.values_of(deal) for deal in DEALS} == after

        last = company.last_request
        again = write(company.client, given_rows, job, folder=Path(folder, "second"))
        assert (again["unchanged"], again["diff"], company.written_since(last)) == (len(rows), None, 0)

        undo(company.client, Path(folder, "first"))
        assert {deal: company.values_of(deal) for deal in DEALS} == before


def differences(before: Values, row: Mapping[str, Cell], protected: set[str]) -> Values:
    """What is to be written: what a row says, where the record has something else, unless that is protected."""
    return {
        name: cell.meant
        for name, cell in row.items()
        if cell.meant not in (..., before[name]) and (name not in protected or before[name] is None)
    }
