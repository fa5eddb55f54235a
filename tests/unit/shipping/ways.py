"""Shipments brought as far as a test of the last steps needs them, by any method."""

from dataclasses import replace

from services.shipping.commands.carriers import number_parcel
from services.shipping.models import Parcel
from tests import samples
from tests.unit.shipping.steps import accepted, advance, hear, hear_label, make_order, stock


def order_by(method, *groups, **changes):
    """A placed order that goes by a method, its people known."""
    order = make_order(*groups, **changes)
    fetched_at = "WEST" if method.startswith("pickup") else None
    by_method = [replace(one, method=method, pickup_point=fetched_at) for one in order.delivery_groups]
    return replace(order, delivery_groups=tuple(by_method))


def released(session, method="delivery", units=2, **changes):
    """A shipment that the warehouse has; 5 units of its SKU are in stock."""
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, accepted(order_by(method, [("TEA-250", units)], **changes)))
    advance(session, shipment, "release")
    return shipment


def ready(session, method="delivery", units=2, **changes):
    """A packed shipment."""
    shipment = released(session, method, units, **changes)
    advance(session, shipment, "pick")
    if method == "delivery":
        hear_label(session, shipment)
    advance(session, shipment, "pack")
    return shipment


def shipped(session, **changes):
    """A shipment on its way."""
    shipment = ready(session, **changes)
    advance(session, shipment, "ship")
    return shipment


def of_seller(code):
    """What makes an order another seller's."""
    return {"seller": replace(samples.event("order.placed").order.seller, seller=code)}


def another_parcel(session, shipment):
    """A further parcel of a shipment, with its own number."""
    parcel = Parcel(position=len(shipment.parcels) + 1, weight_grams=0, length_mm=0, width_mm=0, height_mm=0)
    number_parcel(session, parcel)
    shipment.parcels.append(parcel)
    session.flush()
    return parcel
