"""Cancelled, undeliverable and sent back, in any order: each unit is counted once."""

from itertools import permutations

import pytest

from services.shipping import queries
from services.shipping.commands import handovers, returns
from services.shipping.commands.handovers import deliver_shipment
from services.shipping.commands.shipments import cancel_shipment
from services.shipping.domain.inspection import Condition, Found
from services.shipping.domain.shipment_status import FailureReason
from tests.unit.shipping.steps import accepted, advance, hear, hear_label, level, make_order, stock
from tests.unit.shipping.test_returns import hear_return, with_return


def found(line_id):
    """Two units that can be sold again, and one that can't."""
    return [
        Found(line_id=line_id, condition=Condition.SELLABLE, quantity=2),
        Found(line_id=line_id, condition=Condition.DAMAGED, quantity=1),
    ]


def cancelled(session, order, shipment):
    cancel_shipment(session, shipment.id, reason="a mistake")


def undeliverable(session, order, shipment):
    advance(session, shipment, "ship")
    handovers.fail_shipment(session, shipment.id, reason=FailureReason.REFUSED)
    back = found(shipment.lines[0].line_id)
    handovers.take_back_shipment(session, shipment.id, location="WEST", found=back)


def sent_back(session, order, shipment):
    advance(session, shipment, "ship")
    deliver_shipment(session, shipment.id, name="Ada")
    expected = hear_return(session, with_return(order, quantity=3))
    returns.receive_return(session, expected.id, location="WEST", found=found(expected.lines[0].line_id))


@pytest.mark.requirement("F-15", "P-03")
@pytest.mark.parametrize(
    "ways",
    list(permutations([cancelled, undeliverable, sent_back])),
    ids=lambda ways: "-".join(way.__name__ for way in ways),
)
def test_stock_ends_the_same_in_whatever_order_goods_come_back(session, ways):
    stock(session, "TEA-250", 9)
    orders = [accepted(make_order([("TEA-250", 3)], number=f"GB-{n}")) for n in range(3)]
    shipments = [hear(session, order)[0] for order in orders]
    for shipment in shipments:
        advance(session, shipment, "release", "pick")
        hear_label(session, shipment)
        advance(session, shipment, "pack")
    assert level(session, "TEA-250") == (9, 9)

    for way, order, shipment in zip(ways, orders, shipments, strict=True):
        way(session, order, shipment)
        session.flush()

        assert queries.stock_drift(session) == []

    assert level(session, "TEA-250") == (7, 0)  # 9, less the one damaged unit of each of two
