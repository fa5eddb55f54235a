"""Stock over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.stock import (
    BinArguments,
    CountArguments,
    MovementSchema,
    ReceiptArguments,
    ReservationSchema,
    ScrapArguments,
    StockLevelSchema,
    StockPageArguments,
)
from services.shipping.commands import stock as commands
from services.shipping.models import StockLevel
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import PageArguments, decode_cursor, page, page_schema

blueprint = Blueprint(
    "stock",
    __name__,
    url_prefix="/v1/stock",
    description="Stock at each location, and the ledger of its changes.",
)

LEVEL = "<string(maxlength=40):location>/<path:sku>"


@blueprint.route("", methods=["GET"])
@blueprint.arguments(StockPageArguments, location="query")
@blueprint.response(200, page_schema(StockLevelSchema))
@requires("stock:read")
@query
def list_stock(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Stock at the locations that you may see, by SKU and location."""
    limit = arguments["limit"]
    rows = queries.stock_page(
        session,
        sku=arguments.get("sku"),
        location_code=arguments.get("location"),
        after=decode_cursor(arguments["cursor"], str, str) if "cursor" in arguments else None,
        limit=limit + 1,
    )
    return page(rows, limit, lambda level: (level.sku, level.location))


@blueprint.route(f"/{LEVEL}", methods=["GET"])
@blueprint.response(200, StockLevelSchema)
@requires("stock:read")
@query
def get_stock(session: Session, location: str, sku: str) -> StockLevel:
    """How much of a SKU a location has: advice only, for only a shipment is a promise."""
    return queries.stock_level(session, location, sku)


@blueprint.route(f"/{LEVEL}", methods=["PUT"])
@blueprint.arguments(CountArguments)
@blueprint.response(200, StockLevelSchema)
@requires("stock:write")
@command
def set_stock(session: Session, count: dict[str, Any], location: str, sku: str) -> StockLevel:
    """Set the stock on hand to a count; shipments waiting for more are served next.

    A count that agrees changes nothing. Publishes `stock.changed`. Refused (409) with its reason:
    `units_reserved`, with how many are `reserved`, if fewer were counted than are promised to shipments.
    """
    return commands.set_stock(session, location, sku, **count)


@blueprint.route(f"/{LEVEL}/receipts", methods=["POST"])
@blueprint.arguments(ReceiptArguments)
@blueprint.response(201, StockLevelSchema)
@requires("stock:write")
@command
def receive_stock(session: Session, receipt: dict[str, Any], location: str, sku: str) -> StockLevel:
    """Receive goods; shipments waiting for them are served next, oldest first.

    Publishes `stock.changed`, and what becomes of the shipments that are served.
    """
    return commands.receive_stock(session, location, sku, **receipt)


@blueprint.route(f"/{LEVEL}/scraps", methods=["POST"])
@blueprint.arguments(ScrapArguments)
@blueprint.response(201, StockLevelSchema)
@requires("stock:write")
@command
def scrap_stock(session: Session, scrap: dict[str, Any], location: str, sku: str) -> StockLevel:
    """Scrap goods that can't be sold.

    Publishes `stock.changed`. Refused (409) with its reason: `units_reserved`, with how many are `available`,
    for units that are promised to shipments.
    """
    return commands.scrap_stock(session, location, sku, **scrap)


@blueprint.route(f"/{LEVEL}/bin", methods=["PUT"])
@blueprint.arguments(BinArguments)
@blueprint.response(200, StockLevelSchema)
@requires("stock:write")
@command
def put_in_bin(session: Session, place: dict[str, Any], location: str, sku: str) -> StockLevel:
    """Set the shelf of a SKU.

    Pick lists made from then on are sorted by it; the stock itself does not change.
    """
    return commands.put_in_bin(session, location, sku, **place)


@blueprint.route(f"/{LEVEL}/movements", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(MovementSchema))
@requires("stock:read")
@query
def list_movements(session: Session, arguments: dict[str, Any], location: str, sku: str) -> dict[str, Any]:
    """The ledger of a stock level, newest first, with reason and user; for those who may change the stock."""
    limit = arguments["limit"]
    [before] = decode_cursor(arguments["cursor"], int) if "cursor" in arguments else [None]
    rows = queries.movements_page(session, location, sku, before=before, limit=limit + 1)
    return page(rows, limit, lambda row: (row.position,))


@blueprint.route(f"/{LEVEL}/reservations", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(ReservationSchema))
@requires("stock:read")
@query
def list_reservations(session: Session, arguments: dict[str, Any], location: str, sku: str) -> dict[str, Any]:
    """The orders that units are reserved for, oldest reservation first."""
    limit = arguments["limit"]
    [after] = decode_cursor(arguments["cursor"], UUID) if "cursor" in arguments else [None]
    queries.stock_level(session, location, sku)
    rows = queries.reservations_page(session, location, sku, after=after, limit=limit + 1)
    return page(rows, limit, lambda row: (row.shipment_id,))
