"""How assets are named, and what Airflow and lineage make of the names."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
from airflow.providers.common.compat.sdk import Asset

from airflow_provider_pipedrive.assets import asset_uri, create_asset
from airflow_provider_pipedrive.assets.uris import convert_asset_to_openlineage, sanitize_uri
from airflow_provider_pipedrive.client.hosts import company_of
from airflow_provider_pipedrive.errors import PipedriveParameterError


def test_an_asset_is_named_by_company_and_entity():
    assert asset_uri("acme", "deals") == "pipedrive://acme/deals"
    assert create_asset(company="Acme.pipedrive.com", entity="persons").uri == "pipedrive://acme/persons"


@pytest.mark.parametrize(
    ("host", "company"),
    [
        ("acme", "acme"),
        ("ACME.pipedrive.com", "acme"),
        ("https://acme.pipedrive.com/", "acme"),
        ("http://127.0.0.1:8765", "127.0.0.1"),
        ("127.0.0.1:8765", "127.0.0.1"),
        ("crm.example.com", "crm.example.com"),
    ],
)
def test_the_company_is_its_name_in_its_address(host: str, company: str):
    assert company_of(host) == company


@pytest.mark.parametrize("host", ["", "a company", "https://", "user:secret@acme", "acme/deals"])
def test_what_is_no_company_is_refused(host: str):
    with pytest.raises(PipedriveParameterError, match="The company must be its name"):
        company_of(host)


def test_an_unknown_entity_is_refused_with_the_nearest_name():
    with pytest.raises(PipedriveParameterError, match="Did you mean deals"):
        asset_uri("acme", "deal")


def test_airflow_takes_such_a_name_and_brings_it_into_one_form():
    assert Asset("pipedrive://ACME/Deals/").uri == "pipedrive://acme/deals"
    assert Asset("pipedrive://acme.pipedrive.com/deals").uri == "pipedrive://acme/deals"
    assert Asset("pipedrive://acme/deals/each").uri == "pipedrive://acme/deals/each"


def test_a_name_of_what_pipedrive_does_not_have_is_refused_with_the_nearest_name():
    with pytest.raises(ValueError, match="Did you mean deals"):
        sanitize_uri(urlsplit("pipedrive://acme/dealz"))


@pytest.mark.parametrize(
    "uri",
    [
        "pipedrive://acme",
        "pipedrive:///deals",
        "pipedrive://",
        "pipedrive://acme/deals/17",
        "pipedrive://acme/deals/each/x",
        "pipedrive://acme/deals?status=won",
    ],
)
def test_a_name_without_company_or_entity_is_refused(uri: str):
    with pytest.raises(ValueError, match="pipedrive://company/entity"):
        sanitize_uri(urlsplit(uri))


def test_lineage_knows_it_by_the_company_as_namespace():
    pytest.importorskip("openlineage.client", reason="its data sets belong to openlineage-python")
    dataset = convert_asset_to_openlineage(Asset("pipedrive://acme/deals"), None)
    assert (dataset.namespace, dataset.name) == ("pipedrive://acme", "deals")


@pytest.mark.parametrize("company", ["ac\u212ae", "acm\u0435", "acme\u3002pipedrive.com", "\uff41cme"])
def test_a_company_whose_name_only_looks_like_one_is_refused(company: str) -> None:
    with pytest.raises(PipedriveParameterError):
        asset_uri(company, "deals")
    with pytest.raises(ValueError, match="acme"):
        sanitize_uri(urlsplit(f"pipedrive://{company}/deals"))
