"""Drafts over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.api.own_prices import may_name_prices, refuse_own_prices
from services.orders.api.schemas.drafts import (
    DeletionArguments,
    DeletionsSchema,
    DraftArguments,
    DraftChangeArguments,
    DraftListArguments,
    DraftSchema,
    DraftSummarySchema,
    PlaceArguments,
    PlacingArguments,
    PlacingsSchema,
    deletions,
)
from services.orders.api.schemas.orders import OrderSchema
from services.orders.api.serialising import serialised
from services.orders.commands import drafts as commands
from services.orders.pricing import quotes
from services.orders.queries import drafts as queries
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.bulk import Each, Row, bulk
from shared.web.commands import Ready, command, query
from shared.web.paging import decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "drafts",
    __name__,
    url_prefix="/v1",
    description="Drafts (carts): priced as they stand, and placed as orders.",
)


@blueprint.route("/drafts", methods=["POST"])
@blueprint.arguments(DraftArguments)
@blueprint.response(201, DraftSchema)
@requires("orders:write")
@command
def create_draft(session: Session, draft: dict[str, Any]) -> tuple[quotes.Quote, dict[str, str]]:
    """Create a draft in a market from whatever is known; the answer says what is still missing.

    It holds no stock. Prices are the market's until others are named, and are the market's of the day when
    it is placed. Naming prices, discounts or fees wants the scope `prices:write` too.
    """
    refuse_own_prices(draft)
    return _created(commands.create_draft(session, **draft))


@blueprint.route("/drafts", methods=["GET"])
@blueprint.arguments(DraftListArguments, location="query")
@blueprint.response(200, page_schema(DraftSummarySchema))
@requires("orders:read")
@query
def list_drafts(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Drafts, newest first.

    Only those that can still be placed, unless another `status` is asked for.
    """
    limit, cursor = page.pop("limit"), page.pop("cursor", None)
    before = decode_cursor(cursor, UUID)[0] if cursor else None
    return page_of(queries.drafts(session, limit + 1, before, **page), limit, "id")


@blueprint.route("/drafts/<uuid:draft_id>", methods=["GET"])
@blueprint.response(200, DraftSchema)
@requires("orders:read")
@query
def show_draft(session: Session, draft_id: UUID) -> quotes.Quote:
    """One draft: its current total, what has changed since, what is in stock, and what is missing."""
    return quotes.quote(session, queries.draft(session, draft_id))


@blueprint.route("/drafts/<uuid:draft_id>", methods=["PUT"])
@blueprint.arguments(DraftChangeArguments)
@blueprint.response(200, DraftSchema)
@requires("orders:write")
@command
def change_draft(session: Session, contents: dict[str, Any], draft_id: UUID) -> quotes.Quote:
    """Replace the contents of a draft; send the ETag you read as If-Match to avoid a lost update.

    Naming prices, discounts or fees wants the scope `prices:write` too; what of them the draft has already
    may stay. Refused (409) with its reason: `already_placed`, `wrong_status`.
    """
    if not may_name_prices():
        refuse_own_prices(contents, queries.draft(session, draft_id).contents)
    return commands.change_draft(session, draft_id, **contents)


@blueprint.route("/drafts/<uuid:draft_id>/place", methods=["POST"])
@blueprint.arguments(PlaceArguments)
@blueprint.response(201, OrderSchema)
@requires("orders:write")
@command
def place_draft(session: Session, expected: dict[str, Any], draft_id: UUID) -> tuple[Ready, dict[str, str]]:
    """Place a draft as an order, by hand; the order takes over the draft's id.

    A customer who pays through the gateway does the same: the payment told for the draft's id places it.
    Refused (409) with its reason: `already_placed`, `wrong_status`, `no_lines`, `incomplete`,
    `total_changed`. Publishes `order.placed`.
    """
    order = commands.place_draft(session, draft_id, **expected)
    return serialised(order), {"Location": f"/v1/orders/{order.id}"}


@blueprint.route("/drafts/<uuid:draft_id>/abandon", methods=["POST"])
@blueprint.response(200, DraftSchema)
@requires("orders:write")
@command
def abandon_draft(session: Session, draft_id: UUID) -> quotes.Quote:
    """Abandon a draft; it also happens by itself once nobody has touched it for as long as the market allows.

    Refused (409) with its reason: `already_placed`, `wrong_status`.
    """
    return commands.abandon_draft(session, draft_id)


@blueprint.route("/drafts/place", methods=["POST"])
@blueprint.arguments(PlacingArguments)
@blueprint.response(200, PlacingsSchema)
@requires("orders:write")
@bulk
def place_drafts(each: Each, wanted: dict[str, Any]) -> dict[str, Any]:
    """Place many drafts as orders, with a result for each; one that is refused does not stop the others.

    Each answers as `POST /v1/drafts/{id}/place` would, without an expected total.
    """

    def act(session: Session, draft_id: UUID) -> Row:
        order = commands.place_draft(session, draft_id)
        return {"order_id": order.id, "number": order.number}

    rows = [
        {"draft_id": row.pop("id"), "order_id": None, "number": None, **row}
        for row in each(wanted["draft_ids"], act)
    ]
    done = sum(row["done"] for row in rows)
    return {"done": done, "not_done": len(rows) - done, "items": rows}


@blueprint.route("/drafts/delete", methods=["POST"])
@blueprint.arguments(DeletionArguments)
@blueprint.response(200, DeletionsSchema)
@requires("orders:write")
@command
def delete_drafts(session: Session, wanted: dict[str, Any]) -> dict[str, Any]:
    """Delete drafts, with a result for each; an order can be cancelled but never deleted."""
    return deletions(commands.delete_drafts(session, wanted["draft_ids"]))


@blueprint.route("/orders/<uuid:order_id>/reorder", methods=["POST"])
@blueprint.response(201, DraftSchema)
@requires("orders:write")
@command
def reorder(session: Session, order_id: UUID) -> tuple[quotes.Quote, dict[str, str]]:
    """Create a draft from an order: same customer, addresses, methods, lines and coupons, at today's prices.

    Its notices name, line by line, what is not sold any more and what costs another price, and the coupon
    that is not valid any more. Refused (409) with its reason: `person_erased`.
    """
    return _created(commands.reorder(session, order_id))


def _created(quote: quotes.Quote) -> tuple[quotes.Quote, dict[str, str]]:
    return quote, {"Location": f"/v1/drafts/{quote.draft.id}"}
