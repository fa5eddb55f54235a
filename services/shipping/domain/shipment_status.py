"""The life of a shipment: which action may start where, where it leads, and why not."""

from dataclasses import dataclass
from enum import StrEnum

from shared.errors import Refused


class ShipmentStatus(StrEnum):
    """Where a shipment stands."""

    AWAITING_INVENTORY = "awaiting_inventory"  # lacks stock for a line; holds none
    INVENTORY_ASSIGNED = "inventory_assigned"  # every line is covered by reserved stock
    RELEASED = "released"  # the warehouse may pick it
    PACKING = "packing"  # picked; its label falls due
    READY = "ready"  # packed and labelled, or waiting to be collected
    SHIPPED = "shipped"  # left with a carrier; its stock has left the ledger
    DELIVERED = "delivered"  # reached its customer
    UNDELIVERABLE = "undeliverable"  # the carrier could not deliver it
    RETURNED = "returned"  # undeliverable, and back
    CANCELLED = "cancelled"  # final; its stock is free again


S = ShipmentStatus

# Still to be changed by what becomes of its order.
UNRELEASED = frozenset({S.AWAITING_INVENTORY, S.INVENTORY_ASSIGNED})
OPEN = UNRELEASED | {S.RELEASED, S.PACKING, S.READY}
HOLDING_STOCK = OPEN - {S.AWAITING_INVENTORY}
LEFT = frozenset({S.SHIPPED, S.DELIVERED, S.UNDELIVERABLE, S.RETURNED})

TRANSITIONS = {
    ("assign", S.AWAITING_INVENTORY): S.INVENTORY_ASSIGNED,
    ("unassign", S.INVENTORY_ASSIGNED): S.AWAITING_INVENTORY,
    ("release", S.INVENTORY_ASSIGNED): S.RELEASED,
    ("pick", S.RELEASED): S.PACKING,
    ("pack", S.PACKING): S.READY,
    ("print_label", S.PACKING): S.READY,  # the first print is what packing ends with
    ("print_label", S.READY): S.READY,
    ("print_label", S.SHIPPED): S.SHIPPED,
    ("ship", S.READY): S.SHIPPED,
    ("deliver", S.SHIPPED): S.DELIVERED,
    **{("cancel", status): S.CANCELLED for status in OPEN},
}

# What people may ask for; stock alone assigns and unassigns.
ACTIONS = ("release", "pick", "pack", "print_label", "ship", "deliver", "cancel")


@dataclass(frozen=True, kw_only=True)
class ShipmentFacts:
    """All that decides what may be done to a shipment."""

    status: ShipmentStatus
    order_status: str  # as shipping last heard it
    covered: bool  # what is owed has been received
    cash_on_delivery: bool
    held: bool
    label_stored: bool


@dataclass(frozen=True)
class Refusal:
    """Why an action is not possible, for machines and for people."""

    reason: str
    detail: str


def status_after(action: str, status: ShipmentStatus) -> ShipmentStatus:
    """Where an action leads from a state that allows it."""
    return TRANSITIONS[action, status]


def refusal(action: str, shipment: ShipmentFacts) -> Refusal | None:
    """What stands against an action, the first thing to clear; None where it is possible."""
    if (action, shipment.status) not in TRANSITIONS:
        return Refusal(
            _wrong_status(action, shipment.status),
            f"{action} is not possible while the shipment is {shipment.status}",
        )
    if action == "release":
        return _release_refusal(shipment)
    if action in {"pack", "print_label"} and not shipment.label_stored:
        return Refusal("label_not_ready", "documents is still making the label")
    return None


def actions(shipment: ShipmentFacts) -> dict[str, Refusal | None]:
    """What is possible now (None), and what stands first against everything else."""
    return {action: refusal(action, shipment) for action in ACTIONS}


def refuse_unless_possible(action: str, shipment: ShipmentFacts) -> None:
    """Go on only if nothing stands against an action; raises Refused with the reason that reads show."""
    if against := refusal(action, shipment):
        raise Refused(against.reason, against.detail)


def _wrong_status(action: str, status: ShipmentStatus) -> str:
    if status is S.CANCELLED:
        return "shipment_cancelled"
    if status is S.DELIVERED:
        return "already_delivered"
    if status in LEFT:
        return "already_shipped"
    if action == "release" and status is S.AWAITING_INVENTORY:
        return "awaiting_inventory"
    return "wrong_status"


def _release_refusal(shipment: ShipmentFacts) -> Refusal | None:
    if shipment.order_status == "cancelling":
        return Refusal("cancel_requested", "the order is to be cancelled")
    if shipment.order_status != "accepted":
        return Refusal("order_not_accepted", "the order has not been promised to its customer")
    if shipment.held:
        return Refusal("on_hold", "a hold stands on the order")
    if not (shipment.covered or shipment.cash_on_delivery):
        return Refusal("payment_not_recorded", "the money received does not cover what is owed")
    return None
