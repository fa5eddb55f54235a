"""The states of an order: which actions are possible when, what state they lead to, and what blocks them."""

from dataclasses import dataclass

from shared.events.snapshots import OrderStatus, PaymentMethod
from shared.state_machine import Refusal, StateMachine, refuse

# Ended without its goods: nothing of it is wanted or owed any more, and what was paid goes back.
OVER = frozenset({OrderStatus.CANCELLED, OrderStatus.REFUSED, OrderStatus.FAILED})
ENDED = OVER | {OrderStatus.COMPLETED}

TRANSITIONS: dict[tuple[str, OrderStatus], OrderStatus] = {
    ("place", OrderStatus.DRAFT): OrderStatus.PLACED,
    ("abandon", OrderStatus.DRAFT): OrderStatus.ABANDONED,
    ("accept", OrderStatus.PLACED): OrderStatus.ACCEPTED,
    ("refuse", OrderStatus.PLACED): OrderStatus.REFUSED,
    ("fail", OrderStatus.PLACED): OrderStatus.FAILED,
    ("cancel", OrderStatus.PLACED): OrderStatus.CANCELLED,
    ("cancel", OrderStatus.ACCEPTED): OrderStatus.CANCELLING,
    ("confirm_cancel", OrderStatus.CANCELLING): OrderStatus.CANCELLED,
    ("cancel_lines", OrderStatus.PLACED): OrderStatus.PLACED,
    ("cancel_lines", OrderStatus.ACCEPTED): OrderStatus.CANCELLING,
    ("confirm_cancel_lines", OrderStatus.CANCELLING): OrderStatus.ACCEPTED,
    ("deny_cancel", OrderStatus.CANCELLING): OrderStatus.ACCEPTED,
    ("complete", OrderStatus.ACCEPTED): OrderStatus.COMPLETED,
}

# What a person may ask of an order; every read of it answers each with possible or the reason why not.
ACTIONS = (
    *("edit", "accept", "refuse", "cancel", "cancel_lines", "complete", "hold", "release_hold"),
    *("record_payment", "refund", "request_return"),
)

# Money may come in while anything can still be owed.
_PAYABLE = frozenset({OrderStatus.PLACED, OrderStatus.ACCEPTED, OrderStatus.CANCELLING})
# While shipping is asked whether goods have left, a hold would come too late to mean anything.
_HOLDABLE = frozenset({OrderStatus.PLACED, OrderStatus.ACCEPTED})
# What comes back of any other order is an undeliverable shipment, or nobody's.
_RETURNABLE = frozenset({OrderStatus.ACCEPTED, OrderStatus.COMPLETED})
# Before its acceptance an order is edited instead; after its end there is nothing to take off.
_CREDITABLE = frozenset({OrderStatus.ACCEPTED, OrderStatus.COMPLETED})


_STATES = StateMachine("order", TRANSITIONS)
status_after = _STATES.status_after


@dataclass(frozen=True, kw_only=True)
class OrderFacts:
    """The facts that the rules depend on."""

    status: OrderStatus
    payment_method: PaymentMethod
    covered: bool  # money received covers what is owed
    holds: tuple[str, ...]  # the reasons of the holds that stand
    backorders: bool  # the market promises what is not in stock
    awaiting: tuple[str, ...] | None  # numbers of shipments that lack stock; None until shipping is heard
    goods_left: bool  # a shipment is with a carrier or the customer
    units_here: int  # how many wanted units are not
    delivered: bool  # something of it is with the customer
    owed_minor: int  # what of the total is neither cancelled nor credited
    excess_minor: int  # what was paid too much and is not on its way back yet
    fulfilled: bool  # every wanted unit reached the customer


def refusals(action: str, order: OrderFacts) -> list[Refusal]:
    """Everything that blocks an action, the first thing to clear first; empty if it is possible."""
    found = _RULES[action](order)
    if found and found[0].reason == "wrong_status":
        return found[:1]  # nothing else matters before that
    return found


def actions(order: OrderFacts) -> dict[str, Refusal | None]:
    """Each action with what blocks it first, or None if it is possible now."""
    return {action: next(iter(refusals(action, order)), None) for action in ACTIONS}


def refuse_unless_possible(action: str, order: OrderFacts) -> None:
    """Raise Refused, with the first reason, unless an action is possible."""
    refuse(next(iter(refusals(action, order)), None))


def _accept(order: OrderFacts) -> list[Refusal]:
    found = _status_refusals("accept", order.status) + _hold_refusals(order)
    if not (order.covered or order.payment_method.pays_on_delivery):
        found.append(Refusal("payment_not_recorded", "the money received does not cover what is owed yet"))
    if not order.backorders:
        if order.awaiting is None:
            found.append(Refusal("awaiting_inventory", "shipping has not assigned any stock yet"))
        elif order.awaiting:
            found.append(
                Refusal(
                    "awaiting_inventory",
                    f"no stock yet for shipment {', '.join(order.awaiting)}",
                    {"shipments": list(order.awaiting)},
                )
            )
    return found


def _edit(order: OrderFacts) -> list[Refusal]:
    """An accepted order can no longer be edited; one on hold can: that is often what the hold is for."""
    return [] if order.status is OrderStatus.PLACED else [_STATES.wrong_status("edit", order.status)]


def _refuse(order: OrderFacts) -> list[Refusal]:
    return _status_refusals("refuse", order.status) + _hold_refusals(order)


def _cancel(order: OrderFacts) -> list[Refusal]:
    found = _status_refusals("cancel", order.status) + _hold_refusals(order)
    if order.goods_left:
        found.append(Refusal("already_shipped", "goods have already left; return them instead"))
    return found


def _cancel_lines(order: OrderFacts) -> list[Refusal]:
    found = _status_refusals("cancel_lines", order.status) + _hold_refusals(order)
    if not order.units_here:
        found.append(Refusal("already_shipped", "all goods have already left; return them instead"))
    return found


def _complete(order: OrderFacts) -> list[Refusal]:
    found = _status_refusals("complete", order.status)
    if not order.fulfilled:
        found.append(
            Refusal(
                "derived_from_shipments", "it completes by itself once every unit has reached the customer"
            )
        )
    if not order.covered:
        found.append(Refusal("payment_not_recorded", "the money received does not cover what is owed yet"))
    return found


def _record_payment(order: OrderFacts) -> list[Refusal]:
    # A completed order is owed for again where a payment turned out to be none.
    owed_again = order.status is OrderStatus.COMPLETED and not order.covered
    if order.status not in _PAYABLE and not owed_again:
        return [_STATES.wrong_status("record_payment", order.status)]
    if order.payment_method is PaymentMethod.ONLINE:
        return [Refusal("recorded_by_gateway", "online payments are reported by the gateway itself")]
    return []


def _hold(order: OrderFacts) -> list[Refusal]:
    return [] if order.status in _HOLDABLE else [_STATES.wrong_status("hold", order.status)]


def _release_hold(order: OrderFacts) -> list[Refusal]:
    return [] if order.holds else [Refusal("not_held", "the order is not on hold")]


def _credit(order: OrderFacts) -> list[Refusal]:
    if order.status not in _CREDITABLE:
        return [_STATES.wrong_status("credit", order.status)]
    return [] if order.owed_minor else [Refusal("nothing_left", "nothing of the order is left to refund")]


def _refund(order: OrderFacts) -> list[Refusal]:
    """A refund is possible if there is an overpayment to pay back or something left to credit."""
    return [] if order.excess_minor else _credit(order)


def _request_return(order: OrderFacts) -> list[Refusal]:
    if order.status not in _RETURNABLE:
        return [_STATES.wrong_status("request_return", order.status)]
    return (
        [] if order.delivered else [Refusal("not_delivered", "nothing of the order has been delivered yet")]
    )


_RULES = {
    "edit": _edit,
    "complete": _complete,
    "accept": _accept,
    "refuse": _refuse,
    "cancel": _cancel,
    "cancel_lines": _cancel_lines,
    "hold": _hold,
    "release_hold": _release_hold,
    "record_payment": _record_payment,
    "credit": _credit,
    "refund": _refund,
    "request_return": _request_return,
}


def _status_refusals(action: str, status: OrderStatus) -> list[Refusal]:
    refusal = _STATES.status_refusal(action, status)
    return [refusal] if refusal else []


def _hold_refusals(order: OrderFacts) -> list[Refusal]:
    if not order.holds:
        return []
    return [Refusal("on_hold", f"on hold: {', '.join(order.holds)}", {"holds": list(order.holds)})]
