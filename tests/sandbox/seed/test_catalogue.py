"""What the company sells."""

from __future__ import annotations

from tests.support.seeded_company import Company


def test_every_product_has_a_price_in_every_currency_and_earns_something(company: Company) -> None:
    for product in company["products"].values():
        assert [price["currency"] for price in product["prices"]] == ["EUR", "USD", "GBP", "JPY"]
        assert all(0 < price["cost"] < price["price"] for price in product["prices"])


def test_what_is_billed_monthly_is_billed_for_a_year(company: Company) -> None:
    cycles = {
        (product["billing_frequency"], product["billing_frequency_cycles"]) for product in company["products"].values()
    }
    assert cycles == {("one-time", None), ("annually", None), ("monthly", 12)}


def test_codes_are_unique(company: Company) -> None:
    codes = [product["code"] for product in company["products"].values()]
    assert len(set(codes)) == len(codes) == 12
