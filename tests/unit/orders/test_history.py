"""The history of an order: every change with who made it, and all that others told, in order, for ever."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import delete, insert, select, update

from services.orders.commands.orders import accept_order, cancel_order
from services.orders.commands.payments import record_payment
from services.orders.messaging import messaging
from services.orders.models import HistoryEntry
from services.orders.queries import history as queries
from shared.access import Actor
from shared.db import new_id
from shared.messaging.tables import event_log, inbox, jobs
from tests import samples
from tests.unit.orders.sample_shop import stored


@pytest.fixture
def tell(session):
    """Have an event of another service in the inbox; one that is done was followed too."""

    def tell(order, event_type, at, state="done", error=None, times=1, actor=""):
        envelope = samples.envelope(event_type)
        envelope |= {"id": str(new_id()), "subject": str(order.id), "time": at.isoformat(), "actor": actor}
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
        for _ in range(times if state == "done" else 0):
            for witness in messaging.consumers.witnesses:
                witness(session, envelope)

    return tell


@pytest.fixture
def history(session):
    """All of an order's history."""

    def history(order):
        return [row._asdict() for row in queries.history(session, order.id, 100)]

    return history


def acting(name):
    return Actor(name=name, sellers=frozenset({"*"}), markets=frozenset({"*"}))


@pytest.mark.requirement("S0-09", "P-32", "F-34")
def test_every_change_is_there_with_who_made_it_and_what_it_changed(session, place_order, history):
    session.info["actor"] = acting("tess")
    order = place_order()
    session.info["actor"] = acting("olu")
    record_payment(session, order.id, reference="TRF 1")
    accept_order(session, order.id)
    cancel_order(session, order.id, reason="twice")
    session.flush()

    items = history(order)

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


@pytest.mark.requirement("S0-09")
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


def test_what_the_goods_did_to_the_order_is_there(place_order, hear_shipments, history):
    order = place_order()

    hear_shipments(order, "awaiting_inventory", event="shipment.created")
    hear_shipments(order, "inventory_assigned", event="shipment.inventory_assigned")

    followed = [item for item in history(order) if item["action"] == "follow_shipments"]
    assert [item["after"]["awaiting"] for item in followed] == [[f"{order.number}/awaiting_inventory"], []]


@pytest.mark.requirement("P-32")
def test_what_others_told_stands_between_at_its_time_without_personal_data(place_order, tell, history):
    order = place_order()
    later = [order.placed_at + timedelta(hours=hours) for hours in (1, 2, 3)]
    tell(order, "shipment.shipped", later[1])
    tell(order, "invoice.issued", later[0], times=2)
    tell(order, "email.sent", later[2])

    items = history(order)

    assert [(item["action"], item["source"], item["actor"], item["at"]) for item in items] == [
        ("place", "orders", "orders", items[0]["at"]),
        ("invoice.issued", "documents", "documents", later[0]),
        ("shipment.shipped", "shipping", "shipping", later[1]),
        ("email.sent", "notifications", "notifications", later[2]),
    ]
    assert set(items[1]["detail"]) == {"document_id", "invoice_number", "total_minor"}
    assert set(items[2]["detail"]) == {"shipment_id"}
    assert set(items[3]["detail"]) == {"email_id", "step", "recipient"}


@pytest.mark.requirement("P-32")
@pytest.mark.parametrize("state", ["done", "pending"])
def test_what_a_person_did_at_another_service_stands_under_their_name(place_order, tell, history, state):
    order = place_order()
    later = order.placed_at + timedelta(hours=1)
    tell(order, "shipment.shipped", later, state, actor="olu")
    tell(order, "invoice.issued", later + timedelta(hours=1), state)

    items = history(order)

    assert [(item["action"], item["source"], item["actor"]) for item in items[1:]] == [
        ("shipment.shipped", "shipping", "olu"),
        ("invoice.issued", "documents", "documents"),
    ]


@pytest.mark.requirement("P-32")
def test_what_others_told_stays_when_the_inbox_forgets_it(session, place_order, tell, history):
    order = place_order()
    tell(order, "invoice.issued", order.placed_at + timedelta(hours=1))

    session.execute(delete(inbox).where(inbox.c.subject == str(order.id)))

    assert [item["action"] for item in history(order)] == ["place", "invoice.issued"]


def test_an_event_that_is_followed_again_stands_there_once(session, place_order, tell, history):
    order = place_order()
    tell(order, "invoice.issued", order.placed_at + timedelta(hours=1))

    session.execute(update(inbox).where(inbox.c.subject == str(order.id)).values(state="pending"))

    assert [(item["action"], item["state"]) for item in history(order)] == [
        ("place", "done"),
        ("invoice.issued", "done"),
    ]


def test_what_is_told_of_a_sku_is_no_orders_history(session):
    for witness in messaging.consumers.witnesses:
        witness(session, samples.envelope("stock.changed"))

    assert session.scalars(select(HistoryEntry)).all() == []


@pytest.mark.requirement("P-32")
def test_dead_letters_of_the_order_are_there_with_their_error(session, client, bearer, place_order, tell):
    order, other = place_order(), place_order()
    soon = datetime.now(UTC) + timedelta(hours=1)
    tell(order, "shipment.delivered", soon, state="dead", error="poison")
    tell(order, "email.sent", soon + timedelta(hours=1), state="skipped", error="skipped: lost")
    session.execute(
        insert(jobs).values(
            id=new_id(),
            kind="deadline",
            key="k",
            subject=str(order.id),
            reference=order.number,
            argument={},
            state="dead",
            run_at=soon,
            created_at=soon + timedelta(hours=2),
            last_error="gave up",
            correlation_id="",
            causation_id="",
        )
    )

    items = client.get(f"/v1/orders/{order.id}/history", headers=bearer()).json["items"]
    others = client.get(f"/v1/orders/{other.id}/history", headers=bearer()).json["items"]

    assert [(item["action"], item["state"], item["error"]) for item in items[1:]] == [
        ("shipment.delivered", "dead", "poison"),
        ("email.sent", "skipped", "skipped: lost"),
        ("deadline", "dead", "gave up"),
    ]
    assert [item["action"] for item in others] == ["place"]


@pytest.mark.requirement("S0-09")
def test_a_long_history_comes_page_by_page_in_order_and_whole(client, bearer, place_order, tell):
    order = place_order()
    at = order.placed_at + timedelta(hours=1)
    for number in range(7):
        tell(order, "email.sent", at, state="dead" if number % 3 == 0 else "done")  # all at the same time
    path, items, cursor = f"/v1/orders/{order.id}/history", [], {}

    while cursor is not None:
        page = client.get(path, query_string={"limit": 2, **cursor}, headers=bearer()).json
        items += page["items"]
        cursor = {"cursor": page["next"]} if page["next"] else None

    assert len(items) == 8
    whole = client.get(path, query_string={"limit": 100}, headers=bearer()).json
    assert items == whole["items"]
    assert sorted(item["state"] for item in items) == ["dead"] * 3 + ["done"] * 5
