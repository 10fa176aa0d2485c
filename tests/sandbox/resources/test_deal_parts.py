"""What belongs to a deal: products, discounts, installments."""

from __future__ import annotations

from tests.support.sandbox_api import Api, a_product


def test_the_value_of_a_deal_follows_its_products_and_discounts(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}"
    line = {"product_id": a_product(api), "item_price": 100, "quantity": 2, "discount": 10}
    row = api.post(f"{path}/products", line).json()["data"]
    assert (row["sum"], api.data(path)["value"]) == (180, 180)
    api.patch(f"{path}/products/{row['id']}", {"quantity": 3})
    assert api.data(path)["value"] == 270
    discount = {"description": "x", "amount": 50, "type": "percentage"}
    api.post(f"{path}/discounts", discount)
    assert api.data(path)["value"] == 135
    assert api.patch(path, {"value": 1}).json()["data"]["value"] == 135
    api.patch(f"{path}/products/{row['id']}", {"is_enabled": False})
    assert api.data(path)["value"] == 0


def test_many_products_are_added_together_or_not_at_all(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}/products"
    good = {"product_id": a_product(api), "item_price": 1, "quantity": 1}
    assert api.post(f"{path}/bulk", {"data": [good, {**good, "product_id": 999_999}]}).status_code == 400
    assert api.post(f"{path}/bulk", {"data": [good, {**good, "quantity": "1"}]}).status_code == 400
    assert api.post(f"{path}/bulk", {"data": [good] * 101}).status_code == 400
    assert api.data(path) == []
    rows = api.post(f"{path}/bulk", {"data": [good, good, good]}).json()["data"]
    keys = [row["id"] for row in rows]
    gone = api.delete(path, ids=f"{keys[0]},{keys[1]}").json()["data"]
    assert gone == {"ids": keys[:2]}
    assert [row["id"] for row in api.data(path)] == keys[2:]
    assert api.delete(path).json()["data"] == {"ids": keys[2:]}, "without ids everything goes, as in Pipedrive"


def test_recurring_products_and_installments_exclude_each_other(api: Api, bare: int) -> None:
    path = f"/api/v2/deals/{bare}"
    installment = {"description": "x", "amount": 5, "billing_date": "2026-12-01"}
    assert api.post(f"{path}/installments", installment).status_code == 400
    once = {"product_id": a_product(api), "item_price": 1, "quantity": 1}
    api.post(f"{path}/products", once)
    assert api.post(f"{path}/installments", {**installment, "amount": 0}).status_code == 400
    assert api.post(f"{path}/installments", installment).status_code == 200
    assert api.post(f"{path}/products", {**once, "billing_frequency": "monthly"}).status_code == 400
    assert api.data("/api/v2/deals/installments", deal_ids=bare)[0]["amount"] == 5
