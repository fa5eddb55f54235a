"""Handing goods over to customers, over HTTP."""

from typing import Any
from uuid import UUID

from flask import Response, current_app
from sqlalchemy.orm import Session

from services.shipping.api.schemas.handovers import (
    CollectArguments,
    DeliverArguments,
    FailArguments,
    ProofArguments,
    ProvideArguments,
    ResendArguments,
    TakeBackArguments,
)
from services.shipping.api.schemas.shipments import ShipmentSchema
from services.shipping.commands import handovers
from services.shipping.models import Shipment
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command
from shared.web.problems import Problem

blueprint = Blueprint(
    "handovers",
    __name__,
    url_prefix="/v1/shipments/<uuid:shipment_id>",
    description="The last step: deliver, hand over, collect, and what could not be delivered.",
)


@blueprint.route("/deliver", methods=["POST"])
@blueprint.arguments(DeliverArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def deliver_shipment(session: Session, proof: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Record that a shipment reached its customer, and who signed for it.

    Carriers that report do it by themselves. Publishes `shipment.delivered`. Refused (409) with its reason:
    `wrong_status`, `already_shipped` if it could not be delivered, `already_delivered`, `shipment_cancelled`.
    """
    return handovers.deliver_shipment(session, shipment_id, **proof)


@blueprint.route("/hand-over", methods=["POST"])
@blueprint.arguments(ProofArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def hand_over_shipment(session: Session, proof: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Hand a shipment over in person; the recipient signs.

    For methods of the kind `hand_over`; its stock leaves. Publishes `shipment.delivered`. Refused (409) with
    its reason: `wrong_method`, `wrong_status`, `already_delivered`, `shipment_cancelled`.
    """
    return handovers.hand_over_shipment(session, shipment_id, **proof)


@blueprint.route("/sign", methods=["POST"])
@blueprint.arguments(ProofArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def sign_shipment(session: Session, proof: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Record that a service was done and the customer signed for it.

    For methods of the kind `service`. Publishes `shipment.delivered`. Refused (409) with its reason:
    `wrong_method`, `wrong_status`, `already_delivered`, `shipment_cancelled`.
    """
    return handovers.sign_shipment(session, shipment_id, **proof)


@blueprint.route("/provide", methods=["POST"])
@blueprint.arguments(ProvideArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def provide_shipment(session: Session, download: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Set where a download can be had; the customer then has it.

    For methods of the kind `download`. Publishes `shipment.delivered`. Refused (409) with its reason:
    `wrong_method`, `wrong_status`, `already_delivered`, `shipment_cancelled`.
    """
    return handovers.provide_shipment(session, shipment_id, **download)


@blueprint.route("/collect", methods=["POST"])
@blueprint.arguments(CollectArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def collect_shipment(session: Session, proof: dict[str, Any], shipment_id: UUID) -> Shipment | Response:
    """Hand a shipment to whoever shows its code; its stock leaves.

    Publishes `shipment.delivered`. Refused (409) with its reason: `wrong_code`, which is counted, with the
    `tries_left`; after five `code_locked`, even for the right one, until the code is renewed; `wrong_method`,
    `wrong_status`, `already_delivered`, `shipment_cancelled`.
    """
    keys = current_app.extensions["settings"].customer_link_keys
    collected = handovers.collect_shipment(session, shipment_id, keys=keys, **proof)
    if collected is None:
        # Answered, not raised: the wrong try is to be committed.
        left = handovers.tries_left(session, shipment_id)
        return Problem(
            409, "the code does not match this shipment", reason="wrong_code", tries_left=left
        ).answer()
    return collected


@blueprint.route("/renew-code", methods=["POST"])
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def renew_code(session: Session, shipment_id: UUID) -> Shipment:
    """Replace the code of a shipment that waits for pickup; only the customer is told the new one.

    Wrong codes are counted from 0 again. Publishes `shipment.updated`. Refused (409) with its reason:
    `wrong_method`, `wrong_status`, `already_delivered`, `shipment_cancelled`.
    """
    return handovers.renew_code(session, shipment_id)


@blueprint.route("/fail", methods=["POST"])
@blueprint.arguments(FailArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def fail_shipment(session: Session, failure: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Record that a shipment could not be delivered; it is then sent again or taken back.

    Publishes `shipment.undeliverable`. Refused (409) with its reason: `wrong_status`, `already_shipped` if
    that was recorded already, `already_delivered`, `shipment_cancelled`.
    """
    return handovers.fail_shipment(session, shipment_id, **failure)


@blueprint.route("/resend", methods=["POST"])
@blueprint.arguments(ResendArguments)
@blueprint.response(200, ShipmentSchema)
@requires("shipping:write")
@command
def resend_shipment(session: Session, changes: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Send an undeliverable shipment again, to a corrected address if one is given.

    Publishes `shipment.shipped`. Refused (409) with its reason: `wrong_status`, `already_shipped`,
    `already_delivered`, `shipment_cancelled`.
    """
    return handovers.resend_shipment(session, shipment_id, **changes)


@blueprint.route("/take-back", methods=["POST"])
@blueprint.arguments(TakeBackArguments)
@blueprint.response(200, ShipmentSchema)
@requires("stock:write")
@command
def take_back_shipment(session: Session, goods: dict[str, Any], shipment_id: UUID) -> Shipment:
    """Take back an undeliverable shipment; sellable goods return to stock.

    What can't be sold again is scrapped, what is not named is lost. Publishes `shipment.returned` and
    `stock.changed`. Refused (409) with its reason: `wrong_status`, `already_shipped`, `already_delivered`,
    `shipment_cancelled`.
    """
    return handovers.take_back_shipment(session, shipment_id, **goods)
