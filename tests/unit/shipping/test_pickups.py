"""Pickup: ready, reminded of, given out for its code, released when nobody comes."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from services.shipping.commands import handovers
from services.shipping.domain.shipment_status import MOST_WRONG_CODES
from services.shipping.messaging import messaging
from shared import clock
from shared.collect_codes import collect_code
from shared.errors import Refused
from shared.events.snapshots import ShipmentStatus
from shared.messaging import jobs
from shared.messaging.backoff import Backoff
from shared.messaging.tables import jobs as job_rows
from tests.papers import hear_of_paper
from tests.unit.shipping.steps import level, run_jobs, told
from tests.unit.shipping.ways import ready

S = ShipmentStatus
KEYS = ("newest", "previous")


def collect(session, shipment, code, **proof):
    named = {"code": code, "keys": KEYS, "name": "Ada Okafor"} | proof
    collected = handovers.collect_shipment(session, shipment.id, **named)
    session.flush()
    return collected


def code_of(shipment):
    return collect_code(KEYS, shipment.id, shipment.pickup.serial)


def other_than(code):
    return f"{(int(code) + 1) % 10**6:06d}"


@pytest.mark.requirement("P-16")
def test_what_is_ready_is_told_with_its_code_by_serial_only(session, published):
    shipment = ready(session, "pickup")

    [event] = published("shipment.ready")
    [told_of] = event["shipments"]["shipments"]
    assert (told_of["method_kind"], told_of["collect_code"]) == ("pickup", 1)
    assert told_of["collect_by"] is not None
    assert code_of(shipment) not in str(event)


@pytest.mark.requirement("P-16", "S1-06")
def test_a_shipment_is_given_out_for_its_code_and_who_took_it_is_known(session, published):
    shipment = ready(session, "pickup")
    proof = hear_of_paper(session, shipment.order_id)

    collect(session, shipment, code_of(shipment), note="passport", document_id=proof)

    assert (shipment.status, shipment.queue) == (S.DELIVERED, "finalised")
    signed = shipment.sign_off
    assert (signed.name, signed.note, signed.document_id) == ("Ada Okafor", "passport", proof)
    assert (signed.recorded_by, level(session, "TEA-250")) == ("shipping", (3, 0))
    assert "Okafor" not in str(published("shipment.delivered")[0]["shipments"]["shipments"])


@pytest.mark.requirement("P-16")
def test_a_wrong_code_opens_nothing_and_five_lock_even_the_right_one(session):
    shipment = ready(session, "pickup")
    right = code_of(shipment)

    for tried in range(1, MOST_WRONG_CODES + 1):
        assert collect(session, shipment, other_than(right)) is None
        assert handovers.tries_left(session, shipment.id) == MOST_WRONG_CODES - tried

    assert shipment.actions["collect"].reason == "code_locked"
    with pytest.raises(Refused, match="code_locked"):
        collect(session, shipment, right)
    assert shipment.status is S.READY


@pytest.mark.requirement("P-16")
def test_a_new_code_opens_what_was_locked_and_the_old_one_nothing(session, published):
    shipment = ready(session, "pickup")
    old = code_of(shipment)
    for _ in range(MOST_WRONG_CODES):
        collect(session, shipment, other_than(old))

    handovers.renew_code(session, shipment.id)
    session.flush()

    assert published("shipment.updated")[-1]["shipments"]["shipments"][0]["collect_code"] == 2
    assert collect(session, shipment, old) is None
    assert collect(session, shipment, code_of(shipment)).status is S.DELIVERED


def test_a_code_is_for_pickup_only(session):
    shipment = ready(session)

    with pytest.raises(Refused, match="wrong_method"):
        collect(session, shipment, "123456")
    with pytest.raises(Refused, match="wrong_method"):
        handovers.renew_code(session, shipment.id)


def owed(session):
    rows = select(job_rows.c.kind, job_rows.c.run_at).where(job_rows.c.kind.like("pickup_%"))
    return dict(session.execute(rows.order_by(job_rows.c.run_at)).all())


@pytest.mark.requirement("P-16")
def test_reminder_and_release_are_owed_from_the_day_it_is_ready(session):
    shipment = ready(session, "pickup")

    due = owed(session)

    assert list(due) == ["pickup_reminder", "pickup_release"]
    assert due["pickup_reminder"] == shipment.ready_at + timedelta(days=3)
    assert due["pickup_release"] == shipment.collect_by == shipment.ready_at + timedelta(days=7)
    assert shipment.due_at == shipment.collect_by


@pytest.mark.requirement("P-16")
def test_who_does_not_come_is_reminded_once_and_then_loses_the_goods(session, published):
    shipment = ready(session, "pickup")

    handovers.remind(session, shipment.id)
    handovers.remind(session, shipment.id)
    assert len(published("pickup.reminded")) == 1
    handovers.release_uncollected(session, shipment.id)

    assert (shipment.status, shipment.cancel_reason) == (S.CANCELLED, "not_collected")
    assert level(session, "TEA-250") == (5, 0)
    assert published("shipment.cancelled")[0]["reason"] == "not_collected"


@pytest.mark.requirement("P-16")
def test_what_was_collected_is_neither_reminded_of_nor_released(session):
    shipment = ready(session, "pickup")
    collect(session, shipment, code_of(shipment))
    before = told(session, shipment.order_id)

    handovers.remind(session, shipment.id)
    handovers.release_uncollected(session, shipment.id)

    assert (shipment.status, told(session, shipment.order_id)) == (S.DELIVERED, before)


def fall_due(sessions):
    with sessions.begin() as session:
        session.execute(update(job_rows).values(run_at=clock.now() - timedelta(seconds=1)))


@pytest.mark.requirement("P-16")
def test_the_jobs_do_it_when_their_days_have_come(sessions):
    with sessions.begin() as session:
        shipment = ready(session, "pickup")
    fall_due(sessions)

    run_jobs(sessions)

    with sessions() as session:
        assert told(session, shipment.order_id)[-2:] == ["pickup.reminded", "shipment.cancelled"]


def test_a_hold_stops_the_clock(sessions):
    with sessions.begin() as session:
        shipment = ready(session, "pickup")
        shipment.order.held = True
    fall_due(sessions)

    with sessions() as session:
        owed_ids = list(session.scalars(select(job_rows.c.id)))
    for job_id in owed_ids:
        assert jobs.run(sessions, messaging.jobs, job_id, Backoff(0.01, 0.02))

    with sessions() as session:
        states = session.execute(select(job_rows.c.state, job_rows.c.excused)).all()
        assert told(session, shipment.order_id)[-1] == "shipment.ready"
    assert {tuple(state) for state in states} == {("queued", 1)}
