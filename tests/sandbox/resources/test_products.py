"""Copies, variations and images of products; pictures of persons."""

from __future__ import annotations

import pytest

from tests.support.sandbox_api import Api, a_product

PRODUCT = "/api/v2/products"
PRICES = [{"currency": "EUR", "price": 5, "cost": 2, "notes": ""}]


@pytest.fixture
def product(api: Api) -> str:
    """The path of a new product."""
    return f"{PRODUCT}/{a_product(api)}"


def test_a_copy_is_a_product_of_its_own(api: Api, product: str) -> None:
    api.patch(product, {"code": "C-1"})
    copy = api.post(f"{product}/duplicate").json()["data"]
    assert (copy["name"], copy["code"]) == ("New (copy)", "C-1")
    api.patch(f"{PRODUCT}/{copy['id']}", {"code": "C-2"})
    assert api.data(product)["code"] == "C-1"


def test_the_prices_of_a_variation_are_replaced_as_a_whole(api: Api, product: str) -> None:
    path = f"{product}/variations"
    made = api.post(path, {"name": "Large", "prices": [*PRICES, {"currency": "USD", "price": 6}]})
    assert made.status_code == 201
    key = made.json()["data"]["id"]
    api.patch(f"{path}/{key}", {"prices": PRICES})
    assert [(row["name"], row["prices"]) for row in api.data(path)] == [("Large", PRICES)]
    assert api.delete(f"{path}/{key}").json()["data"] == {"id": key}
    assert api.data(path) == []


def test_a_variation_belongs_to_its_product_only(api: Api, product: str) -> None:
    key = api.post(f"{product}/variations", {"name": "Large"}).json()["data"]["id"]
    assert api.patch(f"{PRODUCT}/1/variations/{key}", {"name": "Small"}).status_code == 404


def test_a_product_has_one_image_which_can_be_replaced_and_taken_away(api: Api, product: str) -> None:
    path = f"{product}/images"
    assert api.get(path).status_code == 404
    assert api("POST", path, files={"data": ("a.png", b"a", "image/png")}).status_code == 201
    assert api("POST", path, files={"data": ("b.png", b"b", "image/png")}).status_code == 400
    replaced = api("PUT", path, files={"data": ("b.png", b"b", "image/png")})
    assert (replaced.status_code, api.data(path)["name"]) == (200, "b.png")
    assert api.delete(path).status_code == 200
    assert api.get(path).status_code == 404


def test_a_picture_is_a_persons_until_it_is_taken_away(api: Api) -> None:
    key = api.post("/api/v2/persons", {"name": "Ada"}).json()["data"]["id"]
    picture = api("POST", f"/v1/persons/{key}/picture", files={"file": ("a.png", b"abc")}).json()["data"]
    assert (picture["item_id"], picture["file_size"]) == (key, 3)
    assert api.data(f"/api/v2/persons/{key}")["picture_id"] == picture["id"]
    assert api.data(f"/api/v2/persons/{key}/picture")["id"] == picture["id"]
    assert api.delete(f"/v1/persons/{key}/picture").status_code == 200
    assert api.get(f"/api/v2/persons/{key}/picture").status_code == 404
