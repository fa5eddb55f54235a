"""The states of a shipment: which actions are possible when, what state they lead to, and why not."""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.shipping.domain.methods import NEEDS_NO_PACKING
from shared.events.snapshots import LEFT, MethodKind, OrderStatus, ShipmentStatus
from shared.state_machine import Refusal, StateMachine, refuse

S = ShipmentStatus

# Still to be changed by what becomes of its order.
UNRELEASED = frozenset({S.AWAITING_INVENTORY, S.INVENTORY_ASSIGNED})
OPEN = UNRELEASED | {S.RELEASED, S.PACKING, S.READY}
IN_THE_WAREHOUSE = frozenset({S.RELEASED, S.PACKING})  # its goods are looked for on their shelves
HOLDING_STOCK = OPEN - {S.AWAITING_INVENTORY}
ON_THEIR_WAY = frozenset({S.PACKING, S.READY, S.SHIPPED, S.UNDELIVERABLE})
COURIERS_CARE = frozenset({S.READY, S.SHIPPED, S.UNDELIVERABLE})

MOST_WRONG_CODES = 5  # of a million; after these a pickup needs a new code


class FailureReason(StrEnum):
    """Why a shipment could not be delivered; a fixed choice, because free text may name people."""

    NOBODY_THERE = "nobody_there"
    REFUSED = "refused"  # by whoever it was for
    WRONG_ADDRESS = "wrong_address"
    DAMAGED = "damaged"
    LOST = "lost"
    CARRIER = "carrier"  # gave up, and said so itself


TRANSITIONS = {
    ("assign", S.AWAITING_INVENTORY): S.INVENTORY_ASSIGNED,
    ("unassign", S.INVENTORY_ASSIGNED): S.AWAITING_INVENTORY,
    # What is being made ready elsewhere may not be changed any more; until then it may be cut anew.
    **{(action, status): status for action in ("edit", "split", "merge") for status in UNRELEASED},
    ("reject", S.INVENTORY_ASSIGNED): S.AWAITING_INVENTORY,
    ("reject", S.RELEASED): S.AWAITING_INVENTORY,
    ("release", S.INVENTORY_ASSIGNED): S.RELEASED,
    ("pick", S.RELEASED): S.PACKING,
    **{(action, S.PACKING): S.PACKING for action in ("record_picks", "scan", "pack_into_parcels")},
    ("pack", S.PACKING): S.READY,
    ("print_label", S.PACKING): S.READY,  # the first print is what packing ends with
    ("print_label", S.READY): S.READY,
    ("print_label", S.SHIPPED): S.SHIPPED,
    ("ship", S.READY): S.SHIPPED,
    ("deliver", S.SHIPPED): S.DELIVERED,
    ("collect", S.READY): S.DELIVERED,
    ("hand_over", S.READY): S.DELIVERED,
    ("sign", S.READY): S.DELIVERED,
    ("provide", S.READY): S.DELIVERED,
    ("fail", S.SHIPPED): S.UNDELIVERABLE,
    ("resend", S.UNDELIVERABLE): S.SHIPPED,
    ("take_back", S.UNDELIVERABLE): S.RETURNED,
    **{("cancel", status): S.CANCELLED for status in OPEN},
    # What changes no status.
    **{("track", status): status for status in ON_THEIR_WAY},
    **{("assign_courier", status): status for status in OPEN | {S.SHIPPED, S.UNDELIVERABLE}},
    **{("schedule", status): status for status in set(S) - {S.RETURNED, S.CANCELLED}},
    ("renew_code", S.READY): S.READY,
}


def _reason(action: str, status: ShipmentStatus) -> str:
    if status is S.CANCELLED:
        return "shipment_cancelled"
    if status is S.DELIVERED:
        return "already_delivered"
    if status in LEFT:
        return "already_shipped"
    if action == "release" and status is S.AWAITING_INVENTORY:
        return "awaiting_inventory"
    if action in {"edit", "split", "merge"}:
        return "already_released"
    return "wrong_status"


_STATES = StateMachine("shipment", TRANSITIONS, _reason)

# Each kind of method has its own last step.
_ONLY_FOR = {
    "reject": frozenset(MethodKind) - NEEDS_NO_PACKING,  # no location is asked for the others
    "print_label": {MethodKind.DELIVERY},
    "ship": {MethodKind.DELIVERY},
    "collect": {MethodKind.PICKUP},
    "hand_over": {MethodKind.HAND_OVER},
    "sign": {MethodKind.SERVICE},
    "provide": {MethodKind.DOWNLOAD},
    "track": {MethodKind.DELIVERY},
    "assign_courier": {MethodKind.DELIVERY, MethodKind.SERVICE},
    "renew_code": {MethodKind.PICKUP},
}

# What people may ask for, in the order of a shipment's life; stock alone assigns and unassigns.
ACTIONS = (
    *("edit", "split", "merge", "reject", "release", "pick", "record_picks", "scan", "pack_into_parcels"),
    *("pack", "print_label", "ship", "deliver", "cancel"),
    *("collect", "hand_over", "sign", "provide", "fail", "resend", "take_back"),
    *("track", "assign_courier", "schedule", "renew_code"),
)


@dataclass(frozen=True, kw_only=True)
class ShipmentFacts:
    """The facts that decide which actions are possible on a shipment."""

    status: ShipmentStatus
    kind: MethodKind
    order_status: str  # as shipping last heard it
    covered: bool  # what is owed has been received
    cash_on_delivery: bool
    held: bool
    accepted: bool  # the order was promised: from then on, address and method are shipping's
    label_stored: bool
    picked: bool  # every unit is off its shelf
    check_open: bool  # somebody began to scan what is packed, and units are missing
    code_locked: bool = False  # too many wrong collect codes were tried
    waits_until: date | None = None  # the day that its pre-ordered goods may leave, while that lies ahead


def status_after(action: str, status: ShipmentStatus, kind: MethodKind) -> ShipmentStatus:
    """The state that an action leads to; without packing, a released shipment is ready at once."""
    if action == "release" and kind in NEEDS_NO_PACKING:
        return S.READY
    return _STATES.status_after(action, status)


def refusal(action: str, shipment: ShipmentFacts) -> Refusal | None:
    """What blocks an action, the first thing to clear; None if it is possible."""
    if shipment.kind not in _ONLY_FOR.get(action, MethodKind):
        facts = {"kind": shipment.kind.value}
        return Refusal("wrong_method", f"{action} is not possible for {shipment.kind}", facts)
    if wrong := _STATES.status_refusal(action, shipment.status):
        return wrong
    further = _FURTHER_REFUSALS.get(action)
    return further(shipment) if further else None


def actions(shipment: ShipmentFacts) -> dict[str, Refusal | None]:
    """Each action with what blocks it first, or None if it is possible now."""
    return {action: refusal(action, shipment) for action in ACTIONS}


def refuse_unless_possible(action: str, shipment: ShipmentFacts) -> None:
    """Raise Refused, with the same reason that the shipment shows, unless an action is possible."""
    refuse(refusal(action, shipment))


def _release_refusal(shipment: ShipmentFacts) -> Refusal | None:
    order = {"order_status": shipment.order_status}
    if shipment.order_status == OrderStatus.CANCELLING:
        return Refusal("cancel_requested", "a cancellation of the order is pending", order)
    if shipment.order_status != OrderStatus.ACCEPTED:
        return Refusal("order_not_accepted", "the order has not been accepted", order)
    if shipment.held:
        return Refusal("on_hold", "the order is on hold")
    if not (shipment.covered or shipment.cash_on_delivery):
        return Refusal("payment_not_recorded", "the money received does not cover what is owed")
    if shipment.waits_until is not None:
        return Refusal(
            "not_yet_available",
            f"its goods may not leave before {shipment.waits_until}",
            {"available_on": shipment.waits_until.isoformat()},
        )
    return None


def _pack_refusal(shipment: ShipmentFacts) -> Refusal | None:
    if shipment.status is not S.PACKING:
        return None
    if not shipment.picked:
        return Refusal("not_picked", "not all units have been picked yet")
    if shipment.check_open:
        return Refusal("check_incomplete", "not all units have been scanned yet")
    if shipment.kind is MethodKind.DELIVERY and not shipment.label_stored:
        return Refusal("label_not_ready", "the label is not ready yet")
    return None


def _edit_refusal(shipment: ShipmentFacts) -> Refusal | None:
    if not shipment.accepted:
        return Refusal("order_not_accepted", "edit the order itself until it is accepted")
    return None


def _collect_refusal(shipment: ShipmentFacts) -> Refusal | None:
    if shipment.code_locked:
        return Refusal("code_locked", "too many wrong codes; a new code is needed")
    return None


def _record_refusal(shipment: ShipmentFacts) -> Refusal | None:
    return Refusal("already_picked", "all units have been picked already") if shipment.picked else None


_FURTHER_REFUSALS = {
    "release": _release_refusal,
    "pack": _pack_refusal,
    "print_label": _pack_refusal,
    "edit": _edit_refusal,
    "collect": _collect_refusal,
    "record_picks": _record_refusal,
}
