"""A shipment's life through the commands: each tells its event, moves its stock, refuses with its reason."""

import re
from dataclasses import replace

import pytest
from sqlalchemy import event

from services.shipping import queries
from services.shipping.commands import (
    appointments,
    couriers,
    handovers,
    packing,
    picking,
    regrouping,
    sourcing,
    tracking,
)
from services.shipping.commands import shipments as commands
from services.shipping.domain.own_tracking import CARRIER
from services.shipping.domain.shipment_status import ACTIONS, FailureReason
from shared.access import Actor, actor_of
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused, Stale
from shared.events.snapshots import AppointmentKind, ShipmentStatus
from tests.unit.shipping.steps import (
    accepted,
    advance,
    hear,
    hear_label,
    later,
    level,
    make_order,
    stock,
    told,
)

S = ShipmentStatus

# What does each action that reads show.
COMMANDS = {
    **{
        action: getattr(commands, f"{action}_shipment")
        for action in ("release", "pick", "pack", "ship", "cancel")
    },
    "print_label": commands.print_label,
    "deliver": handovers.deliver_shipment,
    "hand_over": handovers.hand_over_shipment,
    "sign": handovers.sign_shipment,
    "provide": handovers.provide_shipment,
    "collect": handovers.collect_shipment,
    "renew_code": handovers.renew_code,
    "fail": handovers.fail_shipment,
    "resend": handovers.resend_shipment,
    "take_back": handovers.take_back_shipment,
    "track": tracking.enter_tracking,
    "assign_courier": couriers.assign_courier,
    "schedule": appointments.schedule_appointment,
    "edit": regrouping.edit_shipment,
    "split": regrouping.split_shipment,
    "merge": regrouping.merge_shipments,
    "reject": sourcing.reject_shipment,
    "record_picks": picking.record_picks,
    "scan": packing.scan,
    "pack_into_parcels": packing.pack_into_parcels,
}


@pytest.fixture
def shipment(session):
    """A shipment of two units out of five that may be released."""
    stock(session, "TEA-250", 5)
    [shipment] = hear(session, accepted(make_order([("TEA-250", 2)])))
    return shipment


def possible(shipment):
    return {action for action, against in shipment.actions.items() if against is None}


@pytest.mark.requirement("S1-15", "S3-31")
def test_a_shipment_goes_step_by_step_to_its_customer(session, shipment, published):
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    advance(session, shipment, "pack", "ship", "deliver")

    assert shipment.status is S.DELIVERED
    stamps = [shipment.released_at, shipment.packing_at, shipment.ready_at, shipment.shipped_at]
    assert [*stamps, shipment.delivered_at] == sorted([*stamps, shipment.delivered_at])
    assert told(session, shipment.order_id) == [
        "shipment.created",
        "shipment.inventory_assigned",
        "shipment.released",
        "shipment.packing",
        "shipment.updated",
        "shipment.ready",
        "shipment.shipped",
        "shipment.delivered",
    ]
    versions = [
        published(event)[0]["shipments"]["version"] for event in ("shipment.released", "shipment.delivered")
    ]
    assert versions[0] < versions[1]


def test_stock_leaves_when_the_shipment_does(session, shipment):
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    advance(session, shipment, "pack")
    assert level(session, "TEA-250") == (5, 2)

    advance(session, shipment, "ship")

    assert level(session, "TEA-250") == (3, 0)


def test_every_command_refuses_what_reads_show_as_refused(session, shipment):
    arguments = {
        "cancel": {"reason": "damaged"},
        "collect": {"code": "1", "keys": ("k",), "name": "Ada"},
        "hand_over": {"name": "Ada"},
        "sign": {"name": "Ada"},
        "provide": {"download_url": "https://files.example"},
        "fail": {"reason": FailureReason.LOST},
        "take_back": {"location": "WEST", "found": []},
        "track": {"parcel_id": new_id(), "carrier": "waybill", "tracking_number": ""},
        "assign_courier": {"courier": None},
        "schedule": {"kind": AppointmentKind.DELIVERY, "starts": None, "ends": None, "note": ""},
        "reject": {"reason": "damaged"},
        "split": {"share": {shipment.lines[0].line_id: 1}},
        "merge": {"other_id": shipment.id, "share": None},
        "record_picks": {"found": {}},
        "scan": {"code": "TEA-250", "units": 1},
        "pack_into_parcels": {"parcels": []},
    }

    for step in ("", "release", "pick", "label", "pack", "ship", "deliver"):
        if step == "label":
            hear_label(session, shipment)
        elif step:
            advance(session, shipment, step)
        before = (shipment.status, shipment.version, told(session, shipment.order_id))
        assert set(shipment.actions) == set(ACTIONS) == set(COMMANDS)
        for action, against in shipment.actions.items():
            if against is not None:
                with pytest.raises(Refused, match=f"^{re.escape(against.reason)}:"):
                    COMMANDS[action](session, shipment.id, **arguments.get(action, {}))
        assert (shipment.status, shipment.version, told(session, shipment.order_id)) == before

    assert possible(shipment) == {"schedule"}  # what was delivered may still be installed


@pytest.mark.requirement("S2-10", "P-13")
def test_the_label_is_awaited_stored_once_and_printed_as_often_as_wanted(session, shipment, published):
    advance(session, shipment, "release", "pick")
    with pytest.raises(Refused, match="label_not_ready"):
        commands.print_label(session, shipment.id)

    label = hear_label(session, shipment)
    [packing] = published("shipment.packing")
    [updated] = published("shipment.updated")
    prints = [(one.prints, one.status) for one in [commands.print_label(session, shipment.id)]]
    session.flush()
    prints += [(one.prints, one.status) for one in [commands.print_label(session, shipment.id)]]

    [parcel] = packing["shipments"]["shipments"][0]["parcels"]
    assert re.fullmatch(r"WB\d{11}", parcel["tracking_number"])
    assert updated["shipments"]["shipments"][0]["parcels"][0]["label_document_id"] == str(label)
    assert shipment.label_document_id == label
    assert prints == [(1, S.READY), (2, S.READY)]
    assert len(published("shipment.ready")) == 1


def test_a_label_is_noted_once_and_only_where_it_belongs(session, shipment, published):
    advance(session, shipment, "release", "pick")

    hear_label(session, shipment, kind="delivery_note")
    hear_label(session, shipment, status="due")
    hear_label(session, shipment, part="order")
    assert shipment.label_document_id is None
    assert published("shipment.updated") == []

    label = hear_label(session, shipment)
    hear_label(session, shipment)  # a later snapshot, or the same event again
    assert shipment.label_document_id == label
    assert len(published("shipment.updated")) == 1


def test_a_label_for_a_cancelled_shipment_or_an_unknown_order_is_no_news(session, shipment, published):
    advance(session, shipment, "release", "pick")
    commands.cancel_shipment(session, shipment.id, reason="damaged")

    hear_label(session, shipment)

    assert published("shipment.updated") == []


@pytest.mark.requirement("S2-11")
def test_waybills_own_carrier_makes_number_and_link(session, shipment, published):
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    number = shipment.parcels[0].tracking_number
    advance(session, shipment, "pack", "ship")

    [parcel] = published("shipment.shipped")[0]["shipments"]["shipments"][0]["parcels"]
    assert (parcel["carrier"], parcel["tracking_number"]) == (CARRIER, number)
    assert parcel["tracking_url"] == f"https://track.waybill.example/{number}"


@pytest.fixture
def ready(session, shipment):
    advance(session, shipment, "release", "pick")
    hear_label(session, shipment)
    advance(session, shipment, "pack")
    return shipment


@pytest.mark.requirement("S2-11")
def test_another_carrier_comes_with_number_and_link(session, ready, published):
    tracking = {"carrier": "Parcelforce", "tracking_number": "PF 12", "tracking_url": "https://pf.example/12"}

    commands.ship_shipment(session, ready.id, **tracking)

    [parcel] = published("shipment.shipped")[0]["shipments"]["shipments"][0]["parcels"]
    assert tracking.items() <= parcel.items()


def test_another_carrier_without_them_is_told_what_is_missing(session, ready):
    with pytest.raises(Invalid) as missing:
        commands.ship_shipment(session, ready.id, carrier="Parcelforce")

    assert set(missing.value.fields) == {"tracking_number", "tracking_url"}
    with pytest.raises(Invalid, match="tracking_number"):
        commands.ship_shipment(session, ready.id, tracking_number="PF 12")
    assert ready.status is S.READY


@pytest.mark.parametrize(
    "steps", [(), ("release",), ("release", "pick"), ("release", "pick", "label", "pack")]
)
def test_a_shipment_given_up_frees_its_stock_wherever_it_stands(session, shipment, published, steps):
    for step in steps:
        if step == "label":
            hear_label(session, shipment)
        else:
            advance(session, shipment, step)

    commands.cancel_shipment(session, shipment.id, reason="damaged")

    assert (shipment.status, shipment.cancel_reason) == (S.CANCELLED, "damaged")
    assert level(session, "TEA-250") == (5, 0)
    [event] = published("shipment.cancelled")
    assert (event["shipment_ids"], event["reason"]) == ([str(shipment.id)], "damaged")


def test_nothing_is_lost_when_somebody_decided_on_an_older_version(session, shipment):
    session.info["actor"] = actor_of(session).expecting(shipment.version - 1, shipment.id)
    with pytest.raises(Stale) as stale:
        commands.release_shipment(session, shipment.id)
    assert stale.value.current_version == shipment.version

    session.info["actor"] = actor_of(session).expecting(shipment.version, shipment.id)
    commands.release_shipment(session, shipment.id)
    assert shipment.status is S.RELEASED


@pytest.mark.parametrize(
    "bounds",
    [
        {"sellers": frozenset({"rival"}), "markets": frozenset({"*"})},
        {"sellers": frozenset({"lantern"}), "markets": frozenset({"gb"})},
        {"sellers": frozenset(), "markets": frozenset({"*"})},
    ],
)
def test_anothers_shipment_is_not_there(session, shipment, bounds):
    session.info["actor"] = Actor(name="mallory", **bounds)

    with pytest.raises(NotFound):
        commands.release_shipment(session, shipment.id)
    with pytest.raises(NotFound):
        commands.cancel_shipment(session, new_id(), reason="no such thing")
    assert shipment.status is S.INVENTORY_ASSIGNED


def test_its_own_seller_may_act(session, shipment):
    session.info["actor"] = Actor(name="ada", sellers=frozenset({"lantern"}), markets=frozenset({"eu", "gb"}))

    commands.release_shipment(session, shipment.id)

    assert shipment.status is S.RELEASED


def test_the_goods_that_left_do_not_change_with_the_order(session, ready):
    commands.ship_shipment(session, ready.id)
    order = make_order([("TEA-250", 9)], order_id=ready.order_id, version=9)

    shipments = hear(session, replace(later(order), status="cancelled"))

    assert ready.status is S.SHIPPED
    assert [line.units for line in ready.lines] == [2]
    assert len(shipments) == 1
    assert level(session, "TEA-250") == (3, 0)


def test_a_page_of_shipments_costs_as_many_questions_as_one_shipment(session):
    stock(session, "TEA-250", 50)
    for _ in range(10):
        hear(session, make_order([("TEA-250", 1)], [("TEA-250", 2), ("TEA-250", 1)]))
    asked = []
    event.listen(session.connection(), "before_cursor_execute", lambda *about: asked.append(about[2]))

    def questions(limit):
        session.expunge_all()
        asked.clear()
        page = queries.shipments_page(session, status=None, before=None, limit=limit)
        assert [len(one.lines) + len(one.parcels) + len(one.actions) for one in page]
        return len(asked)

    assert questions(20) == questions(1) == 4
