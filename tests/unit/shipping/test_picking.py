"""One walk for many shipments; what is not found is looked for elsewhere; what is packed is checked."""

import pytest
from sqlalchemy import event, select

from services.shipping import queries
from services.shipping.commands import master_data, packing, picking
from services.shipping.commands.shipments import cancel_shipment, pack_shipment, pick_shipment
from services.shipping.commands.stock import put_in_bin
from services.shipping.domain.readiness import Readiness
from shared.access import Actor
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import ShipmentStatus
from shared.messaging.tables import event_log
from tests.unit.shipping.steps import (
    accepted,
    advance,
    hear,
    hear_label,
    level,
    make_order,
    run_jobs,
    stock,
    told,
)

S = ShipmentStatus


@pytest.fixture
def released(session):
    """Two released shipments at WEST, of two orders: tea and a pot; tea in cases of six."""
    stock(session, "TEA-250", 20)
    stock(session, "POT-1", 5)
    put_in_bin(session, "WEST", "TEA-250", bin="B-02")
    put_in_bin(session, "WEST", "POT-1", bin="A-07")
    [first] = hear(session, accepted(make_order([("TEA-250", 4), ("POT-1", 1)], number="GB-1")))
    [second] = hear(session, accepted(make_order([("TEA-250", 2, 6)], number="GB-2")))
    advance(session, first, "release")
    advance(session, second, "release")
    return first, second


def describe_pot(session, seller):
    master_data.put_goods(
        session,
        seller,
        "POT-1",
        barcode="4006381333931",
        specifications={"colour": "blue", "care": "fragile"},
        weight_grams=900,
        available_on=None,
    )


def line_of(shipment, sku):
    [line] = [line for line in shipment.lines if line.sku == sku]
    return line.line_id


@pytest.mark.requirement("F-26", "P-11", "S4-05")
def test_a_list_goes_by_shelf_through_many_shipments_with_all_that_a_picker_needs(session, released):
    describe_pot(session, released[0].seller)
    session.expire_all()

    made = picking.make_pick_list(session, location="WEST", shipment_ids=[one.id for one in released])

    assert [(line.bin, line.sku, line.shipment.order.number, line.units) for line in made.lines] == [
        ("A-07", "POT-1", "GB-1", 1),
        ("B-02", "TEA-250", "GB-1", 4),
        ("B-02", "TEA-250", "GB-2", 12),
    ]
    assert made.lines[0].specifications == {"colour": "blue", "care": "fragile"}
    assert [one.status for one in released] == [S.PACKING, S.PACKING]
    assert [told(session, one.order_id)[-1] for one in released] == ["shipment.packing"] * 2
    assert level(session, "TEA-250") == (20, 16)  # nothing is off its shelf yet


def lines_told(session, order_id):
    """What the newest event says of the lines of an order's shipments, by SKU."""
    newest = select(event_log.c.payload).where(event_log.c.subject == str(order_id))
    payload = session.scalars(newest.order_by(event_log.c.seq.desc()).limit(1)).one()
    return {
        line["sku"]: (line["bin"], line["barcode"], line["specifications"])
        for shipment in payload["shipments"]["shipments"]
        for line in shipment["lines"]
    }


@pytest.mark.requirement("P-11")
def test_what_a_picker_needs_is_told_while_the_warehouse_has_it_in_hand(session, released):
    describe_pot(session, released[0].seller)
    nothing = ("", "", {})
    tea, pot = ("B-02", "", {}), ("A-07", "4006381333931", {"colour": "blue", "care": "fragile"})

    before = lines_told(session, released[0].order_id)
    pick_shipment(session, released[0].id)
    picked = lines_told(session, released[0].order_id)
    hear_label(session, released[0])
    pack_shipment(session, released[0].id)

    assert before == {"TEA-250": tea, "POT-1": ("A-07", "", {})}
    assert picked == {"TEA-250": tea, "POT-1": pot}
    assert lines_told(session, released[0].order_id) == {"TEA-250": nothing, "POT-1": nothing}


@pytest.mark.requirement("P-11")
def test_what_a_picker_needs_of_many_lines_is_one_question(session, released):
    asked = []
    event.listen(session.connection(), "before_cursor_execute", lambda *about: asked.append(about[2]))

    found = queries.to_find(session, released[0].order_id)

    assert len(found) == 2
    assert len(asked) == 1


@pytest.mark.requirement("F-26")
def test_the_light_tells_what_can_be_packed(session, released):
    first, second = released
    [waiting] = hear(session, accepted(make_order([("TEA-250", 500)], number="GB-3")))
    picking.make_pick_list(session, location="WEST", shipment_ids=[])

    picking.record_picks(session, first.id, found={})

    assert [one.readiness for one in (first, second, waiting)] == [
        Readiness.GREEN,
        Readiness.AMBER,
        Readiness.RED,
    ]
    assert first.actions["record_picks"].reason == "already_picked"
    assert second.actions["pack"].reason == "not_picked"
    hear_label(session, first)
    assert first.actions["pack"] is None


def test_without_names_the_oldest_released_at_the_location_are_listed(session, released):
    stock(session, "TEA-250", 5, "EAST")

    made = picking.make_pick_list(session, location="WEST", shipment_ids=[])

    assert {line.shipment_id for line in made.lines} == {one.id for one in released}
    with pytest.raises(Refused, match="nothing_to_pick"):
        picking.make_pick_list(session, location="EAST", shipment_ids=[])


def test_only_what_is_released_there_is_listed_all_or_nothing(session, released):
    first, _ = released
    [unreleased] = hear(session, accepted(make_order([("TEA-250", 1)])))
    stock(session, "TEA-250", 5, "EAST")

    with pytest.raises(Refused, match="wrong_status"):
        picking.make_pick_list(session, location="WEST", shipment_ids=[first.id, unreleased.id])
    with pytest.raises(Refused, match="at_another_location"):
        picking.make_pick_list(session, location="EAST", shipment_ids=[first.id])
    for location, ids in (("NOWHERE", []), ("WEST", [new_id()])):
        with pytest.raises(NotFound):
            picking.make_pick_list(session, location=location, shipment_ids=ids)
    assert [one.status for one in released] == [S.RELEASED, S.RELEASED]


@pytest.mark.requirement("P-11")
def test_what_is_short_is_written_off_and_looked_for_elsewhere_at_once(session, released, published):
    stock(session, "TEA-250", 9, "EAST")
    first, _ = released
    made = picking.make_pick_list(session, location="WEST", shipment_ids=[])

    picking.record_picks(session, first.id, found={line_of(first, "TEA-250"): 1})

    rest = first.order.shipments[-1]
    assert {line.sku: (line.quantity, line.picked) for line in first.lines} == {
        "TEA-250": (1, 1),
        "POT-1": (1, 1),
    }
    assert [(line.sku, line.quantity) for line in rest.lines] == [("TEA-250", 3)]
    assert (rest.location, rest.status, rest.rejected_by) == ("EAST", S.RELEASED, ["WEST"])
    assert level(session, "TEA-250") == (17, 13)  # three are not there: neither promised nor on hand
    assert level(session, "TEA-250", "EAST") == (9, 3)
    [short] = [line for line in made.lines if line.shipment_id == first.id and line.sku == "TEA-250"]
    assert (short.units, short.found) == (4, 1)
    movements = queries.movements_page(session, "WEST", "TEA-250", before=None, limit=20)
    [lost] = [row for row in movements if row.kind == "adjusted" and row.on_hand_change < 0]
    assert (lost.on_hand_change, lost.reason) == (-3, "short pick for GB-1-1")
    assert queries.stock_drift(session) == []
    assert {content.units for content in first.parcels[0].contents} == {1}
    created = published("shipment.created")[-1]
    assert created["shipment_id"] == str(rest.id)


def test_of_a_case_of_six_five_are_none(session, released):
    _, second = released
    picking.make_pick_list(session, location="WEST", shipment_ids=[second.id])

    picking.record_picks(session, second.id, found={second.lines[0].line_id: 11})

    rest = second.order.shipments[-1]
    assert [(line.quantity, line.units, line.picked) for line in second.lines] == [(1, 6, 6)]
    assert [(line.quantity, line.units) for line in rest.lines] == [(1, 6)]
    assert (rest.status, rest.location) == (S.AWAITING_INVENTORY, None)
    assert level(session, "TEA-250") == (19, 10)  # one is missing, five are free again
    assert queries.stock_drift(session) == []


def test_of_what_nothing_was_found_nothing_stays_behind(session, released):
    stock(session, "TEA-250", 12, "EAST")
    _, second = released
    picking.make_pick_list(session, location="WEST", shipment_ids=[second.id])

    picking.record_picks(session, second.id, found={second.lines[0].line_id: 0})

    rest = second.order.shipments[-1]
    assert (second.status, second.cancel_reason) == (S.CANCELLED, "short_pick")
    assert (rest.status, rest.location) == (S.RELEASED, "EAST")
    assert queries.stock_drift(session) == []


def test_no_more_is_found_than_was_wanted(session, released):
    first, second = released
    picking.make_pick_list(session, location="WEST", shipment_ids=[])

    for found in ({line_of(first, "TEA-250"): 5}, {line_of(second, "TEA-250"): 1}):
        with pytest.raises(Invalid, match="found"):
            picking.record_picks(session, first.id, found=found)


def test_a_cancelled_shipment_goes_back_to_its_shelves_and_closes_its_list(session, released):
    first, second = released
    picking.make_pick_list(session, location="WEST", shipment_ids=[])
    picking.record_picks(session, first.id, found={})
    lists = [
        queries.pick_lists_page(session, location=None, is_open=each, before=None, limit=5)
        for each in (True, False)
    ]
    assert [len(each) for each in lists] == [1, 0]

    cancel_shipment(session, first.id, reason="changed their mind")
    cancel_shipment(session, second.id, reason="changed their mind")

    assert (level(session, "TEA-250"), level(session, "POT-1")) == ((20, 0), (5, 0))
    assert queries.stock_drift(session) == []
    assert queries.pick_lists_page(session, location="WEST", is_open=True, before=None, limit=5) == []


def test_a_list_with_another_sellers_shipment_is_not_there(session, released):
    made = picking.make_pick_list(session, location="WEST", shipment_ids=[])
    session.info["actor"] = Actor(name="eve", sellers=frozenset({"lantern"}), markets=frozenset({"nowhere"}))

    with pytest.raises(NotFound):
        queries.pick_list(session, made.id)
    assert queries.pick_lists_page(session, location=None, is_open=None, before=None, limit=5) == []
    own = frozenset({*made.sellers, "lantern"})
    session.info["actor"] = Actor(name="ada", sellers=own, markets=frozenset(made.markets))
    assert queries.pick_list(session, made.id) is made
    assert queries.pick_lists_page(session, location=None, is_open=None, before=None, limit=5) == [made]


@pytest.fixture
def picked(session, released):
    """A shipment of four cans of tea and a pot, picked and labelled."""
    first, _ = released
    advance(session, first, "pick")
    hear_label(session, first)
    return first


BOX = {"parcel_id": None, "weight_grams": 1200, "length_mm": 300, "width_mm": 200, "height_mm": 100}


def test_units_are_packed_into_boxes_with_weight_and_size(session, picked, published):
    tea, pot = line_of(picked, "TEA-250"), line_of(picked, "POT-1")
    first = {**BOX, "parcel_id": picked.parcels[0].id, "contents": [{"line_id": tea, "units": 3}]}
    second = {
        **BOX,
        "weight_grams": 400,
        "contents": [{"line_id": tea, "units": 1}, {"line_id": pot, "units": 1}],
    }
    number = picked.parcels[0].tracking_number

    packing.pack_into_parcels(session, picked.id, parcels=[first, second])

    assert [parcel.position for parcel in picked.parcels] == [1, 2]
    assert picked.parcels[0].tracking_number == number != picked.parcels[1].tracking_number
    assert [parcel.weight_grams for parcel in picked.parcels] == [1200, 400]
    parcels = published("shipment.updated")[-1]["shipments"]["shipments"][0]["parcels"]
    assert [parcel["weight_grams"] for parcel in parcels] == [1200, 400]
    assert {content.line_id: content.units for content in picked.parcels[1].contents} == {tea: 1, pot: 1}


@pytest.mark.requirement("P-12", "P-13")
def test_other_boxes_tell_what_is_in_each_and_wait_for_a_label_of_their_own(session, picked, published):
    tea, pot = line_of(picked, "TEA-250"), line_of(picked, "POT-1")
    [first] = picked.parcels
    in_one = {**BOX, "parcel_id": first.id, "contents": [{"line_id": tea, "units": 4}]}
    in_two = [in_one, {**BOX, "contents": [{"line_id": pot, "units": 1}]}]
    hear_label(session, picked, parcels=(first.id,))
    packing.pack_into_parcels(session, picked.id, parcels=in_two)
    session.flush()

    told_parcels = published("shipment.updated")[-1]["shipments"]["shipments"][0]["parcels"]
    hear_label(session, picked, parcels=(first.id,))  # of the first box alone, told late
    with pytest.raises(Refused, match="label_not_ready"):
        pack_shipment(session, picked.id)
    label = hear_label(session, picked, parcels=tuple(parcel.id for parcel in picked.parcels))

    assert [[(line["sku"], line["units"]) for line in one["lines"]] for one in told_parcels] == [
        [("TEA-250", 4)],
        [("POT-1", 1)],
    ]
    assert {parcel.label_document_id for parcel in picked.parcels} == {label}
    assert pack_shipment(session, picked.id).status is S.READY


def test_boxes_that_are_only_weighed_keep_their_label(session, picked):
    [first] = picked.parcels
    everything = [{"line_id": line.line_id, "units": line.units} for line in picked.lines]
    label = first.label_document_id

    weighed = {**BOX, "parcel_id": first.id, "weight_grams": 900, "contents": everything}
    packing.pack_into_parcels(session, picked.id, parcels=[weighed])

    assert label is not None
    assert picked.label_document_id == label


def test_each_unit_is_in_exactly_one_box(session, picked):
    tea, pot = line_of(picked, "TEA-250"), line_of(picked, "POT-1")
    both = [{"line_id": tea, "units": 4}, {"line_id": pot, "units": 1}]

    for parcels in (
        [{**BOX, "contents": both[:1]}],
        [{**BOX, "contents": both}, {**BOX, "contents": both[1:]}],
        [{**BOX, "contents": [*both, {"line_id": new_id(), "units": 1}]}],
        [{**BOX, "contents": both, "parcel_id": new_id()}],
    ):
        with pytest.raises(Invalid, match="parcels"):
            packing.pack_into_parcels(session, picked.id, parcels=parcels)


def test_a_check_that_was_begun_has_to_be_finished(session, picked):
    packing.scan(session, picked.id, code="POT-1", units=1)
    with pytest.raises(Refused, match="check_incomplete"):
        pack_shipment(session, picked.id)
    for code, units, reason in (
        ("POT-1", 1, "more_than_picked"),
        ("CUP-9", 1, "not_in_shipment"),
        ("TEA-250", 5, "more_than_picked"),
    ):
        with pytest.raises(Refused, match=reason):
            packing.scan(session, picked.id, code=code, units=units)

    packing.scan(session, picked.id, code="TEA-250", units=4)

    assert pack_shipment(session, picked.id).status is S.READY


def test_a_barcode_is_as_good_as_the_sku(session, released):
    master_data.put_goods(
        session,
        released[0].seller,
        "POT-1",
        barcode="4006381333931",
        specifications={},
        weight_grams=0,
        available_on=None,
    )
    session.expire_all()
    first, _ = released
    advance(session, first, "pick")

    packing.scan(session, first.id, code="4006381333931", units=1)

    assert {line.sku: line.checked for line in first.lines} == {"TEA-250": 0, "POT-1": 1}


def test_what_waits_for_what_was_freed_is_served(sessions):
    with sessions.begin() as session:
        stock(session, "TEA-250", 6)
        [first] = hear(session, accepted(make_order([("TEA-250", 1, 6)])))
        [second] = hear(session, accepted(make_order([("TEA-250", 2)], number="GB-8")))
        advance(session, first, "release")
        picking.make_pick_list(session, location="WEST", shipment_ids=[first.id])
        picking.record_picks(session, first.id, found={first.lines[0].line_id: 3})
    run_jobs(sessions)

    with sessions() as session:
        assert queries.shipment(session, second.id).status is S.INVENTORY_ASSIGNED
        assert level(session, "TEA-250") == (3, 2)
