"""Papers fall due as their order moves on, each once, whatever repeats or comes late."""

from dataclasses import replace
from datetime import UTC, date, datetime
from hashlib import sha256
from itertools import islice
from uuid import UUID

import pytest
from sqlalchemy import select

from services.documents.commands import papers as commands
from services.documents.domain.due_papers import due_invoice_papers
from services.documents.models import Paper
from services.documents.numbering import give_number
from services.documents.queries import papers_in_line
from shared.access import Actor
from shared.errors import NotFound, Refused
from shared.events.snapshots import PaperKind, PaperStatus, Parcel, Payment, People, ShipmentsSnapshot
from shared.messaging import copies
from shared.messaging.tables import event_log
from shared.messaging.tables import jobs as job_rows
from tests.unit.documents import sample_orders
from tests.unit.documents.sample_orders import PLACED_AT, cancelled, order, shipments


def kinds(session, order_id):
    return sorted(paper.kind.value for paper in papers_in_line(session, order_id))


def paper_of(session, order_id, kind):
    [paper] = [paper for paper in papers_in_line(session, order_id) if paper.kind is kind]
    session.refresh(paper)
    return paper


def by_rule(placed, rule):
    return replace(placed, market=replace(placed.market, invoice_on=rule))


@pytest.mark.requirement("S0-12")
def test_nothing_is_due_before_acceptance(session, hear):
    placed = order(accepted=False)

    hear(placed, "order.placed")

    assert kinds(session, placed.order_id) == []


@pytest.mark.requirement("S0-12")
def test_acceptance_calls_for_a_delivery_note_of_each_group_and_the_invoice(session, hear):
    accepted = order(4, groups=2)

    hear(accepted, "order.accepted")

    assert kinds(session, accepted.order_id) == ["delivery_note", "delivery_note", "invoice"]
    notes = [p for p in papers_in_line(session, accepted.order_id) if p.kind is PaperKind.DELIVERY_NOTE]
    assert {note.part for note in notes} == {str(group.group_id) for group in accepted.delivery_groups}
    assert [(note.frozen.place, note.frozen.places) for note in notes] == [(1, 2), (2, 2)]


def test_each_paper_due_has_one_job_for_the_rendering_queue(session, hear):
    accepted = order()

    hear(accepted, "order.accepted")
    hear(accepted, "order.accepted")

    rows = session.execute(select(job_rows).where(job_rows.c.subject == str(accepted.order_id))).all()
    assert sorted(row.key for row in rows) == sorted(
        [
            f"invoice:{accepted.order_id}:order",
            f"delivery_note:{accepted.order_id}:{accepted.delivery_groups[0].group_id}",
        ]
    )
    assert {row.kind for row in rows} == {"paper"}


@pytest.mark.requirement("S0-14")
@pytest.mark.parametrize(
    ("rule", "covered", "moved", "due"),
    [
        ("acceptance", False, None, True),
        ("payment", False, "shipped", False),
        ("payment", True, None, True),
        ("shipment", True, None, False),
        ("shipment", True, "packing", False),
        ("shipment", True, "shipped", True),
        ("shipment", True, "delivered", True),
        ("hand", True, "delivered", False),
    ],
)
def test_the_invoice_falls_due_by_the_markets_rule(session, hear, rule, covered, moved, due):
    accepted = by_rule(order(covered=covered), rule)

    hear(accepted, "order.accepted")
    if moved:
        hear(shipments(accepted, moved), f"shipment.{moved}")

    assert ("invoice" in kinds(session, accepted.order_id)) is due


def test_an_invoice_on_shipment_waits_for_every_unit(session, hear):
    accepted = by_rule(order(4, groups=2), "shipment")
    gone = shipments(accepted, "shipped")
    first_only = replace(gone, shipments=gone.shipments[:1])

    hear(accepted, "order.accepted")
    hear(first_only, "shipment.shipped")
    before = kinds(session, accepted.order_id)
    hear(replace(gone, version=2), "shipment.shipped")

    assert "invoice" not in before
    assert "invoice" in kinds(session, accepted.order_id)


@pytest.mark.requirement("F-21")
def test_later_edits_of_the_order_do_not_reach_its_papers(session, hear):
    accepted = order(2)
    hear(accepted, "order.accepted")
    customer = replace(accepted.people.customer, name="Someone Else")
    moved = replace(
        accepted,
        version=2,
        people=replace(accepted.people, customer=customer, billing=sample_orders.MADRID),
        lines=tuple(replace(line, name="Renamed") for line in accepted.lines),
    )

    hear(moved, "order.updated")

    invoice = paper_of(session, accepted.order_id, PaperKind.INVOICE)
    assert invoice.frozen.order == accepted


def test_snapshots_doubled_and_in_any_order_make_one_paper_each(session, hear):
    accepted = order(3)
    packing = shipments(accepted)
    completed = replace(accepted, version=5, status="completed", completed_at=accepted.placed_at)

    for snapshot, event in [
        (packing, "shipment.packing"),
        (completed, "order.completed"),
        (accepted, "order.accepted"),
        (packing, "shipment.packing"),
        (replace(accepted, version=2), "payment.recorded"),
        (completed, "order.completed"),
    ]:
        hear(snapshot, event)

    assert kinds(session, accepted.order_id) == ["delivery_note", "invoice", "label", "packing_slip"]


def packed_in(goods, *contents, version):
    """The same goods in boxes, each with so many of the shipment's lines; the first box is the same one."""
    [shipment] = goods.shipments
    lines = iter(shipment.lines)
    boxes = tuple(
        Parcel(
            parcel_id=UUID(int=place),
            carrier="Post",
            tracking_number=f"T{place}",
            tracking_url="",
            lines=tuple(islice(lines, count)),
        )
        for place, count in enumerate(contents)
    )
    return replace(goods, version=version, shipments=(replace(shipment, parcels=boxes),))


def test_of_the_papers_shipping_is_told_of_labels_alone(session, hear):
    accepted = order()
    hear(accepted, "order.accepted")
    hear(packed_in(shipments(accepted), 1, version=1), "shipment.packing")

    for kind in (PaperKind.LABEL, PaperKind.PACKING_SLIP, PaperKind.DELIVERY_NOTE):
        commands.store_paper(session, paper_of(session, accepted.order_id, kind).id, b"a")

    rows = session.execute(select(event_log.c.payload, event_log.c.told_to)).all()
    told = {row.payload["kind"]: row.told_to for row in rows}
    assert told["label"] == ["orders", "shipping", "notifications"]
    assert told["packing_slip"] == told["delivery_note"] == ["orders", "notifications"]


@pytest.mark.requirement("P-12", "P-13")
def test_what_is_packed_in_other_boxes_gets_another_label_and_slip_once(session, hear, published):
    accepted = order(3)
    hear(accepted, "order.accepted")
    hear(packed_in(shipments(accepted), 3, version=1), "shipment.packing")
    in_two = packed_in(shipments(accepted), 1, 2, version=2)

    hear(in_two, "shipment.updated")
    hear(replace(in_two, version=3), "shipment.shipped")
    otherwise = packed_in(shipments(accepted), 2, 1, version=4)
    hear(otherwise, "shipment.updated")

    papers = papers_in_line(session, accepted.order_id)
    labels = [paper for paper in papers if paper.kind is PaperKind.LABEL]
    slips = [paper for paper in papers if paper.kind is PaperKind.PACKING_SLIP]
    assert [label.parcels for label in labels] == [(UUID(int=0),), (UUID(int=0), UUID(int=1))]
    assert [[len(box.lines) for box in slip.frozen.shipment.parcels] for slip in slips] == [
        [3],
        [1, 2],
        [2, 1],
    ]
    commands.store_paper(session, labels[1].id, b"a")
    told = published("document.stored")[-1]["documents"]["papers"]
    assert [paper["parcels"] for paper in told if paper["kind"] == "label"] == [
        [str(UUID(int=0))],
        [str(UUID(int=0)), str(UUID(int=1))],
    ]


def test_a_label_that_was_made_before_labels_went_by_boxes_is_not_made_again(session, hear):
    accepted = order(3)
    boxed = packed_in(shipments(accepted), 3, version=1)
    hear(accepted, "order.accepted")
    hear(boxed, "shipment.packing")
    label = paper_of(session, accepted.order_id, PaperKind.LABEL)
    label.key = f"label:{accepted.order_id}:{label.part}"
    session.flush()

    hear(replace(boxed, version=2), "shipment.shipped")

    assert kinds(session, accepted.order_id).count("label") == 1


def test_shipments_heard_before_their_order_wait_for_it(session, hear):
    accepted = order()

    hear(shipments(accepted), "shipment.packing")
    before = kinds(session, accepted.order_id)
    hear(accepted, "order.accepted")

    assert before == []
    assert "label" in kinds(session, accepted.order_id)


def test_a_label_goes_to_the_address_that_shipping_corrected(session, hear):
    accepted = order()
    group = str(accepted.delivery_groups[0].group_id)
    packing = shipments(accepted)
    packing = replace(packing, people=replace(packing.people, delivery={group: sample_orders.MADRID}))

    hear(accepted, "order.accepted")
    hear(packing, "shipment.packing")

    label = paper_of(session, accepted.order_id, PaperKind.LABEL)
    assert label.frozen.address == sample_orders.MADRID
    assert label.part == str(packing.shipments[0].shipment_id)


def test_only_shipments_being_packed_get_labels(session, hear):
    accepted = order()

    hear(accepted, "order.accepted")
    hear(shipments(accepted, "released"), "shipment.packing")

    assert "label" not in kinds(session, accepted.order_id)


def test_the_label_of_a_cancelled_shipment_is_withdrawn(session, hear):
    accepted = order()
    hear(accepted, "order.accepted")
    hear(shipments(accepted), "shipment.packing")

    hear(shipments(accepted, "cancelled", version=2), "shipment.shipped")

    assert paper_of(session, accepted.order_id, PaperKind.LABEL).status is PaperStatus.WITHDRAWN


@pytest.mark.requirement("F-19")
def test_cancelling_withdraws_what_has_no_number(session, hear):
    accepted = order()
    hear(accepted, "order.accepted")

    hear(cancelled(accepted), "order.cancelled")

    papers = papers_in_line(session, accepted.order_id)
    assert {paper.status for paper in papers} == {PaperStatus.WITHDRAWN}
    assert {paper.number for paper in papers} == {None}


def test_cancelling_credits_a_numbered_invoice_once_and_leaves_it_as_it_is(session, hear):
    accepted = order()
    hear(accepted, "order.accepted")
    invoice = give_number(session, paper_of(session, accepted.order_id, PaperKind.INVOICE).id)
    content = invoice.content

    hear(cancelled(accepted), "order.cancelled")
    hear(replace(cancelled(accepted), version=3), "refund.settled")

    note = paper_of(session, accepted.order_id, PaperKind.CREDIT_NOTE)
    assert note.status is PaperStatus.DUE  # hearing of the end again does not take it back
    assert note.refers_to == invoice.id
    assert note.total_minor == invoice.total_minor == accepted.totals.total_minor
    assert note.frozen.invoice_number == invoice.number
    assert note.frozen.invoice_issued_on == invoice.issued_on
    assert (invoice.status, invoice.content) == (PaperStatus.NUMBERED, content)


def test_an_order_cancelled_before_it_was_heard_of_has_no_papers(session, hear):
    accepted = order()

    hear(cancelled(accepted), "order.cancelled")
    hear(accepted, "order.accepted")

    assert kinds(session, accepted.order_id) == []


def test_a_voided_payment_does_not_take_a_due_invoice_back(session, hear):
    paid = by_rule(order(), "payment")
    hear(paid, "payment.recorded")
    unpaid = Payment(
        method="transfer",
        state="unpaid",
        owed_minor=paid.totals.total_minor,
        received_minor=0,
        refunded_minor=0,
        covered=False,
    )

    hear(replace(paid, version=2, payment=unpaid), "payment.voided")

    assert paper_of(session, paid.order_id, PaperKind.INVOICE).status is PaperStatus.DUE


@pytest.mark.requirement("S0-14")
def test_an_invoice_by_hand_notes_who_asked_for_it(session, hear):
    accepted = by_rule(order(), "hand")
    hear(accepted, "order.accepted")
    session.info["actor"] = Actor(name="bo", sellers=frozenset({"acme"}), markets=frozenset({"gb"}))

    [invoice] = commands.issue_invoices(session, accepted.order_id)

    assert invoice.requested_by == "bo"
    assert paper_of(session, accepted.order_id, PaperKind.INVOICE).status is PaperStatus.DUE


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rule": "acceptance"}, "issued_by_rule"),
        ({"accepted_at": None}, "not_accepted"),
        ({"cancelled_at": sample_orders.PLACED_AT}, "order_is_off"),
        ({"anonymised_at": sample_orders.PLACED_AT}, "person_erased"),
    ],
)
def test_an_invoice_by_hand_is_refused_with_its_reason(session, hear, changes, reason):
    heard = by_rule(order(), changes.pop("rule", "hand"))
    hear(replace(heard, **changes), "order.updated")

    with pytest.raises(Refused, match=reason):
        commands.issue_invoices(session, heard.order_id)


def test_a_second_invoice_by_hand_is_refused(session, hear):
    accepted = by_rule(order(), "hand")
    hear(accepted, "order.accepted")
    [first] = commands.issue_invoices(session, accepted.order_id)

    with pytest.raises(Refused, match="already_issued") as refused:
        commands.issue_invoices(session, accepted.order_id)

    assert refused.value.facts == {"document_id": str(first.id)}


def test_another_sellers_order_can_not_be_invoiced(session, hear):
    accepted = by_rule(order(), "hand")
    hear(accepted, "order.accepted")
    session.info["actor"] = Actor(name="eve", sellers=frozenset({"other"}), markets=frozenset({"*"}))

    with pytest.raises(NotFound):
        commands.issue_invoices(session, accepted.order_id)


@pytest.mark.requirement("P-38")
def test_erasing_a_person_keeps_invoices_and_empties_the_rest(session, hear, published):
    accepted = order()
    hear(accepted, "order.accepted")
    hear(shipments(accepted), "shipment.packing")
    invoice = give_number(session, paper_of(session, accepted.order_id, PaperKind.INVOICE).id)
    label = paper_of(session, accepted.order_id, PaperKind.LABEL)
    commands.store_paper(session, invoice.id, b"a")
    commands.store_paper(session, label.id, b"b")

    hear(replace(accepted, version=9, anonymised_at=accepted.placed_at), "order.anonymised")

    session.expire_all()
    assert invoice.frozen.order.people == accepted.people
    assert (invoice.status, label.status) == (PaperStatus.STORED, PaperStatus.REMOVED)
    note = paper_of(session, accepted.order_id, PaperKind.DELIVERY_NOTE)
    assert note.status is PaperStatus.WITHDRAWN
    for paper in (label, note):
        assert accepted.people.billing.line1 not in str(paper.content)
    [removed] = published("document.removed")
    assert removed["document_id"] == str(label.id)
    assert label.sha256 == sha256(b"b").hexdigest()
    keys = session.scalars(select(job_rows.c.key).where(job_rows.c.kind == "removal")).all()
    assert keys == [f"removal:{label.id}:{label.sha256}"]


@pytest.mark.requirement("P-38")
def test_what_is_told_of_an_erased_person_too_late_is_kept_without_them(session, hear):
    accepted = order()
    told = replace(shipments(accepted), people=accepted.people)
    hear(replace(accepted, anonymised_at=accepted.placed_at), "order.anonymised")

    hear(told, "shipment.packing")

    assert copies.newest(session, accepted.order_id, ShipmentsSnapshot) == replace(told, people=People())
    assert accepted.people.billing.line1 not in str([p.content for p in session.scalars(select(Paper))])


def test_the_snapshot_told_leaves_withdrawn_papers_out(session, hear, published):
    accepted = order(groups=2)
    hear(accepted, "order.accepted")
    note, *_ = session.scalars(select(Paper).where(Paper.kind == PaperKind.DELIVERY_NOTE))
    note.status = PaperStatus.WITHDRAWN
    invoice = give_number(session, paper_of(session, accepted.order_id, PaperKind.INVOICE).id)

    commands.store_paper(session, invoice.id, b"a")

    [told] = published("invoice.issued")
    assert len(told["documents"]["papers"]) == 2
    assert str(note.id) not in str(told)
    assert told["total_minor"] == accepted.totals.total_minor


@pytest.mark.requirement("M-32")
def test_an_invoice_that_falls_due_when_its_goods_have_left_tells_when_that_was():
    accepted = order(4, groups=2, market="net")
    accepted = replace(accepted, market=replace(accepted.market, invoice_on="shipment", invoice_per="order"))
    sent = shipments(accepted, "shipped")
    late = datetime(2026, 3, 6, 23, 30, tzinfo=UTC)  # the 7th in Madrid
    in_parts = replace(
        sent, shipments=(sent.shipments[0], replace(sent.shipments[1], shipped_at=late, status="delivered"))
    )
    half = replace(sent, shipments=sent.shipments[:1])
    each = replace(accepted, market=replace(accepted.market, invoice_per="shipment"))
    early = replace(accepted, market=replace(accepted.market, invoice_on="acceptance"))

    def days(placed, goods):
        found = [due.content for due in due_invoice_papers(placed, goods, ())]
        return [(content.supplied_from, content.supplied_until) for content in found]

    first, second = PLACED_AT.date(), date(2026, 3, 7)
    assert days(accepted, sent) == [(first, first)]
    assert days(accepted, in_parts) == [(first, second)]
    assert days(each, in_parts) == [(first, first), (second, second)]
    assert days(early, half) == days(early, None) == [(None, None)]
