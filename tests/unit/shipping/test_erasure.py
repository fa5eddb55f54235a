"""Erasing a person leaves nothing of it in shipping: not in rows, not in events, not in copies."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import inspect, select

from services.shipping import consumers
from services.shipping.commands.appointments import schedule_appointment, sign_appointment
from services.shipping.commands.couriers import assign_courier
from services.shipping.commands.handovers import deliver_shipment
from services.shipping.commands.master_data import put_courier
from services.shipping.commands.returns import receive_return
from services.shipping.commands.tracking import hear_scan
from services.shipping.models import Base
from shared import clock
from shared.events.snapshots import AppointmentKind, People, TrackingStatus
from shared.messaging import copies
from shared.messaging.tables import event_log
from tests.unit.shipping.steps import accepted, advance, hear, hear_label, later, make_order, stock
from tests.unit.shipping.test_returns import hear_return, with_return

NAME, STREET = "Ada Okafor", "Quay Row"


def everything(session):
    """All that the service's own tables say, and what it told."""
    tables = [
        *(
            table
            for table in Base.metadata.sorted_tables
            if inspect(session.connection()).has_table(table.name)
        )
    ]
    rows = [str(row) for table in [*tables, event_log] for row in session.execute(select(table))]
    return "\n".join(rows)


@pytest.mark.requirement("P-38")
def test_nothing_of_the_person_is_left(session):
    order = accepted(make_order([("TEA-250", 2)]))
    copies.keep_newest(session, order)
    stock(session, "TEA-250", 5)
    put_courier(session, "lantern", "rui", name="Rui Costa", phone="", active=True)
    [shipment] = hear(session, order)
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    advance(session, shipment, "pack")
    assign_courier(session, shipment.id, courier="rui", note=f"ring at {NAME}'s")
    tomorrow = (clock.now() + timedelta(days=1)).replace(tzinfo=None, minute=0, second=0, microsecond=0)
    window = {"starts": tomorrow, "ends": tomorrow + timedelta(hours=1), "note": f"in {STREET}"}
    schedule_appointment(session, shipment.id, AppointmentKind.INSTALLATION, **window)
    sign_appointment(session, shipment.id, AppointmentKind.INSTALLATION, name=NAME)
    [parcel] = shipment.parcels
    said = {"status": TrackingStatus.IN_TRANSIT, "at": clock.now(), "place": STREET, "note": f"for {NAME}"}
    hear_scan(session, "waybill", tracking_number=parcel.tracking_number, **said)
    deliver_shipment(session, shipment.id, name=NAME, note=f"{STREET}, first floor")
    session.flush()
    order = with_return(order)
    expected = hear_return(session, order)
    receive_return(session, expected.id, location="WEST", found=[], note=f"{NAME} sent an empty box")
    session.flush()
    assert NAME in everything(session)
    assert STREET in everything(session)

    erased = replace(later(order), anonymised_at=clock.now(), people=People())
    copies.keep_newest(session, erased)
    consumers.bring_shipments_in_line(session, erased)
    consumers.forget_person(session, erased)
    session.flush()

    left = everything(session)
    assert NAME not in left
    assert STREET not in left
    assert shipment.number in left
