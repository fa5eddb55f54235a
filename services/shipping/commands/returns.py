"""Returns: expected, then received and inspected, once."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands import stock
from services.shipping.commands.shipments import tell
from services.shipping.domain.inspection import Found, ReturnStatus
from services.shipping.models import ExpectedLine, ExpectedReturn, Finding, OrderState
from shared import clock
from shared.access import actor_of, require_current
from shared.errors import Refused
from shared.events.snapshots import OrderSnapshot, Return, orders
from shared.messaging.order_locks import lock_order

_OVER = {orders.ReturnStatus.REJECTED, orders.ReturnStatus.CLOSED}


def bring_returns_in_line(session: Session, order: OrderSnapshot) -> None:
    """Expect the returns an order approved, and drop those it closed; runs under the order's lock.

    What was received stays received, whatever orders says of it afterwards.
    """
    state = session.get_one(OrderState, order.order_id)  # the order itself was followed before
    known = {expected.id: expected for expected in state.returns}
    for one in order.returns:
        expected = known.get(one.return_id)
        if expected is None:
            if one.status == orders.ReturnStatus.APPROVED:
                state.returns.append(_expected(order, one))
        elif expected.status is ReturnStatus.EXPECTED and one.status in _OVER:
            expected.status = ReturnStatus.CLOSED
            expected.version += 1


def receive_return(
    session: Session, return_id: UUID, *, location: str, found: Sequence[Found], note: str = ""
) -> ExpectedReturn:
    """Receive a return, unit by unit as found, and publish return.received.

    Only what can be sold again goes to the location's stock. A return is received once: what is missing
    then has not come. Raises NotFound for an unknown return, or a location that the actor may not change;
    Refused already_received, return_closed; Invalid for goods that are not expected.
    """
    order_id = queries.order_of_return(session, return_id)
    lock_order(session, order_id)
    expected = queries.expected_return(session, return_id)
    require_current(session, expected.version, return_id)
    if expected.status is ReturnStatus.RECEIVED:
        raise Refused("already_received", "it has already been received")
    if expected.status is ReturnStatus.CLOSED:
        raise Refused("return_closed", "the return is closed")
    reason = f"return of {expected.order_number}"
    sums = stock.take_in(session, expected.seller, location, expected.lines, found, reason=reason)
    lines = {line.line_id: line for line in expected.lines}
    for (line_id, condition), quantity in sums.items():
        lines[line_id].findings.append(Finding(condition=condition, quantity=quantity))
    expected.status = ReturnStatus.RECEIVED
    expected.location = location
    expected.received_by = actor_of(session).name
    expected.received_at = clock.now()
    expected.note = note
    expected.version += 1
    order = queries.order_state(session, order_id)
    tell(session, order, events.return_received(expected))
    return expected


def _expected(order: OrderSnapshot, one: Return) -> ExpectedReturn:
    lines = {line.line_id: line for line in order.lines}
    return ExpectedReturn(
        id=one.return_id,
        order_id=order.order_id,
        order_number=order.number,
        seller=order.seller.seller,
        market=order.market.market,
        status=ReturnStatus.EXPECTED,
        received_by="",
        note="",
        version=1,
        expected_at=clock.now(),
        lines=[
            ExpectedLine(
                line_id=line.line_id,
                position=position,
                sku=line.sku,
                name=lines[line.line_id].name,
                quantity=line.requested_quantity,
                coefficient=lines[line.line_id].sales_coefficient,
                findings=[],
            )
            for position, line in enumerate(one.lines, 1)
        ],
    )
