"""Appointments: in the market's time, moved, told, signed off."""

from datetime import UTC, datetime, timedelta

import pytest

from services.shipping.commands.appointments import schedule_appointment, sign_appointment
from services.shipping.commands.handovers import deliver_shipment
from services.shipping.commands.shipments import cancel_shipment
from services.shipping.domain.appointments import local, window
from shared import clock
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import AppointmentKind
from tests.unit.shipping.steps import told
from tests.unit.shipping.ways import released, shipped

K = AppointmentKind
WINTER = datetime(2026, 1, 1, tzinfo=UTC)
MADRID = "Europe/Madrid"


def at(text):
    return datetime.fromisoformat(text)


@pytest.mark.requirement("S1-07")
@pytest.mark.parametrize(
    ("shown", "instant"),
    [
        ("2026-03-04T10:00", "2026-03-04T09:00+00:00"),
        ("2026-07-04T10:00", "2026-07-04T08:00+00:00"),
        ("2026-10-25T02:30", "2026-10-25T00:30+00:00"),  # shown twice that night: the first
    ],
)
def test_times_are_the_markets(shown, instant):
    starts_at, ends_at = window(at(shown), at(shown) + timedelta(hours=2), MADRID, WINTER)

    assert starts_at == at(instant)
    assert local(starts_at, MADRID) == at(shown)
    assert ends_at > starts_at


@pytest.mark.parametrize(
    ("starts", "ends", "field"),
    [
        ("2026-03-29T02:30", "2026-03-29T05:00", "starts"),  # the clocks go from 2 to 3
        ("2025-12-31T10:00", "2025-12-31T12:00", "starts"),
        ("2026-03-04T10:00", "2026-03-04T10:00", "ends"),
        ("2026-03-04T10:00", "2026-03-04T09:00", "ends"),
        ("2026-03-04T10:00", "2026-03-06T10:00", "ends"),
        ("2026-03-04T10:00+01:00", "2026-03-04T11:00", "starts"),
    ],
)
def test_times_that_can_not_be_are_refused(starts, ends, field):
    with pytest.raises(Invalid) as refused:
        window(at(starts), at(ends), MADRID, WINTER)

    assert set(refused.value.fields) == {field}


def tomorrow(hour):
    return (clock.now() + timedelta(days=1)).replace(
        hour=hour, minute=0, second=0, microsecond=0, tzinfo=None
    )


def schedule(session, shipment, kind=K.INSTALLATION, hour=10, note="third floor"):
    schedule_appointment(
        session, shipment.id, kind, starts=tomorrow(hour), ends=tomorrow(hour + 2), note=note
    )
    session.flush()


@pytest.mark.requirement("S1-07")
def test_a_date_is_told_moved_and_told_again(session, published):
    shipment = released(session)

    schedule(session, shipment)
    schedule(session, shipment)
    schedule(session, shipment, hour=14)

    [appointment] = shipment.appointments
    first, second = published("appointment.scheduled")
    assert (appointment.times_scheduled, appointment.kind) == (2, K.INSTALLATION)
    assert first["starts_at"] < second["starts_at"]
    [snapshot] = second["shipments"]["shipments"]
    assert snapshot["appointments"][0]["starts_at"] == second["starts_at"]
    assert "third floor" not in str(second)


@pytest.mark.requirement("S1-07", "S1-06", "S2-04")
def test_what_was_delivered_may_still_be_installed_and_signed_off(session):
    shipment = shipped(session)
    schedule(session, shipment, K.DELIVERY)
    deliver_shipment(session, shipment.id, name="Ada")

    schedule(session, shipment, K.INSTALLATION, hour=15)
    sign_appointment(session, shipment.id, K.INSTALLATION, name="Ada Okafor")
    session.flush()

    signed = {one.kind: one.signed_by for one in shipment.appointments}
    assert signed == {K.DELIVERY: "", K.INSTALLATION: "Ada Okafor"}
    assert told(session, shipment.order_id)[-1] == "shipment.updated"


def test_what_was_signed_is_neither_moved_nor_signed_again(session):
    shipment = released(session)
    with pytest.raises(NotFound):
        sign_appointment(session, shipment.id, K.SERVICE, name="Ada")
    schedule(session, shipment)
    sign_appointment(session, shipment.id, K.INSTALLATION, name="Ada")

    for again in (
        lambda: schedule(session, shipment, hour=16),
        lambda: sign_appointment(session, shipment.id, K.INSTALLATION, name="Ada"),
    ):
        with pytest.raises(Refused, match="appointment_signed"):
            again()


def test_what_was_cancelled_gets_no_date(session):
    shipment = released(session)
    cancel_shipment(session, shipment.id, reason="x")

    with pytest.raises(Refused, match="shipment_cancelled"):
        schedule(session, shipment)
