"""Goods and their availability over HTTP: parse, call one command or query, answer."""

from typing import Any

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.goods import (
    AvailabilitiesSchema,
    AvailabilityArguments,
    GoodsArguments,
    GoodsSchema,
)
from services.shipping.commands import master_data as commands
from services.shipping.domain.availability import availability
from services.shipping.models import Goods
from shared import clock
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "goods",
    __name__,
    url_prefix="/v1",
    description="Warehouse data of SKUs, and what can be promised of them.",
)

ITEM = "/goods/<string(maxlength=100):seller>/<path:sku>"


@blueprint.route("/availability", methods=["GET"])
@blueprint.arguments(AvailabilityArguments, location="query")
@blueprint.response(200, AvailabilitiesSchema)
@requires("stock:read")
@query
def get_availability(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """How much of each SKU can be promised in a market, where it is, and when it would leave.

    For goods that are sent or collected: locations that serve the seller, the market and this way of
    delivery. It is advice: only a shipment is a promise.
    """
    now = clock.now()
    skus = list(dict.fromkeys(arguments.pop("skus")))
    sources = queries.sources(session, skus=skus, **arguments)
    return {"as_of": now, "items": [availability(sku, sources, now.date()) for sku in skus]}


@blueprint.route(ITEM, methods=["GET"])
@blueprint.response(200, GoodsSchema)
@requires("stock:read")
@query
def get_goods(session: Session, seller: str, sku: str) -> Goods:
    """The warehouse data of a seller's SKU."""
    return queries.goods_of_seller(session, seller, sku)


@blueprint.route(ITEM, methods=["PUT"])
@blueprint.arguments(GoodsArguments)
@blueprint.response(200, GoodsSchema)
@blueprint.alt_response(201, schema=GoodsSchema)
@requires("stock:write")
@command
def put_goods(session: Session, goods: dict[str, Any], seller: str, sku: str) -> tuple[Goods, int]:
    """Create (201) or replace (200) the warehouse data of a SKU, including when it may first leave.

    Pick lists and the day of release go by it from then on.
    """
    put, is_new = commands.put_goods(session, seller, sku, **goods)
    return put, 201 if is_new else 200
