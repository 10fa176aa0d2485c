"""Variations, images and copies of products; pictures of persons."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control.world import Box
from airflow_provider_pipedrive.sandbox.resources.records import find_living
from airflow_provider_pipedrive.sandbox.resources.registry import answers
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.calls import Answer, Call, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_answer
from airflow_provider_pipedrive.sandbox.views.v2 import view_of


def _product(box: Box, call: Call) -> Record:
    return find_living(box.state, "products", call.id, "Product")


@answers("duplicateProduct")
def duplicate_product(box: Box, call: Call) -> Answer:
    """A copy of a product."""
    stamp = box.clock.stamp()
    copy = {name: value for name, value in _product(box, call).items() if name != "id"}
    copy.update(name=f"{copy['name']} (copy)", add_time=stamp, update_time=stamp)
    record = box.state.insert("products", copy, box.actor(call.user_id, call.correlation_id))
    return ok(view_of(box.state, "products")(record), 201)


# Variations


def _variation(box: Box, call: Call) -> Record:
    row = box.state.get("variations", call.ids["product_variation_id"])
    if row is None or row["product_id"] != _product(box, call)["id"]:
        raise refusals.not_found("Product variation")
    return row


@answers("getProductVariations")
def get_variations(box: Box, call: Call) -> Answer:
    """The variations of a product."""
    return cursor_answer(call, box.state["variations"].where("product_id", _product(box, call)["id"]), lambda row: row)


@answers("addProductVariation")
def add_variation(box: Box, call: Call) -> Answer:
    """A new variation."""
    rules.validate_values(box.state, "variations", call.body)
    fields = {
        "name": call.body["name"],
        "product_id": _product(box, call)["id"],
        "prices": call.body.get("prices") or [],
    }
    return ok(box.state.insert("variations", fields, box.actor(call.user_id)), 201)


@answers("updateProductVariation")
def update_variation(box: Box, call: Call) -> Answer:
    """A changed variation; prices are replaced as a whole."""
    rules.validate_values(box.state, "variations", call.body)
    key = _variation(box, call)["id"]
    return ok(box.state.update("variations", key, call.body, box.actor(call.user_id), touch=None))


@answers("deleteProductVariation")
def delete_variation(box: Box, call: Call) -> Answer:
    """A variation taken away."""
    key = _variation(box, call)["id"]
    box.state.remove("variations", key, box.actor(call.user_id))
    return ok({"id": key})


# Images


def _image(box: Box, call: Call) -> Record:
    rows = box.state["images"].where("product_id", _product(box, call)["id"])
    if not rows:
        raise refusals.not_found("Product image")
    return rows[0]


def _image_view(row: Record, with_url: bool) -> Record:
    shown = {name: value for name, value in row.items() if name != "content"}
    if with_url:
        shown["public_url"] = f"https://sandbox.invalid/images/{row['id']}"
    return shown


@answers("getProductImage")
def get_image(box: Box, call: Call) -> Answer:
    """A product's image, with the address to fetch it from."""
    return ok(_image_view(_image(box, call), True))


@answers("uploadProductImage", "updateProductImage")
def put_image(box: Box, call: Call) -> Answer:
    """A product's first image, or a new one in its place."""
    product = _product(box, call)
    upload = call.body["data"]
    fields = {
        "product_id": product["id"],
        "company_id": str(box.state.company_id),
        "add_time": box.clock.stamp(),
        "mime_type": upload.content_type or "image/png",
        "name": upload.name,
        "content": upload.content,
    }
    existing = box.state["images"].where("product_id", product["id"])
    if call.method == "POST":
        if existing:
            raise refusals.refuse(400, "The product has an image already")
        return ok(_image_view(box.state.insert("images", fields, box.actor(call.user_id)), False), 201)
    row = _image(box, call)
    return ok(_image_view(box.state.replace("images", row["id"], fields), False))


@answers("deleteProductImage")
def delete_image(box: Box, call: Call) -> Answer:
    """A product's image taken away."""
    row = _image(box, call)
    box.state["images"].remove(row["id"])
    return ok({"id": row["id"]})


# Pictures of persons


def _person(box: Box, call: Call) -> Record:
    return find_living(box.state, "persons", call.id, "Person")


def _picture_view(row: Record) -> Record:
    sizes = {size: f"https://sandbox.invalid/pictures/{row['id']}_{size}.jpg" for size in ("128", "512")}
    return {
        "id": row["id"],
        "item_type": "person",
        "item_id": row["item_id"],
        "active_flag": True,
        "add_time": to_v1(row["add_time"]),
        "update_time": to_v1(row["add_time"]),
        "added_by_user_id": row["added_by_user_id"],
        "file_size": len(row["content"]),
        "pictures": sizes,
    }


@answers("getPersonPicture")
def get_picture(box: Box, call: Call) -> Answer:
    """A person's picture."""
    row = box.state.get("pictures", _person(box, call).get("picture_id"))
    if row is None:
        raise refusals.not_found("Picture")
    return ok(_picture_view(row))


@answers("addPersonPicture")
def add_picture(box: Box, call: Call) -> Answer:
    """A person's new picture."""
    person, actor = _person(box, call), box.actor(call.user_id, call.correlation_id)
    fields = {
        "item_id": person["id"],
        "added_by_user_id": call.user_id,
        "add_time": box.clock.stamp(),
        "content": call.body["file"].content,
    }
    row = box.state.insert("pictures", fields, actor)
    box.state.update("persons", person["id"], {"picture_id": row["id"]}, actor)
    return ok(_picture_view(row))


@answers("deletePersonPicture")
def delete_picture(box: Box, call: Call) -> Answer:
    """A person's picture taken away."""
    person = _person(box, call)
    if person.get("picture_id") is None:
        raise refusals.not_found("Picture")
    box.state.update("persons", person["id"], {"picture_id": None}, box.actor(call.user_id, call.correlation_id))
    return ok({"id": person["id"]})
