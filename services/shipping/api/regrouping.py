"""Changes to shipments before their release: parse, call one command, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping.api.schemas.regrouping import (
    EditArguments,
    MergeArguments,
    RelocateArguments,
    ShareArguments,
    SplitArguments,
)
from services.shipping.api.schemas.shipments import CancelArguments, ShipmentSchema
from services.shipping.commands import regrouping, sourcing
from services.shipping.models import Shipment
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command

blueprint = Blueprint(
    "regrouping",
    __name__,
    url_prefix="/v1",
    description="Changes of shipments before their release: edit, split, merge, move to another location.",
)

SHIPMENT = "/shipments/<uuid:shipment_id>"


@blueprint.route(SHIPMENT, methods=["PATCH"])
@blueprint.arguments(EditArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def edit_shipment(session: Session, changes: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Change the address, pickup point or method of an unreleased shipment.

    Before the order is accepted, edit the order itself. Another kind of method or pickup point may take stock
    from another location. Publishes `shipment.updated`, and what becomes of its stock. Refused (409) with its
    reason: `order_not_accepted`, `already_released`, `already_shipped`, `already_delivered`,
    `shipment_cancelled`.
    """
    return regrouping.edit_shipment(session, shipment_id, **changes)


@blueprint.route(f"{SHIPMENT}/split", methods=["POST"])
@blueprint.arguments(SplitArguments)
@blueprint.response(201, ShipmentSchema)
@requires("shipping:write")
@command
def split_shipment(session: Session, lines: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Split units off an unreleased shipment into a new one in the same state; returns the new one.

    Publishes `shipment.updated` and `shipment.created`. Refused (409) with its reason: `nothing_would_stay`,
    `already_released`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return regrouping.split_shipment(session, shipment_id, **lines)


@blueprint.route(f"{SHIPMENT}/merge", methods=["POST"])
@blueprint.arguments(MergeArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def merge_shipments(session: Session, other: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Merge another shipment of the order, or some of its lines, into this one; both unreleased and alike.

    Alike: in destination, method, status and location. A shipment that is left without lines is cancelled as
    `merged`. Publishes `shipment.updated` or `shipment.cancelled`. Refused (409) with its reason:
    `not_alike`, with `differs_in`, `same_shipment`, `already_released`, `already_shipped`,
    `already_delivered`, `shipment_cancelled`.
    """
    return regrouping.merge_shipments(session, shipment_id, **other)


@blueprint.route(f"{SHIPMENT}/relocate", methods=["POST"])
@blueprint.arguments(RelocateArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def relocate_shipment(session: Session, place: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Move an unreleased shipment, or some of its lines, to a location that has the goods.

    Returns the shipment that is there now. Publishes `shipment.updated`, and `shipment.created` if only some
    lines move. Refused (409) with its reason: `location_does_not_serve`, `not_in_stock`, `already_released`,
    `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return sourcing.relocate_shipment(session, shipment_id, **place)


@blueprint.route(f"{SHIPMENT}/reject", methods=["POST"])
@blueprint.arguments(CancelArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def reject_shipment(session: Session, rejection: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Reject a shipment at its location: the next location gets it, or it waits for stock at any other.

    The location that turned it down is not asked for it again. Publishes `shipment.updated`, and what becomes
    of it at the next location. Refused (409) with its reason: `wrong_method` if no location is asked for it,
    `wrong_status`, `already_shipped`, `already_delivered`, `shipment_cancelled`.
    """
    return sourcing.reject_shipment(session, shipment_id, **rejection)


@blueprint.route("/orders/<uuid:order_id>/shipments", methods=["POST"])
@blueprint.arguments(ShareArguments)
@blueprint.response(201, ShipmentSchema)
@requires("shipping:write")
@command
def ship_unassigned(session: Session, lines: dict[str, Any], order_id: UUID) -> Shipment:
    """Make a shipment from an order's unassigned lines: all of one delivery group, or some of it.

    It goes where the group's last shipment was to go. Publishes `shipment.created`, and what becomes of its
    stock. Refused (409) with its reason: `nothing_unassigned`, `order_closed`.
    """
    return regrouping.ship_unassigned(session, order_id, **lines)
