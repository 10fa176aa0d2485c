"""Variations, images and copies of products; pictures of persons."""

from __future__ import annotations

from airflow_provider_pipedrive.sandbox.control.world import World
from airflow_provider_pipedrive.sandbox.resources.records import find_living
from airflow_provider_pipedrive.sandbox.resources.registry import handles
from airflow_provider_pipedrive.sandbox.server import refusals
from airflow_provider_pipedrive.sandbox.server.messages import Request, Response, ok
from airflow_provider_pipedrive.sandbox.state import rules
from airflow_provider_pipedrive.sandbox.state.clock import to_v1
from airflow_provider_pipedrive.sandbox.state.store import Record
from airflow_provider_pipedrive.sandbox.views.paging import cursor_response
from airflow_provider_pipedrive.sandbox.views.v2 import view_of


def _product(world: World, request: Request) -> Record:
    return find_living(world.state, "products", request.id, "Product")


@handles("duplicateProduct")
def duplicate_product(world: World, request: Request) -> Response:
    """A copy of a product."""
    stamp = world.clock.stamp()
    copy = {name: value for name, value in _product(world, request).items() if name != "id"}
    copy.update(name=f"{copy['name']} (copy)", add_time=stamp, update_time=stamp)
    record = world.state.insert("products", copy, world.actor(request.user_id, request.correlation_id))
    return ok(view_of(world.state, "products")(record), 201)


# Variations


def _variation(world: World, request: Request) -> Record:
    row = world.state.get("variations", request.ids["product_variation_id"])
    if row is None or row["product_id"] != _product(world, request)["id"]:
        raise refusals.not_found("Product variation")
    return row


@handles("getProductVariations")
def get_variations(world: World, request: Request) -> Response:
    """The variations of a product."""
    return cursor_response(
        request, world.state["variations"].where("product_id", _product(world, request)["id"]), lambda row: row
    )


@handles("addProductVariation")
def add_variation(world: World, request: Request) -> Response:
    """A new variation."""
    rules.validate_values(world.state, "variations", request.body)
    fields = {
        "name": request.body["name"],
        "product_id": _product(world, request)["id"],
        "prices": request.body.get("prices") or [],
    }
    return ok(world.state.insert("variations", fields, world.actor(request.user_id)), 201)


@handles("updateProductVariation")
def update_variation(world: World, request: Request) -> Response:
    """A changed variation; prices are replaced as a whole."""
    rules.validate_values(world.state, "variations", request.body)
    key = _variation(world, request)["id"]
    return ok(world.state.update("variations", key, request.body, world.actor(request.user_id), touch=None))


@handles("deleteProductVariation")
def delete_variation(world: World, request: Request) -> Response:
    """A variation taken away."""
    key = _variation(world, request)["id"]
    world.state.remove("variations", key, world.actor(request.user_id))
    return ok({"id": key})


# Images


def _image(world: World, request: Request) -> Record:
    rows = world.state["images"].where("product_id", _product(world, request)["id"])
    if not rows:
        raise refusals.not_found("Product image")
    return rows[0]


def _image_view(row: Record, with_url: bool) -> Record:
    shown = {name: value for name, value in row.items() if name != "content"}
    if with_url:
        shown["public_url"] = f"https://sandbox.invalid/images/{row['id']}"
    return shown


@handles("getProductImage")
def get_image(world: World, request: Request) -> Response:
    """A product's image, with the address to fetch it from."""
    return ok(_image_view(_image(world, request), True))


@handles("uploadProductImage", "updateProductImage")
def put_image(world: World, request: Request) -> Response:
    """A product's first image, or a new one in its place."""
    product = _product(world, request)
    upload = request.body["data"]
    fields = {
        "product_id": product["id"],
        "company_id": str(world.state.company_id),
        "add_time": world.clock.stamp(),
        "mime_type": upload.content_type or "image/png",
        "name": upload.name,
        "content": upload.content,
    }
    existing = world.state["images"].where("product_id", product["id"])
    if request.method == "POST":
        if existing:
            raise refusals.refuse(400, "The product has an image already")
        return ok(_image_view(world.state.insert("images", fields, world.actor(request.user_id)), False), 201)
    row = _image(world, request)
    return ok(_image_view(world.state.replace("images", row["id"], fields), False))


@handles("deleteProductImage")
def delete_image(world: World, request: Request) -> Response:
    """A product's image taken away."""
    row = _image(world, request)
    world.state["images"].remove(row["id"])
    return ok({"id": row["id"]})


# Pictures of persons


def _person(world: World, request: Request) -> Record:
    return find_living(world.state, "persons", request.id, "Person")


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


@handles("getPersonPicture")
def get_picture(world: World, request: Request) -> Response:
    """A person's picture."""
    row = world.state.get("pictures", _person(world, request).get("picture_id"))
    if row is None:
        raise refusals.not_found("Picture")
    return ok(_picture_view(row))


@handles("addPersonPicture")
def add_picture(world: World, request: Request) -> Response:
    """A person's new picture."""
    person, actor = _person(world, request), world.actor(request.user_id, request.correlation_id)
    fields = {
        "item_id": person["id"],
        "added_by_user_id": request.user_id,
        "add_time": world.clock.stamp(),
        "content": request.body["file"].content,
    }
    row = world.state.insert("pictures", fields, actor)
    world.state.update("persons", person["id"], {"picture_id": row["id"]}, actor)
    return ok(_picture_view(row))


@handles("deletePersonPicture")
def delete_picture(world: World, request: Request) -> Response:
    """A person's picture taken away."""
    person = _person(world, request)
    if person.get("picture_id") is None:
        raise refusals.not_found("Picture")
    world.state.update(
        "persons", person["id"], {"picture_id": None}, world.actor(request.user_id, request.correlation_id)
    )
    return ok({"id": person["id"]})
