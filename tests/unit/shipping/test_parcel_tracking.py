"""Parcels on their way: what carriers and people say of them, and how the shipment follows."""

from datetime import timedelta
from itertools import permutations

import pytest

from services.shipping.commands.master_data import put_carrier
from services.shipping.commands.shipments import cancel_shipment, ship_shipment
from services.shipping.commands.tracking import enter_tracking, hear_scan
from services.shipping.models import TrackingEvent
from shared import clock
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import ShipmentStatus, TrackingStatus
from tests.unit.shipping.steps import advance, level, told
from tests.unit.shipping.ways import another_parcel, of_seller, ready, released, shipped

S, T = ShipmentStatus, TrackingStatus
LINK = "https://dhl.example/track/{number}"


@pytest.fixture
def scan(session):
    """Say something of a parcel, so many hours ago."""

    def say(parcel, status, hours_ago=0.0, **said):
        at = clock.now() - timedelta(hours=hours_ago)
        named = {"tracking_number": parcel.tracking_number, "status": status, "at": at} | said
        hear_scan(session, parcel.carrier, **named)
        session.flush()
        return at

    return say


@pytest.mark.requirement("S2-03", "S2-04")
def test_the_first_scan_is_the_handover_and_the_last_the_delivery(session, scan, published):
    shipment = ready(session)
    [parcel] = shipment.parcels

    scan(parcel, T.ANNOUNCED, 3)
    assert shipment.status is S.READY
    scan(parcel, T.COLLECTED, 2)
    assert (shipment.status, shipment.queue) == (S.SHIPPED, "in_transit")
    assert level(session, "TEA-250") == (3, 0)
    scan(parcel, T.DELIVERED)

    assert (shipment.status, shipment.queue) == (S.DELIVERED, "finalised")
    assert [event["status"] for event in published("tracking.updated")] == [
        "announced",
        "collected",
        "delivered",
    ]
    assert told(session, shipment.order_id)[-4:] == [
        "tracking.updated",
        "shipment.shipped",
        "tracking.updated",
        "shipment.delivered",
    ]


@pytest.mark.requirement("F-08")
@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
def test_scans_in_any_order_and_twice_lead_to_the_same_end(session, scan, order):
    shipment = shipped(session)
    [parcel] = shipment.parcels
    number = parcel.tracking_number
    scans = [(T.IN_TRANSIT, 3), (T.ATTEMPTED, 2), (T.DELIVERED, 1)]
    now = clock.now()

    for place in (*order, *order):
        status, hours_ago = scans[place]
        scan(parcel, status, at=now - timedelta(hours=hours_ago))

    assert shipment.status is S.DELIVERED
    assert (parcel.tracking_status, parcel.tracking_number) == (T.DELIVERED, number)
    session.expire(parcel, ["events"])
    assert [event.status for event in parcel.events] == [T.IN_TRANSIT, T.ATTEMPTED, T.DELIVERED]
    assert told(session, shipment.order_id).count("shipment.delivered") == 1


@pytest.mark.requirement("F-08")
def test_what_comes_late_is_kept_and_told_to_nobody(session, scan, published):
    shipment = shipped(session)
    [parcel] = shipment.parcels
    scan(parcel, T.OUT_FOR_DELIVERY, 1)
    version = shipment.version

    scan(parcel, T.IN_TRANSIT, 5)

    assert (parcel.tracking_status, shipment.version) == (T.OUT_FOR_DELIVERY, version)
    assert len(published("tracking.updated")) == 1
    assert len(parcel.events) == 2


@pytest.mark.requirement("P-02")
def test_a_shipment_is_delivered_when_all_its_parcels_are(session, scan):
    shipment = ready(session)
    first = shipment.parcels[0]
    number = first.tracking_number
    second = another_parcel(session, shipment)
    enter_tracking(
        session,
        shipment.id,
        second.id,
        carrier="Correos",
        tracking_number="CX1",
        tracking_url="https://correos.example/CX1",
    )
    assert [(one.carrier, one.tracking_number) for one in shipment.parcels] == [
        ("waybill", number),
        ("Correos", "CX1"),
    ]
    advance(session, shipment, "ship")

    scan(first, T.DELIVERED, 1)
    assert shipment.status is S.SHIPPED
    scan(second, T.DELIVERED)

    assert shipment.status is S.DELIVERED
    assert first.tracking_number == number


def test_a_carrier_that_gives_up_and_then_delivers_is_followed(session, scan, published):
    shipment = shipped(session)
    [parcel] = shipment.parcels

    scan(parcel, T.UNDELIVERABLE, 2)
    assert (shipment.status, shipment.failed_attempts) == (S.UNDELIVERABLE, 1)
    scan(parcel, T.DELIVERED)

    assert shipment.status is S.DELIVERED
    assert [event["reason"] for event in published("shipment.undeliverable")] == ["carrier"]


def test_a_scan_of_what_was_cancelled_is_only_noted(session, scan):
    shipment = ready(session)
    [parcel] = shipment.parcels
    cancel_shipment(session, shipment.id, reason="a mistake")

    scan(parcel, T.COLLECTED)

    assert shipment.status is S.CANCELLED
    assert parcel.tracking_status is T.COLLECTED


def test_a_scan_from_the_future_or_of_nobodys_parcel_is_refused(session, scan):
    [parcel] = shipped(session).parcels

    with pytest.raises(Invalid, match="at: is in the future"):
        scan(parcel, T.DELIVERED, at=clock.now() + timedelta(hours=1))
    with pytest.raises(NotFound):
        scan(parcel, T.DELIVERED, tracking_number="unknown")
    with pytest.raises(NotFound):
        hear_scan(
            session,
            "another",
            tracking_number=parcel.tracking_number,
            status=T.DELIVERED,
            at=clock.now(),
        )


@pytest.mark.requirement("S0-07")
def test_a_number_is_entered_by_hand_and_told(session, published):
    shipment = ready(session)
    put_carrier(session, "dhl", name="DHL", tracking_link=LINK, stalled_after_days=4)

    enter_tracking(session, shipment.id, shipment.parcels[0].id, carrier="dhl", tracking_number="JD 1")

    [event] = published("tracking.updated")
    [parcel] = event["shipments"]["shipments"][0]["parcels"]
    assert (parcel["carrier"], parcel["tracking_number"]) == ("dhl", "JD 1")
    assert parcel["tracking_url"] == "https://dhl.example/track/JD%201"
    assert event["status"] == "announced"


@pytest.mark.requirement("S0-07")
def test_a_corrected_number_starts_anew_and_the_same_again_changes_nothing(session, scan, published):
    shipment = shipped(session)
    [parcel] = shipment.parcels
    scan(parcel, T.IN_TRANSIT)
    entered = {"carrier": "UPS", "tracking_number": "1Z", "tracking_url": "https://ups.example/1Z"}

    for _ in range(2):
        enter_tracking(session, shipment.id, parcel.id, **entered)
        session.flush()

    assert (parcel.tracking_status, parcel.events) == (None, [])
    assert session.query(TrackingEvent).count() == 0
    assert len(published("tracking.updated")) == 2
    assert shipment.status is S.SHIPPED


ACME = {"carrier": "acme", "tracking_url": "https://acme.example/X1"}


@pytest.fixture
def enter(session):
    """Enter a number of a carrier with a shipment's only parcel."""

    def as_typed(shipment, tracking_number, **named):
        [parcel] = shipment.parcels
        enter_tracking(
            session, shipment.id, parcel.id, **(ACME | {"tracking_number": tracking_number} | named)
        )
        session.flush()
        return parcel

    return as_typed


def test_a_number_that_another_order_travels_under_is_not_taken(session, enter):
    enter(shipped(session, number="GB-1"), "X1")
    shipment = ready(session, units=1, number="GB-2")

    with pytest.raises(Refused, match="tracking_number_taken"):
        enter(shipment, "X1")
    with pytest.raises(Refused, match="tracking_number_taken"):
        ship_shipment(session, shipment.id, tracking_number="X1", **ACME)


@pytest.mark.requirement("V-06")
def test_a_number_that_waybills_own_carrier_gave_to_another_order_is_none_of_this_one(session, enter):
    other = shipped(session, number="GB-1").parcels[0].tracking_number
    shipment = ready(session, units=1, number="GB-2")
    own = shipment.parcels[0].tracking_number

    for number in (other, "WB99999999990"):  # one that was given, and one that will be some day
        with pytest.raises(Invalid, match="tracking_number: is not one that this carrier gave"):
            enter(shipment, number, carrier="waybill")
        with pytest.raises(Invalid, match="tracking_number: is not one that this carrier gave"):
            ship_shipment(session, shipment.id, carrier="waybill", tracking_number=number)
    enter(shipment, "X1")
    enter(shipment, "", carrier="waybill", tracking_url="")

    assert shipment.parcels[0].tracking_number == own


@pytest.mark.requirement("V-06")
def test_what_another_seller_entered_is_neither_told_nor_in_the_way(session, enter, scan):
    first = shipped(session, number="GB-1", **of_seller("first"))
    theirs = enter(first, "X1")

    second = shipped(session, units=1, number="GB-2", **of_seller("second"))
    ours = enter(second, "X1")

    for parcel, seller in ((ours, "second"), (theirs, "first")):
        scan(parcel, T.DELIVERED, seller=seller)  # each by its own account with the carrier
    assert (first.status, second.status) == (S.DELIVERED, S.DELIVERED)


@pytest.mark.requirement("V-06")
@pytest.mark.parametrize("seller", ["first", "second"])
def test_news_of_a_sellers_account_is_of_its_parcel_whoever_else_has_the_number(session, enter, scan, seller):
    shipments = {}
    for place, of in enumerate(("first", "second", "third")):
        shipments[of] = shipped(session, units=1, number=f"GB-{place}", **of_seller(of))
        enter(shipments[of], "X1")

    scan(shipments[seller].parcels[0], T.DELIVERED, seller=seller)

    assert {of for of, shipment in shipments.items() if shipment.status is S.DELIVERED} == {seller}


@pytest.mark.requirement("V-06")
def test_news_of_an_account_of_many_sellers_is_refused_where_it_may_mean_several(session, enter, scan):
    first = shipped(session, number="GB-1", **of_seller("first"))
    second = shipped(session, units=1, number="GB-2", **of_seller("second"))
    right, wrong = enter(first, "X1"), enter(second, "X1")

    with pytest.raises(Refused, match="tracking_number_ambiguous"):
        scan(right, T.DELIVERED)
    assert (first.status, second.status) == (S.SHIPPED, S.SHIPPED)
    with pytest.raises(NotFound):
        scan(right, T.DELIVERED, but_not_of={"first", "second"})
    scan(wrong, T.IN_TRANSIT, but_not_of={"first"})
    assert (right.tracking_status, wrong.tracking_status) == (None, T.IN_TRANSIT)

    enter(second, "X2")
    scan(right, T.DELIVERED)

    assert (first.status, second.status) == (S.DELIVERED, S.SHIPPED)


@pytest.mark.requirement("V-06")
def test_a_number_that_comes_again_after_its_parcel_arrived_is_the_new_ones(session, enter, scan):
    before = shipped(session, number="GB-1", **of_seller("first"))
    scan(enter(before, "X1"), T.DELIVERED, 9)
    now = shipped(session, units=1, number="GB-2", **of_seller("second"))
    parcel = enter(now, "X1")

    scan(parcel, T.OUT_FOR_DELIVERY, 1)
    assert parcel.tracking_status is T.OUT_FOR_DELIVERY
    scan(parcel, T.DELIVERED)

    assert now.status is S.DELIVERED
    with pytest.raises(Refused, match="tracking_number_ambiguous"):
        scan(parcel, T.RETURNED)


@pytest.mark.parametrize(
    ("entered", "field"),
    [
        ({"carrier": "waybill", "tracking_number": "WB12345678901"}, "tracking_number"),
        ({"carrier": "elsewhere", "tracking_number": "1"}, "tracking_url"),
        (
            {"carrier": "elsewhere", "tracking_number": "", "tracking_url": "https://e.example"},
            "tracking_number",
        ),
    ],
)
def test_what_can_not_be_made_is_asked_for(session, entered, field):
    shipment = ready(session)

    with pytest.raises(Invalid) as refused:
        enter_tracking(session, shipment.id, shipment.parcels[0].id, **entered)

    assert set(refused.value.fields) == {field}


def test_a_number_is_for_a_parcel_that_is_there_and_not_yet_delivered(session):
    shipment = ready(session)
    entered = {"carrier": "UPS", "tracking_number": "1Z", "tracking_url": "https://ups.example/1Z"}

    with pytest.raises(NotFound):
        enter_tracking(session, shipment.id, shipment.id, **entered)
    early = released(session, number="GB-9", units=1)
    with pytest.raises(Refused, match="wrong_status"):
        enter_tracking(session, early.id, shipment.parcels[0].id, **entered)
