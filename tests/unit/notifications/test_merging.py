"""Received, then paid: whatever is heard when, and whoever sends it. With real threads and transactions."""

import random
import threading
import time
from dataclasses import replace

import pytest
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from services.notifications import consumers, sending
from services.notifications.messaging import messaging
from services.notifications.models import Email
from shared.db import new_id
from shared.messaging import copies
from shared.messaging import jobs as runner
from shared.messaging.backoff import Backoff
from shared.messaging.order_locks import lock_order
from tests.emptying import MESSAGING, empty
from tests.unit.notifications.conftest import due_job
from tests.unit.notifications.snapshot_samples import paid, placed_order
from tests.waiting import until

ORDERS = 24
TABLES = ("emails", "email_attempts", "email_contents", "notices", "open_matters", *MESSAGING)


@pytest.fixture
def sessions(engines, settings):
    """Sessions that commit; what they wrote is gone afterwards."""
    engine = engines["notifications"]
    info = {
        **messaging.session_info(),
        "settings": replace(settings, merge_seconds=0.05, retry_base_seconds=0.02),
    }
    yield sessionmaker(engine, expire_on_commit=False, info=info)
    with engine.begin() as connection:
        empty(connection, TABLES)


def hear(sessions, snapshot):
    with sessions.begin() as session:
        lock_order(session, snapshot.order_id)
        consumers.follow_order(session, copies.keep_newest(session, snapshot))


def work(sessions, is_over):
    while not is_over.is_set():
        with sessions() as session:
            due = due_job(session)
        if due is None:
            is_over.wait(0.005)
        else:
            runner.run(sessions, messaging.jobs, due, Backoff(0.01, 0.02))
    sending.hang_up()


def live(sessions, order, place):
    """An order is placed, and paid some moment later; the news may overtake each other."""
    chance = random.Random(place)
    news = [order, paid(order)]
    if place % 4 == 0:
        news.reverse()
    hear(sessions, news[0])
    if place % 4 == 1:
        until(lambda: is_sent(sessions, order))
    else:
        time.sleep(chance.uniform(0, 0.12))  # around the window, on both sides of it
    hear(sessions, news[1])


def is_sent(sessions, order):
    with sessions() as session:
        statuses = session.scalars(select(Email.status).where(Email.order_id == order.order_id)).all()
    return statuses == ["sent"]


def all_told(sessions):
    with sessions() as session:
        emails = session.scalars(select(Email)).all()
    told = {"sent", "merged"}
    return len(emails) == 2 * ORDERS and all(email.status in told for email in emails)


@pytest.mark.requirement("F-32")
def test_nobody_reads_received_after_paid(sessions, mail_server):
    mail_server.at_recipient.extend(["451 later"] * 8)
    base = placed_order()
    seller = replace(base.seller, email="")
    orders = [
        replace(base, order_id=new_id(), number=f"EU-{place:03}", seller=seller) for place in range(ORDERS)
    ]
    is_over = threading.Event()
    workers = [threading.Thread(target=work, args=(sessions, is_over)) for _ in range(3)]
    lives = [
        threading.Thread(target=live, args=(sessions, order, place)) for place, order in enumerate(orders)
    ]

    for thread in [*workers, *lives]:
        thread.start()
    try:
        until(lambda: all_told(sessions))
    finally:
        is_over.set()
        for thread in [*lives, *workers]:
            thread.join()

    subjects = [str(mail["Subject"]) for mail in mail_server.received()]
    for place, order in enumerate(orders):
        told = [subject for subject in subjects if order.number in subject]
        together = [f"Hemos recibido su pedido {order.number}"]
        apart = [*together, f"Hemos recibido el pago de su pedido {order.number}"]
        # Paid before anything was sent, paid after it was sent, paid about when the window closes.
        assert told in {0: [together], 1: [apart]}.get(place % 4, [together, apart])
