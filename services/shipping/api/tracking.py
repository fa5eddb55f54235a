"""Parcel tracking: entered by hand, or reported by carriers' signed webhooks."""

from typing import Any
from uuid import UUID

from flask import current_app, request
from sqlalchemy.orm import Session

from services.shipping.api.schemas.shipments import ShipmentSchema
from services.shipping.api.schemas.tracking import (
    CarrierCallArguments,
    TrackedParcelSchema,
    TrackingArguments,
)
from services.shipping.commands import tracking as commands
from services.shipping.models import Parcel, Shipment
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command
from shared.web.signed_calls import signed

blueprint = Blueprint(
    "tracking",
    __name__,
    url_prefix="/v1",
    description="Where parcels are: entered by hand, or reported by carriers.",
)


@blueprint.route("/shipments/<uuid:shipment_id>/parcels/<uuid:parcel_id>/tracking", methods=["PUT"])
@blueprint.arguments(TrackingArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def enter_tracking(
    session: Session, tracking: dict[str, Any], shipment_id: UUID, parcel_id: UUID
) -> Shipment:
    """Enter or correct a parcel's carrier and tracking number; the customer is notified.

    What was reported under another number before is forgotten. Publishes `tracking.updated`. Refused (409)
    with its reason: `tracking_number_taken` if a parcel of another order is on its way under the number,
    `wrong_method`, `wrong_status`, `already_shipped` if it came back, `already_delivered`,
    `shipment_cancelled`.
    """
    return commands.enter_tracking(session, shipment_id, parcel_id, **tracking)


@blueprint.route("/carriers/<string(maxlength=40):carrier>/events", methods=["POST"])
@blueprint.arguments(CarrierCallArguments)
@blueprint.response(200, TrackedParcelSchema)
@signed("carrier", lambda settings: settings.secrets_of_carrier((request.view_args or {})["carrier"]))
@command
def hear_carrier(session: Session, call: dict[str, Any], carrier: str) -> Parcel:
    """Record a carrier's report about a parcel. Repeated, late or unordered reports do no harm.

    A number that no parcel has is a 404: entered later, the carrier's next try finds it. Refused (409):
    `tracking_number_ambiguous`, where parcels of several orders go by it; corrected, the next try finds it.
    Parcels of sellers that have an account of their own with the carrier are not meant here. Publishes
    `tracking.updated`, and `shipment.shipped`, `shipment.delivered` or `shipment.undeliverable` if the
    shipment follows.
    """
    others = current_app.extensions["settings"].sellers_with_account(carrier)
    return commands.hear_scan(session, carrier, but_not_of=others, **call["data"])


@blueprint.route(
    "/carriers/<string(maxlength=40):carrier>/sellers/<string(maxlength=100):seller>/events", methods=["POST"]
)
@blueprint.arguments(CarrierCallArguments)
@blueprint.response(200, TrackedParcelSchema)
@signed("carrier", lambda settings: settings.secrets_of_carrier(**(request.view_args or {})))
@command
def hear_sellers_carrier(session: Session, call: dict[str, Any], carrier: str, seller: str) -> Parcel:
    """Record a carrier's report about a parcel sent through a seller's own account with it.

    Answers as the carrier's other calls are; only parcels of the seller are meant.
    """
    return commands.hear_scan(session, carrier, seller=seller, **call["data"])
