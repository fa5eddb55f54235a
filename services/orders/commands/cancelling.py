"""What cancelling takes off an order, and what speaks against it. The caller has locked the order."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.commands.ledger import restate_payment
from services.orders.domain.refunds import units_cost, units_left
from services.orders.models import Order
from shared.errors import Invalid, Refused
from shared.events.snapshots import CancelledLine, ConversationSnapshot
from shared.messaging import copies

NOT_CONTACTED = "customer_not_contacted"


def warnings(session: Session, order: Order) -> list[str]:
    """What whoever cancels should know first: nobody has written to the customer about this order."""
    conversation = copies.newest(session, order.id, ConversationSnapshot)
    contacted = conversation is not None and conversation.seller_wrote_at is not None
    return [] if contacted else [NOT_CONTACTED]


def units_of(order: Order, lines: Sequence[Mapping[str, Any]]) -> tuple[CancelledLine, ...]:
    """What is to be cancelled of the lines; nothing, which is the order as a whole, where it is all of them.

    Raises Invalid for a line that isn't there or is named twice, Refused (more_than_left).
    """
    known, lefts = {line.id: line for line in order.lines}, _lefts(order)
    wanted: dict[UUID, int] = {}
    for place, line in enumerate(lines):
        line_id, quantity = line["line_id"], line["quantity"]
        if line_id not in known:
            raise Invalid(**{f"lines.{place}.line_id": "the order has no such line"})
        if line_id in wanted:
            raise Invalid(**{f"lines.{place}.line_id": "is named twice"})
        left = lefts[line_id]
        if quantity > left:
            raise Refused(
                "more_than_left",
                f"of {known[line_id].name} no more than {left} can be cancelled",
                line_id=line_id,
                quantity_left=left,
            )
        wanted[line_id] = quantity
    if all(wanted.get(line_id, 0) == left for line_id, left in lefts.items()):
        return ()
    return tuple(CancelledLine(line_id=line_id, quantity=quantity) for line_id, quantity in wanted.items())


def take_off(session: Session, order: Order, lines: Sequence[CancelledLine]) -> None:
    """Have units of lines wanted and owed no more.

    They take off what they cost, discounts and tax included; never more than is owed, for an amount refunded
    before was of something too.
    """
    known = {line.id: line for line in order.lines}
    parts = {part.line_id: part for part in order.charged if part.line_id}
    earlier = order.refunded_parts
    for each in lines:
        line, part = known[each.line_id], parts[each.line_id]
        taken = line.quantity - units_left(part, earlier)
        gross, _ = units_cost(part, taken, each.quantity)
        order.cancelled_minor += min(gross, order.ledger.owed_minor)
        line.cancelled_quantity += each.quantity
    restate_payment(session, order)


def _lefts(order: Order) -> dict[UUID, int]:
    """Units of each line that are neither cancelled, returned nor refunded."""
    earlier = order.refunded_parts
    unrefunded = {part.line_id: units_left(part, earlier) for part in order.charged if part.line_id}
    return {
        line.id: min(unrefunded[line.id], line.quantity - line.cancelled_quantity - line.returned_quantity)
        for line in order.lines
    }
