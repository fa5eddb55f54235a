"""Orders over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.own_prices import refuse_own_prices
from services.orders.api.schemas.orders import (
    CancelUnitsArguments,
    OrderArguments,
    OrderSchema,
    ReasonArguments,
)
from services.orders.api.schemas.people import CorrectionArguments, ReaddressArguments
from services.orders.api.serialising import serialised
from services.orders.commands import customers, placing
from services.orders.commands import orders as commands
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import Ready, command, query

blueprint = Blueprint(
    "orders", __name__, url_prefix="/v1/orders", description="Orders: place, read, accept, refuse, cancel."
)


@blueprint.route("", methods=["POST"])
@blueprint.arguments(OrderArguments)
@blueprint.response(201, OrderSchema)
@requires("orders:write")
@command
def place_order(session: Session, order: dict[str, Any]) -> tuple[Ready, dict[str, str]]:
    """Place an order.

    What market, seller or products don't allow is named field by field (422). Shipping plans its shipments
    and promises stock right after. Naming prices, discounts or fees wants the scope `prices:write` too.
    Publishes `order.placed`. Refused (409) with its reason: `already_placed`, if the seller has an order with
    this `external_reference`.
    """
    refuse_own_prices(order)
    placed = placing.place_order(session, **order)
    return serialised(placed), {"Location": f"/v1/orders/{placed.id}"}


@blueprint.route("/<uuid:order_id>", methods=["GET"])
@blueprint.response(200, OrderSchema)
@requires("orders:read")
@query
def show_order(session: Session, order_id: UUID) -> Ready:
    """One order in full, with the actions possible now and what blocks the others.

    Its ETag is of the answer: send it as `If-None-Match` to be told (304) that nothing has changed.
    """
    return serialised(queries.order(session, order_id))


@blueprint.route("/<uuid:order_id>/accept", methods=["POST"])
@blueprint.response(200, OrderSchema)
@requires("orders:accept")
@command
def accept_order(session: Session, order_id: UUID) -> Ready:
    """Accept an order: the documents due on acceptance are issued, and shipping may release it.

    Refused (409) with its reason: `wrong_status`, `on_hold`, `payment_not_recorded`, `awaiting_inventory`.
    Publishes `order.accepted`.
    """
    return serialised(commands.accept_order(session, order_id))


@blueprint.route("/<uuid:order_id>/refuse", methods=["POST"])
@blueprint.arguments(ReasonArguments)
@blueprint.response(200, OrderSchema)
@requires("orders:accept")
@command
def refuse_order(session: Session, refusal: dict[str, Any], order_id: UUID) -> Ready:
    """Refuse a placed order; its stock is freed, and a refund is requested for money received.

    Refused (409) with its reason: `wrong_status`, `on_hold`. Publishes `order.refused`, and
    `refund.requested` for money received.
    """
    return serialised(commands.refuse_order(session, order_id, **refusal))


@blueprint.route("/<uuid:order_id>/revoke-links", methods=["POST"])
@blueprint.response(200, OrderSchema)
@requires("orders:write")
@command
def revoke_links(session: Session, order_id: UUID) -> Ready:
    """Revoke all links sent to the order's customer so far, as after an e-mail to a wrong address.

    The other services hear of it within seconds. The next e-mail, one that is sent again too, has a link that
    opens the order. Publishes `order.updated`.
    """
    return serialised(commands.revoke_links(session, order_id))


@blueprint.route("/<uuid:order_id>/correct-customer", methods=["POST"])
@blueprint.arguments(CorrectionArguments)
@blueprint.response(200, OrderSchema)
@requires("orders:write")
@command
def correct_customer(session: Session, right: dict[str, Any], order_id: UUID) -> Ready:
    """Correct the name, e-mail, telephone or company on an order, whatever its status.

    E-mails and papers that were sent stay as they were; what is sent from now on, or once more, goes by the
    new. With another e-mail, the links sent so far are closed unless `keep_links` says otherwise. The history
    tells what it was before. Refused (409) with its reason: `person_erased`. Publishes `order.updated`.
    """
    return serialised(customers.correct_customer(session, order_id, **right))


@blueprint.route("/<uuid:order_id>/addresses", methods=["POST"])
@blueprint.arguments(ReaddressArguments)
@blueprint.response(200, OrderSchema)
@requires("orders:write")
@command
def readdress(session: Session, wanted: dict[str, Any], order_id: UUID) -> Ready:
    """Change the address of a delivery of a placed order, and add it to the address book if asked to.

    Refused (409) with its reason: `wrong_status`, `taxed_elsewhere` if goods for the new address are taxed by
    another country's rules, `person_erased`, `address_book_full`. Publishes `order.updated`.
    """
    return serialised(customers.readdress(session, order_id, **wanted))


@blueprint.route("/<uuid:order_id>/cancel", methods=["POST"])
@blueprint.arguments(CancelUnitsArguments)
@blueprint.response(200, OrderSchema)
@requires("orders:write")
@command
def cancel_order(session: Session, cancellation: dict[str, Any], order_id: UUID) -> Ready:
    """Cancel an order, or units of its lines: a placed one at once, an accepted one if shipping still can.

    Until it has said so the order is `cancelling`; its `cancellation` shows the answer. Money received for
    what is cancelled is requested back. Refused (409) with its reason: `wrong_status`, `on_hold`,
    `already_shipped`, `more_than_left`; `not_confirmed`, with `warnings` (`customer_not_contacted`).
    Publishes `order.cancelled` or, for units, `order.updated`; of an accepted order `order.cancel_requested`;
    and `refund.requested` for money that goes back.
    """
    return serialised(commands.cancel_order(session, order_id, **cancellation))
