"""How far an order's goods are, from its shipments."""

import pytest

from services.orders.domain.fulfilment import Fulfilment, awaiting_inventory, fulfilment_of, goods_of
from shared.clock import now
from shared.db import new_id
from shared.events.snapshots import Shipment, ShipmentLine


def shipment(status, quantity, number="GB-1/1"):
    return Shipment(
        shipment_id=new_id(),
        number=number,
        group_id=new_id(),
        method="delivery",
        status=status,
        location="WEST",
        lines=(ShipmentLine(line_id=new_id(), sku="TEA-250", quantity=quantity, units=quantity),),
        created_at=now(),
    )


@pytest.mark.parametrize(
    ("wanted", "shipments", "expected"),
    [
        (5, "", "unfulfilled"),
        (5, "awaiting_inventory 5", "unfulfilled"),
        (5, "inventory_assigned 5", "unfulfilled"),
        (5, "released 5", "preparing"),
        (5, "packing 2, inventory_assigned 3", "preparing"),
        (5, "ready 2, packing 3", "preparing"),
        (5, "ready 5", "ready"),
        (5, "ready 2", "preparing"),  # three units are in no shipment
        (5, "shipped 2, ready 3", "partly_shipped"),
        (5, "shipped 5", "shipped"),
        (5, "undeliverable 5", "shipped"),
        (5, "shipped 2", "partly_shipped"),
        (5, "delivered 2, shipped 3", "partly_delivered"),
        (5, "delivered 2", "partly_delivered"),
        (5, "delivered 5", "delivered"),
        (5, "delivered 3, returned 2", "partly_delivered"),
        (5, "returned 5", "returned"),
        (5, "returned 2, shipped 3", "partly_shipped"),
        (5, "cancelled 5", "unfulfilled"),
        (3, "delivered 3, cancelled 2", "delivered"),  # two of five were cancelled
        (0, "cancelled 5", "unfulfilled"),
        (0, "", "unfulfilled"),
    ],
)
def test_the_word_follows_the_units(wanted, shipments, expected):
    made = [shipment(part.split()[0], int(part.split()[1])) for part in shipments.split(", ") if part]

    assert fulfilment_of(wanted, goods_of(made)) == expected


def test_goods_have_left_from_the_first_shipped_unit_on():
    left = {word for word in Fulfilment if word.goods_left}

    assert left == {"partly_shipped", "shipped", "partly_delivered", "delivered"}


def test_the_shipments_that_lack_stock_are_named():
    shipments = [shipment("awaiting_inventory", 1, "GB-1/2"), shipment("inventory_assigned", 1, "GB-1/1")]

    assert awaiting_inventory(goods_of(shipments)) == ["GB-1/2"]
