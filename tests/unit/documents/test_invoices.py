"""Invoices and credit notes sum to the order, to the last minor unit, however it is split and refunded."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from services.documents.commands import papers as commands
from services.documents.domain.figures import rest_of_invoice, share, uncancelled
from services.documents.domain.invoices import Invoice, due_credits, uninvoiced_parts
from services.documents.domain.legacy_billing import credited_units, part_of_invoice, part_of_order
from services.documents.numbering import give_number
from services.documents.queries import papers_in_line
from shared.db import new_id
from shared.errors import NotFound, Refused
from shared.events.snapshots import Fee, PaperKind, PaperStatus, Refund, RefundPart, ShipmentLine
from shared.money import tax_contained, tax_on_top
from tests.unit.documents.sample_orders import LONDON, MARKETS, PLACED_AT, cancelled, order, shipments


def papers_of(session, placed, kind):
    return [paper for paper in papers_in_line(session, placed.order_id) if paper.kind is kind]


def invoices_of(session, placed):
    return papers_of(session, placed, PaperKind.INVOICE)


def notes_of(session, placed):
    return papers_of(session, placed, PaperKind.CREDIT_NOTE)


def by(placed, **rules):
    return replace(placed, market=replace(placed.market, **rules))


def refunded(placed, *amounts, state="settled", credited=None, version=2):
    refunds = tuple(
        Refund(
            refund_id=UUID(int=place + 1),
            amount_minor=amount,
            credited_minor=amount if credited is None else credited[place],
            reason="goodwill",
            state=state,
            requested_at=PLACED_AT,
            settled_at=PLACED_AT if state == "settled" else None,
        )
        for place, amount in enumerate(amounts)
    )
    back = sum(amounts) if state == "settled" else 0
    payment = replace(placed.payment, refunded_minor=back)
    return replace(placed, version=version, refunds=refunds, payment=payment)


def number(session, placed):
    for paper in [*invoices_of(session, placed), *notes_of(session, placed)]:
        give_number(session, paper.id)
    session.flush()


@pytest.fixture
def invoiced(session, hear):
    """An accepted order whose invoices have their numbers."""

    def invoiced(placed):
        hear(placed, "order.accepted")
        number(session, placed)
        return invoices_of(session, placed)

    return invoiced


def taxes(papers):
    sums = {}
    for paper in papers:
        for row in paper.counted.tax:
            net, tax = sums.get(row.rate_basis_points, (0, 0))
            sums[row.rate_basis_points] = (net + row.net_minor, tax + row.tax_minor)
    return sums


@st.composite
def odd_orders(draw):
    placed = order(
        draw(st.integers(1, 6)),
        market=draw(st.sampled_from(sorted(MARKETS))),
        rates=draw(st.sampled_from([(2000,), (2100, 1000, 400), (0,), (700, 1900)])),
        groups=draw(st.integers(1, 2)),
        shipping_minor=draw(st.integers(0, 999)),
    )
    rate = placed.lines[0].tax_rate_basis_points
    amount = -draw(st.integers(0, 90))
    tax_of = tax_contained if placed.market.tax_mode == "gross" else tax_on_top
    discount = Fee(
        kind="discount",
        name="Ten off",
        amount_minor=amount,
        tax_rate_basis_points=rate,
        tax_minor=tax_of(amount, rate),
    )
    return replace(placed, fees=(*placed.fees, discount))


@pytest.mark.requirement("S1-16", "F-18", "F-24")
@settings(max_examples=80)
@given(odd_orders(), st.data())
def test_parts_of_an_order_make_the_whole_to_the_last_minor_unit(placed, data):
    quantities = {line.line_id: line.quantity for line in placed.lines}
    whole = part_of_order(placed, quantities, ())
    left = dict(quantities)
    parts = []
    while any(left.values()):
        taken = {line_id: data.draw(st.integers(0, quantity)) for line_id, quantity in left.items()}
        part = part_of_order(placed, taken if any(taken.values()) else left, parts)
        parts.append(part)
        for row in part.rows:
            if row.line_id:
                left[row.line_id] -= row.quantity

    assert sum(part.total_minor for part in parts) == whole.total_minor
    assert sum(part.tax_added_minor for part in parts) == whole.tax_added_minor
    for rate in {row.rate_basis_points for row in whole.tax}:
        of_rate = [row for part in (*parts, whole) for row in part.tax if row.rate_basis_points == rate]
        *shares, all_of_it = of_rate
        assert sum(row.net_minor for row in shares) == all_of_it.net_minor
        assert sum(row.tax_minor for row in shares) == all_of_it.tax_minor


@pytest.mark.requirement("F-18", "F-24")
@settings(max_examples=150)
@given(odd_orders(), st.data())
def test_what_is_cancelled_between_shipments_leaves_no_fee_or_discount_uninvoiced(placed, data):
    placed = by(placed, invoice_on="shipment", invoice_per="shipment")
    left = {line.line_id: line.quantity for line in placed.lines}
    gone, standing = (), []
    while any(left.values()):
        sent = {line_id: data.draw(st.integers(0, quantity)) for line_id, quantity in left.items()}
        cancelled = {line_id: data.draw(st.integers(0, left[line_id] - sent[line_id])) for line_id in left}
        if not any(sent.values()) and not any(cancelled.values()):
            sent = dict(left)
        left = {line_id: left[line_id] - sent[line_id] - cancelled[line_id] for line_id in left}
        lines = tuple(
            replace(line, cancelled_quantity=line.cancelled_quantity + cancelled[line.line_id])
            for line in placed.lines
        )
        placed = replace(placed, lines=lines)
        gone += (shipment_of(placed, sent, len(gone)),) if any(sent.values()) else ()
        told = replace(shipments(placed, "shipped"), shipments=gone)
        for part, figures in uninvoiced_parts(placed, told, standing):
            standing.append(Invoice(paper_id=uuid4(), part=part, figures=figures, number="1"))
        for credit in due_credits(placed, standing):
            place = standing.index(credit.invoice)
            given_back = (*credit.invoice.credits, (credit.cause, credit.figures))
            standing[place] = replace(credit.invoice, credits=given_back)

    assume(standing)
    on_top = placed.market.tax_mode == "net"
    asked = sum(fee.amount_minor + on_top * fee.tax_minor for fee in placed.fees)
    for line in placed.lines:
        asked += share(line.total_minor, uncancelled(line), line.quantity)
        asked += on_top * share(line.tax_minor, uncancelled(line), line.quantity)
    assert sum(invoice.claim_minor for invoice in standing) == asked


def shipment_of(placed, quantities, place):
    [first, *_] = shipments(placed, "shipped").shipments
    lines = tuple(
        ShipmentLine(line_id=line.line_id, sku=line.sku, quantity=quantity, units=quantity)
        for line in placed.lines
        if (quantity := quantities[line.line_id])
    )
    return replace(first, shipment_id=UUID(int=place + 1), lines=lines)


@pytest.mark.requirement("F-24")
def test_shipping_of_what_was_cancelled_after_the_first_shipment_gets_an_invoice(session, hear):
    placed = by(order(2, rates=(2000,)), invoice_on="shipment", invoice_per="shipment")
    first, second = placed.lines
    gone = replace(
        shipments(placed), shipments=(shipment_of(placed, {first.line_id: 1, second.line_id: 0}, 0),)
    )
    hear(placed, "order.accepted")
    hear(gone, "shipment.shipped")
    [invoice] = invoices_of(session, placed)

    lines = (first, replace(second, cancelled_quantity=second.quantity))
    hear(replace(placed, lines=lines, version=2), "order.updated")

    _, rest = invoices_of(session, placed)
    assert rest.part == "fees"
    assert invoice.total_minor + rest.total_minor == first.total_minor + placed.fees[0].amount_minor


@pytest.mark.requirement("P-09", "F-18")
@settings(max_examples=80)
@given(odd_orders(), st.data())
def test_credits_of_an_invoice_never_exceed_it_and_its_rest_leaves_nothing(placed, data):
    mode = placed.market.tax_mode
    invoice = part_of_order(placed, {line.line_id: line.quantity for line in placed.lines}, ())
    credits_ = []
    for _ in range(data.draw(st.integers(0, 4))):
        claim = invoice.total_minor - sum(each.total_minor for each in credits_)
        amount = data.draw(st.integers(0, max(0, claim)))
        if amount:
            credits_.append(part_of_invoice(invoice, credits_, amount, mode))
            assert credits_[-1].total_minor == amount
    if invoice.total_minor > sum(each.total_minor for each in credits_):
        credits_.append(rest_of_invoice(invoice, credits_, mode))

    assert sum(each.total_minor for each in credits_) == invoice.total_minor
    for row in invoice.tax:
        taken = [
            each
            for credit in credits_
            for each in credit.tax
            if each.rate_basis_points == row.rate_basis_points
        ]
        assert sum(each.gross_minor for each in taken) == row.gross_minor


def test_units_taken_back_one_by_one_take_the_whole_line():
    placed = order(3, rates=(2100,))
    invoice = part_of_order(placed, {line.line_id: line.quantity for line in placed.lines}, ())
    line = invoice.rows[2]
    gone = []
    for _ in range(line.quantity):
        row = credited_units(invoice, gone, line.line_id, 1)
        gone.append(replace(invoice, rows=(row,)))

    assert sum(each.rows[0].amount_minor for each in gone) == line.amount_minor
    assert sum(each.rows[0].tax_minor for each in gone) == line.tax_minor
    assert credited_units(invoice, gone, line.line_id, 1) is None


@pytest.mark.requirement("S1-16")
def test_an_order_is_invoiced_by_delivery_method(session, hear):
    placed = by(order(5, groups=2, rates=(2000, 500)), invoice_per="method")
    first, second = placed.delivery_groups
    placed = replace(placed, delivery_groups=(first, replace(second, method="pickup", pickup_point="Shop")))

    hear(placed, "order.accepted")

    invoices = invoices_of(session, placed)
    assert [invoice.part for invoice in invoices] == ["method:standard", "method:pickup"]
    assert sum(invoice.total_minor for invoice in invoices) == placed.totals.total_minor
    assert taxes(invoices) == {
        row.rate_basis_points: (row.net_minor, row.tax_minor) for row in placed.totals.tax
    }
    assert all(row.name != placed.fees[0].name for row in invoices[1].counted.rows)  # shipping of the first
    assert sum(invoice.frozen.paid_minor for invoice in invoices) == placed.totals.total_minor


@pytest.mark.requirement("F-24", "S0-14")
def test_an_order_is_invoiced_shipment_by_shipment_as_they_go_out(session, hear):
    placed = by(
        order(5, groups=2, market="net", rates=(2100, 1000)), invoice_on="shipment", invoice_per="shipment"
    )
    gone = shipments(placed, "shipped")
    first_only = replace(gone, shipments=(gone.shipments[0], replace(gone.shipments[1], status="ready")))

    hear(placed, "order.accepted")
    before = invoices_of(session, placed)
    hear(first_only, "shipment.shipped")
    hear(first_only, "shipment.shipped")
    [first] = invoices_of(session, placed)
    hear(replace(gone, version=2), "shipment.shipped")
    invoices = invoices_of(session, placed)

    assert before == []
    assert first.part == str(gone.shipments[0].shipment_id)
    assert {row.sku for row in first.counted.rows if row.sku} == {
        line.sku for line in gone.shipments[0].lines
    }
    assert sum(invoice.total_minor for invoice in invoices) == placed.totals.total_minor


@pytest.mark.requirement("F-24")
def test_shipments_that_have_gone_out_are_invoiced_by_hand(session, hear):
    placed = by(order(4, groups=2), invoice_on="hand", invoice_per="shipment")
    hear(placed, "order.accepted")
    with pytest.raises(Refused, match="nothing_to_invoice"):
        commands.issue_invoices(session, placed.order_id)
    hear(shipments(placed, "shipped"), "shipment.shipped")

    issued = commands.issue_invoices(session, placed.order_id)

    assert len(issued) == 2
    assert sum(invoice.total_minor for invoice in issued) == placed.totals.total_minor


def test_what_was_cancelled_before_is_not_invoiced(session, hear):
    placed = order(2, rates=(2000,))
    lines = (placed.lines[0], replace(placed.lines[1], cancelled_quantity=1))

    hear(replace(placed, lines=lines), "order.accepted")

    [invoice] = invoices_of(session, placed)
    [_, row, *_] = invoice.counted.rows
    assert (row.quantity, row.amount_minor) == (1, placed.lines[1].total_minor // 2)


@pytest.mark.requirement("P-09", "S0-15")
def test_a_settled_refund_gets_a_credit_note_that_names_its_invoice(session, hear, invoiced):
    placed = order(4, rates=(2000, 500))
    [invoice] = invoiced(placed)

    hear(refunded(placed, 700), "refund.settled")
    hear(refunded(placed, 700, version=3), "order.completed")

    [note] = notes_of(session, placed)
    assert note.total_minor == 700
    assert note.refers_to == invoice.id
    assert note.frozen.invoice_number == invoice.number
    assert not note.frozen.in_full
    assert note.cause == f"refund:{UUID(int=1)}"
    number(session, placed)
    assert note.number.startswith("CN-")


@pytest.mark.requirement("P-09")
def test_each_settled_refund_has_a_credit_note_of_its_own(session, hear, invoiced):
    placed = order(4)
    invoiced(placed)

    hear(refunded(placed, 700), "refund.settled")
    hear(refunded(placed, 700, 300, version=3), "refund.settled")

    assert [note.total_minor for note in notes_of(session, placed)] == [700, 300]


def test_a_refund_that_is_only_requested_credits_nothing(session, hear, invoiced):
    placed = order(4)
    invoiced(placed)

    hear(refunded(placed, 700, state="requested"), "refund.requested")

    assert notes_of(session, placed) == []


def test_giving_back_what_was_overpaid_credits_nothing(session, hear, invoiced):
    placed = order(2)
    invoiced(placed)

    hear(refunded(placed, 500, credited=[0]), "refund.settled")
    overpaid = notes_of(session, placed)
    hear(refunded(placed, 500, 200, credited=[0, 200], version=3), "refund.settled")

    assert overpaid == []
    assert [note.total_minor for note in notes_of(session, placed)] == [200]


@pytest.mark.requirement("P-09", "S0-15")
@pytest.mark.parametrize("market", ["gb", "net"])
def test_a_credit_note_shows_the_goods_that_the_refund_is_for(session, hear, invoiced, market):
    placed = order(3, market=market, rates=(2000,))
    invoiced(placed)
    line = placed.lines[1]
    gross = line.total_minor + (line.tax_minor if market == "net" else 0)
    part = RefundPart(
        kind="line",
        name=line.name,
        tax_rate_basis_points=2000,
        net_minor=gross - line.tax_minor,
        tax_minor=line.tax_minor,
        gross_minor=gross,
        line_id=line.line_id,
        quantity=2,
    )
    given_back = refunded(placed, gross)
    [refund] = given_back.refunds

    hear(replace(given_back, refunds=(replace(refund, parts=(part,)),)), "refund.settled")

    [note] = notes_of(session, placed)
    [row] = note.counted.rows
    assert (row.sku, row.quantity, row.amount_minor) == (line.sku, 2, line.total_minor)
    assert note.total_minor == gross


def part_for(line, rate):
    """A whole line, given back; in a gross market."""
    return RefundPart(
        kind="line",
        name=line.name,
        tax_rate_basis_points=rate,
        net_minor=line.total_minor - line.tax_minor,
        tax_minor=line.tax_minor,
        gross_minor=line.total_minor,
        line_id=line.line_id,
        quantity=line.quantity,
    )


def giving_back(placed, *parts, version=2):
    back = refunded(placed, sum(part.gross_minor for part in parts), version=version)
    [refund] = back.refunds
    return replace(back, refunds=(replace(refund, parts=parts),))


@pytest.fixture
def invoiced_by_method(session, invoiced):
    """An order with an invoice over its goods at 20 %, which are sent, and one over those at 5 %, fetched."""
    placed = by(order(4, groups=2, rates=(2000, 500)), invoice_per="method")
    first, second = placed.delivery_groups
    placed = replace(placed, delivery_groups=(first, replace(second, method="pickup", pickup_point="Shop")))
    invoiced(placed)
    return placed


@pytest.mark.requirement("P-09", "S1-16")
def test_a_refund_of_goods_of_two_invoices_is_credited_on_each_its_own(session, hear, invoiced_by_method):
    placed = invoiced_by_method
    parts = [part_for(placed.lines[0], 2000), part_for(placed.lines[1], 500)]

    hear(giving_back(placed, *parts), "refund.settled")
    hear(giving_back(placed, *parts, version=3), "order.completed")

    notes = notes_of(session, placed)
    assert [note.refers_to for note in notes] == [invoice.id for invoice in invoices_of(session, placed)]
    assert [[row.line_id for row in note.counted.rows] for note in notes] == [
        [placed.lines[0].line_id],
        [placed.lines[1].line_id],
    ]
    assert [note.total_minor for note in notes] == [part.gross_minor for part in parts]


@pytest.mark.requirement("P-09", "S1-16")
def test_what_is_left_of_two_invoices_after_an_amount_was_given_back_is_credited_too(
    session, hear, invoiced_by_method
):
    placed = invoiced_by_method
    parts = [
        RefundPart(
            kind="amount",
            name="",
            tax_rate_basis_points=rate,
            net_minor=gross - tax,
            tax_minor=tax,
            gross_minor=gross,
        )
        for rate, gross, tax in ((2000, 600, 100), (500, 210, 10))
    ]
    hear(giving_back(placed, *parts), "refund.settled")

    hear(replace(cancelled(giving_back(placed, *parts)), version=3), "order.cancelled")

    invoices = invoices_of(session, placed)
    for invoice in invoices:
        notes = [note for note in notes_of(session, placed) if note.refers_to == invoice.id]
        assert sum(note.total_minor for note in notes) == invoice.total_minor
        assert {row.rate_basis_points for note in notes for row in note.counted.tax} == {
            row.rate_basis_points for row in invoice.counted.tax
        }


@pytest.mark.requirement("F-24", "P-09")
def test_a_refund_of_goods_that_are_still_to_be_invoiced_waits_for_their_invoice(session, hear, invoiced):
    placed = by(order(2, groups=2, rates=(2000,)), invoice_on="shipment", invoice_per="shipment")
    gone = shipments(placed, "shipped")
    hear(placed, "order.accepted")
    hear(replace(gone, shipments=gone.shipments[:1]), "shipment.shipped")
    number(session, placed)

    hear(giving_back(placed, part_for(placed.lines[1], 2000)), "refund.settled")
    before = notes_of(session, placed)
    hear(replace(gone, version=gone.version + 1), "shipment.shipped")
    number(session, placed)
    hear(giving_back(placed, part_for(placed.lines[1], 2000), version=3), "order.completed")

    assert before == []
    [note] = notes_of(session, placed)
    assert note.refers_to == invoices_of(session, placed)[1].id


@pytest.mark.requirement("F-24", "P-09")
def test_units_of_a_line_are_credited_where_each_of_them_was_invoiced(session, hear, invoiced):
    placed = by(order(1, rates=(2000,)), invoice_on="shipment", invoice_per="shipment")
    [line] = placed.lines
    placed = replace(placed, lines=(replace(line, quantity=3, total_minor=1000, tax_minor=167),))
    gone = shipments(placed, "shipped")
    [whole] = gone.shipments
    some, rest = (
        replace(whole, shipment_id=new_id(), lines=(replace(whole.lines[0], quantity=units, units=units),))
        for units in (2, 1)
    )
    hear(placed, "order.accepted")
    hear(replace(gone, shipments=(some, rest)), "shipment.shipped")
    number(session, placed)

    hear(giving_back(placed, part_for(placed.lines[0], 2000)), "refund.settled")

    assert [[row.quantity for row in note.counted.rows] for note in notes_of(session, placed)] == [[2], [1]]
    assert sum(note.total_minor for note in notes_of(session, placed)) == 1000
    assert sum(row.tax_minor for note in notes_of(session, placed) for row in note.counted.tax) == 167


def test_a_refund_before_the_invoice_is_credited_once_that_has_its_number(session, hear):
    placed = by(order(3), invoice_on="shipment")
    given_back = refunded(placed, 250)
    hear(given_back, "refund.settled")
    hear(shipments(placed, "shipped"), "shipment.shipped")
    [invoice] = invoices_of(session, placed)
    before = notes_of(session, placed)
    give_number(session, invoice.id)

    commands.store_paper(session, invoice.id, b"a")

    assert before == []
    assert [note.total_minor for note in notes_of(session, placed)] == [250]


@pytest.mark.requirement("M-02")
@pytest.mark.parametrize("credited", [250, 0])
def test_an_invoice_asks_for_nothing_that_was_paid_before_though_some_went_back(session, hear, credited):
    placed = by(order(3), invoice_on="shipment")
    total = placed.totals.total_minor
    given_back = refunded(placed, 250, credited=[credited])
    payment = replace(given_back.payment, received_minor=total + 250 - credited)
    hear(replace(given_back, payment=payment), "refund.settled")

    hear(shipments(placed, "shipped"), "shipment.shipped")

    [invoice] = invoices_of(session, placed)
    assert (invoice.frozen.paid_minor, invoice.frozen.balance_minor) == (total, 0)


@pytest.mark.requirement("P-09")
def test_a_refund_above_one_invoice_is_credited_over_several(session, hear, invoiced):
    placed = by(order(4, groups=2), invoice_per="method")
    first, second = placed.delivery_groups
    placed = replace(placed, delivery_groups=(first, replace(second, method="pickup")))
    invoices = invoiced(placed)

    hear(refunded(placed, placed.totals.total_minor), "refund.settled")

    notes = notes_of(session, placed)
    assert [note.refers_to for note in notes] == [invoice.id for invoice in invoices]
    assert [note.total_minor for note in notes] == [invoice.total_minor for invoice in invoices]


@pytest.mark.requirement("S0-15", "P-09")
def test_a_cancelled_order_is_credited_once_and_its_refund_not_again(session, hear, invoiced):
    placed = order(4)
    invoiced(placed)

    hear(cancelled(placed), "order.cancelled")
    number(session, placed)
    hear(cancelled(refunded(placed, placed.totals.total_minor, version=8)), "refund.settled")

    [note] = notes_of(session, placed)
    assert (note.cause, note.total_minor) == ("cancellation", placed.totals.total_minor)


def test_a_cancelled_order_credits_what_refunds_have_left(session, hear, invoiced):
    placed = order(4, rates=(2000, 500))
    [invoice] = invoiced(placed)
    hear(refunded(placed, 777), "refund.settled")

    hear(cancelled(refunded(placed, 777, version=4)), "order.cancelled")

    notes = notes_of(session, placed)
    assert sum(note.total_minor for note in notes) == invoice.total_minor
    assert taxes(notes) == taxes([invoice])


def test_lines_cancelled_after_the_invoice_take_their_units_back(session, hear, invoiced):
    placed = order(3)
    invoiced(placed)
    cut = replace(
        placed, version=2, lines=(*placed.lines[:2], replace(placed.lines[2], cancelled_quantity=2))
    )

    hear(cut, "order.updated")
    hear(replace(cut, version=3), "order.updated")
    hear(replace(refunded(cut, 990, credited=[0]), version=4), "refund.settled")

    [note] = notes_of(session, placed)
    [row] = note.counted.rows
    assert (row.line_id, row.quantity) == (placed.lines[2].line_id, 2)
    assert note.total_minor == 2 * placed.lines[2].unit_price_minor == 990


@pytest.mark.requirement("F-22")
def test_a_correction_is_a_credit_note_and_a_new_invoice(session, hear, invoiced):
    placed = order(3)
    [old] = invoiced(placed)
    before = dict(old.content)

    new = commands.correct_invoice(
        session,
        old.id,
        reason="the company's name was missing",
        billing=replace(LONDON, company="Whitcombe Ltd"),
    )

    session.refresh(old)
    [note] = notes_of(session, placed)
    assert (old.content, old.status) == (before, PaperStatus.NUMBERED)
    assert (note.cause, note.total_minor, note.refers_to) == ("correction", old.total_minor, old.id)
    assert new.total_minor == old.total_minor
    assert new.frozen.replaces == old.number
    assert new.frozen.order.people.billing.company == "Whitcombe Ltd"
    assert note.frozen.order.people.billing.company == ""
    hear(replace(placed, version=5), "order.completed")
    assert len(invoices_of(session, placed)) == 2
    with pytest.raises(Refused, match="already_credited"):
        commands.correct_invoice(session, old.id, reason="again")


@pytest.mark.requirement("M-02")
def test_a_corrected_invoice_says_what_was_paid_and_sent_since(session, hear, invoiced):
    placed = order(3, method="cash_on_delivery", covered=False)
    [old] = invoiced(placed)
    paid = replace(placed.payment, received_minor=placed.totals.total_minor, covered=True)
    hear(shipments(placed, "delivered"), "shipment.delivered")
    hear(replace(placed, version=5, payment=paid), "payment.recorded")

    new = commands.correct_invoice(session, old.id, reason="the company's name was missing")

    assert (old.frozen.balance_minor, old.frozen.supplied_from) == (old.total_minor, None)
    assert (new.frozen.balance_minor, new.frozen.paid_minor) == (0, old.total_minor)
    assert new.frozen.supplied_from is not None


@pytest.mark.requirement("F-22")
def test_an_order_cancelled_after_a_correction_credits_the_new_invoice_only(session, hear, invoiced):
    placed = order(3)
    [old] = invoiced(placed)
    new = commands.correct_invoice(session, old.id, reason="wrong name")
    number(session, placed)

    hear(cancelled(placed), "order.cancelled")

    assert [note.refers_to for note in notes_of(session, placed)] == [old.id, new.id]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [({"cancelled_at": PLACED_AT}, "order_is_off"), ({"anonymised_at": PLACED_AT}, "person_erased")],
)
def test_what_can_not_be_corrected_says_why(session, hear, invoiced, changes, reason):
    placed = order(2)
    [invoice] = invoiced(placed)
    hear(replace(placed, version=9, **changes), "order.updated")

    with pytest.raises(Refused, match=reason):
        commands.correct_invoice(session, invoice.id, reason="x")


def test_only_an_issued_invoice_is_corrected(session, hear):
    placed = order(2)
    hear(placed, "order.accepted")
    [invoice] = invoices_of(session, placed)
    [note] = papers_of(session, placed, PaperKind.DELIVERY_NOTE)

    with pytest.raises(Refused, match="not_issued"):
        commands.correct_invoice(session, invoice.id, reason="x")
    with pytest.raises(Refused, match="not_an_invoice"):
        commands.correct_invoice(session, note.id, reason="x")
    with pytest.raises(NotFound):
        commands.correct_invoice(session, new_id(), reason="x")
