"""The history of an order: every change with who made it, and all that others told, in order."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert, select

from services.orders import queries
from services.orders.commands.orders import accept_order, cancel_order
from services.orders.commands.payments import record_payment
from services.orders.models import HistoryEntry
from shared.access import Actor
from shared.messaging.tables import event_log, inbox
from tests import samples
from tests.unit.orders.sample_shop import stored


@pytest.fixture
def hear(session):
    """Have an event of another service in the inbox, as it was received."""

    def hear(order, event_type, at, state="done", error=None):
        envelope = samples.envelope(event_type) | {"subject": str(order.id), "time": at.isoformat()}
        row = {
            "event_id": envelope["id"],
            "source": envelope["source"].removeprefix("/"),
            "type": event_type,
            "subject": str(order.id),
            "envelope": envelope,
            "via": "push",
            "state": state,
            "next_at": at,
            "last_error": error,
        }
        session.execute(insert(inbox).values(row))

    return hear


def test_every_change_is_there_with_who_made_it_and_what_it_changed(session, place_order):
    session.info["actor"] = Actor(name="tess", sellers=frozenset({"*"}), markets=frozenset({"*"}))
    order = place_order()
    session.info["actor"] = Actor(name="olu", sellers=frozenset({"*"}), markets=frozenset({"*"}))
    record_payment(session, order.id, reference="TRF 1")
    accept_order(session, order.id)
    cancel_order(session, order.id, reason="twice")

    items = queries.history(session, order.id)

    assert [(item["action"], item["actor"], item["version"]) for item in items] == [
        ("place", "tess", 1),
        ("record_payment", "olu", 2),
        ("accept", "olu", 3),
        ("cancel", "olu", 4),
    ]
    assert items[1]["before"] == {"payment_state": "unpaid", "received_minor": 0}
    assert items[1]["after"] == {"payment_state": "paid", "received_minor": 900}
    assert items[1]["detail"]["reference"] == "TRF 1"
    assert (items[2]["before"], items[2]["after"]) == ({"status": "placed"}, {"status": "accepted"})
    assert items[3]["detail"] == {"reason": "twice"}


def test_every_event_told_has_an_entry_of_its_version(session, place_order, hear_shipments):
    order = place_order()
    record_payment(session, order.id, reference="TRF 1")
    accept_order(session, order.id)
    hear_shipments(order, "shipped", event="shipment.shipped")
    hear_shipments(order, "delivered", event="shipment.delivered")

    told = session.execute(
        select(event_log.c.version).where(event_log.c.subject == str(order.id)).order_by(event_log.c.seq)
    ).scalars()
    entries = session.scalars(select(HistoryEntry).where(HistoryEntry.order_id == order.id)).all()

    versions = [entry.version for entry in entries]
    assert set(told) <= set(versions)
    assert sorted(versions) == list(range(1, stored(session, order.id).version + 1))


def test_what_the_goods_did_to_the_order_is_there(session, place_order, hear_shipments):
    order = place_order()

    hear_shipments(order, "awaiting_inventory", event="shipment.created")
    hear_shipments(order, "inventory_assigned", event="shipment.inventory_assigned")

    followed = [item for item in queries.history(session, order.id) if item["action"] == "follow_shipments"]
    assert [item["after"]["awaiting"] for item in followed] == [[f"{order.number}/awaiting_inventory"], []]


def test_what_others_told_stands_between_at_its_time_without_personal_data(session, place_order, hear):
    order = place_order()
    later = [order.placed_at + timedelta(hours=hours) for hours in (1, 2, 3)]
    hear(order, "shipment.shipped", later[1])
    hear(order, "invoice.issued", later[0])
    hear(order, "email.sent", later[2])

    items = queries.history(session, order.id)

    assert [(item["action"], item["source"], item["at"]) for item in items] == [
        ("place", "orders", items[0]["at"]),
        ("invoice.issued", "documents", later[0]),
        ("shipment.shipped", "shipping", later[1]),
        ("email.sent", "notifications", later[2]),
    ]
    assert set(items[1]["detail"]) == {"document_id", "invoice_number", "total_minor"}
    assert set(items[2]["detail"]) == {"shipment_id"}
    assert set(items[3]["detail"]) == {"email_id", "step", "recipient"}


def test_dead_letters_of_the_order_are_there_with_their_error(client, bearer, place_order, hear):
    order, other = place_order(), place_order()
    hear(order, "shipment.delivered", datetime.now(UTC) + timedelta(hours=1), state="dead", error="poison")

    items = client.get(f"/v1/orders/{order.id}/history", headers=bearer()).json["items"]
    others = client.get(f"/v1/orders/{other.id}/history", headers=bearer()).json["items"]

    assert (items[-1]["action"], items[-1]["state"], items[-1]["error"]) == (
        "shipment.delivered",
        "dead",
        "poison",
    )
    assert [item["action"] for item in others] == ["place"]
