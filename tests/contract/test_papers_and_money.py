"""One figure, one rule: what is owed, what went back and what the papers say are the same, always."""

import re
from collections import Counter
from dataclasses import replace
from datetime import date
from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.documents import einvoices
from services.documents.domain.figures import rest_of_invoice
from services.documents.domain.invoices import Invoice, due_credits, uninvoiced_parts
from services.documents.domain.papers import Content
from services.orders import consumers, events  # noqa: F401 - consumers register themselves
from services.orders.commands import master_data, placing
from services.orders.commands.orders import accept_order, cancel_order, follow_shipments, release_hold
from services.orders.commands.payment_gateway import record_gateway_payment, record_money_back
from services.orders.commands.payments import record_payment
from services.orders.commands.refunds import (
    leave_to_people,
    request_refund,
    settle_by_gateway,
    settle_refund,
    withdraw_refund,
)
from services.orders.commands.returns import approve_return, refund_return, request_return
from services.orders.domain.payments import ChargebackStep, GatewayReport, ReportKind
from services.orders.domain.taxation import ChargesTaxed
from services.orders.messaging import messaging
from services.orders.models import Order
from shared import clock
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events.snapshots import (
    Address,
    Cancellation,
    OrderStatus,
    PaperKind,
    PaymentMethod,
    People,
    RefundKind,
    RefundState,
    ReturnReason,
    Shipment,
    ShipmentLine,
    ShipmentsSnapshot,
    TaxMode,
    TaxRounding,
)
from shared.messaging import copies
from shared.messaging.order_locks import lock_order
from tests.unit.orders.sample_shop import MARKET, order_wanted, product_details, seller_details

# More than enough for any price: what is minor is decided by the currency, and no rule here asks it.
GOODS = {"CUP": "standard", "BOOK": "reduced", "TEA": "zero", "POT": "standard"}
MARKETS = {
    f"{mode}-{rounding}-{per}".replace("_", "-"): {
        "tax_mode": mode,
        "tax_rounding": rounding,
        "invoice_per": per,
        "invoice_on": "shipment" if per == "shipment" else "acceptance",
    }
    for mode, rounding, per in product(TaxMode, TaxRounding, ["order", "method", "shipment"])
}
# The same, where taxes go by destination, and shipping and fees as their goods.
ABROAD = {
    f"{code}-{taxed}": rules | {"charges_taxed": taxed}
    for (code, rules), taxed in product(MARKETS.items(), ChargesTaxed)
    if rules["invoice_per"] != "method"
}
BERLIN = Address(name="Ada", line1="Unter den Linden 1", city="Berlin", postcode="10117", country="DE")
PARIS = replace(BERLIN, line1="1 rue de Rivoli", city="Paris", postcode="75001", country="FR")
DUBLIN = replace(BERLIN, line1="1 Dame St", city="Dublin", postcode="D02 XY00", country="IE")
ZURICH = replace(BERLIN, line1="Bahnhofstrasse 1", city="Zürich", postcode="8001", country="CH")
FRENCH = "FR40303265045"
DESTINATIONS = {
    "DE": {"standard": 1900, "reduced": 700, "zero": 0},
    "FR": {"standard": 2000, "reduced": 550, "zero": 210},
    "IE": {"standard": 2300, "reduced": 0, "zero": 0},
}
TAX_TABLE = {
    "taxes_at_destination": True,
    "supplies": {"advice": "service"},
    "rates": [
        *(
            {"place": place, "tax_class": tax_class, "rate_basis_points": rate}
            for place, rates in DESTINATIONS.items()
            for tax_class, rate in rates.items()
        ),
        {"place": "DE", "tax_class": "lesson", "rate_basis_points": 0, "exemption": "VATEX-EU-132-1I"},
        {"place": "DE", "tax_class": "advice", "rate_basis_points": 1900},
    ],
}

NOTHING_OFF = {
    "percentage_basis_points": None,
    "amount_minor": None,
    "valid_from": None,
    "valid_until": None,
    "active": True,
}
COUPONS = {
    "TENTH": {"percentage_basis_points": 1000},
    "SENT-FREE": {"free_shipping": True},
    "BOTH": {"amount_minor": 77, "free_shipping": True, "most_uses": 10**6},
}


@pytest.fixture
def session(service_session):
    """A shop in markets of every rule."""
    with service_session(messaging) as session:
        master_data.put_seller(session, "quay", **seller_details())
        rates = {"tax_rates": {"standard": 1900, "reduced": 700, "zero": 0}}
        for code, rules in MARKETS.items():
            master_data.put_market(session, code, **MARKET | rates | rules)
        for code, rules in ABROAD.items():
            master_data.put_market(session, code, **MARKET | rates | rules | {"currency": "EUR"})
            master_data.put_tax_table(session, code, **TAX_TABLE)
        abroad = seller_details(address=BERLIN, vat_number="DE136695976")
        master_data.put_seller(session, "kiel", **abroad)
        prices = dict.fromkeys(MARKETS | ABROAD, 100)
        for sku, tax_class in GOODS.items():
            details = product_details(name=sku, tax_class=tax_class, prices=prices)
            for seller in ("quay", "kiel"):
                master_data.put_product(session, seller, sku, **details)
        for sku in ("LESSON", "ADVICE"):
            details = product_details(name=sku, tax_class=sku.lower(), prices=prices)
            master_data.put_product(session, "kiel", sku, **details)
        markets = [*product(["quay"], MARKETS), *product(["kiel"], ABROAD)]
        for (seller, code), (name, terms) in product(markets, COUPONS.items()):
            master_data.put_coupon(session, seller, code, name, name=name.title(), **NOTHING_OFF | terms)
        yield session


class Life:
    """An order as a seller, a warehouse and the bookkeeping see it, each step as its service takes it."""

    def __init__(self, session, wanted):
        self.session = session
        placed = placing.place_order(session, **wanted)
        self.order = session.get(Order, placed.id, populate_existing=True)
        for hold in self.order.standing_holds:  # somebody has looked at the VAT number
            release_hold(session, self.order.id, hold.id)
        paid = {"amount_minor": self.order.total_minor, "reference": f"pi {self.order.id}"}
        if self.order.total_minor and self.order.payment_method is PaymentMethod.ONLINE:
            record_gateway_payment(session, order_id=self.order.id, currency=self.order.currency, **paid)
        elif self.order.total_minor:
            record_payment(session, self.order.id, **paid)
        accept_order(session, self.order.id)
        self.shipments = []
        self.version = 0
        self.cancellation = None
        self.invoices = []
        self.follow()

    # The warehouse

    def left_here(self):
        """Units of each line that are wanted and have not left."""
        here = {line.id: line.quantity - line.cancelled_quantity for line in self.order.lines}
        for shipment in self.shipments:
            for line in shipment.lines:
                here[line.line_id] -= line.quantity
        return here

    def ship(self, units):
        """Send off so many units of each line, as far as they are here."""
        here = self.left_here()
        taken = {line_id: min(count, here[line_id]) for line_id, count in units.items()}
        for group in self.order.delivery_groups:
            lines = tuple(
                ShipmentLine(line_id=line.id, sku=line.sku, quantity=taken[line.id], units=taken[line.id])
                for line in self.order.lines
                if line.group_id == group.id and taken.get(line.id)
            )
            if lines:
                self.shipments.append(
                    Shipment(
                        shipment_id=new_id(),
                        number=f"{self.order.number}/{len(self.shipments) + 1}",
                        group_id=group.id,
                        method=group.method,
                        status="delivered",
                        location="WEST",
                        lines=lines,
                        created_at=self.order.placed_at,
                    )
                )
        self.tell_shipments()

    def tell_shipments(self):
        self.version += 1
        self.heard = ShipmentsSnapshot(
            order_id=self.order.id,
            number=self.order.number,
            version=self.version,
            people=People(),
            shipments=tuple(self.shipments),
            cancellation=self.cancellation,
        )
        lock_order(self.session, self.order.id)
        copies.keep_newest(self.session, self.heard)
        follow_shipments(self.session, self.heard)
        self.session.flush()

    # The seller

    def cancel(self, units=None):
        here = self.left_here()
        lines = [
            {"line_id": line_id, "quantity": min(count, here[line_id])}
            for line_id, count in (units or {}).items()
            if min(count, here[line_id]) > 0
        ]
        if units is not None and not lines:
            return
        cancel_order(self.session, self.order.id, reason="too many", lines=lines)
        if self.order.status is OrderStatus.CANCELLING:
            asked = self.order.cancellation
            self.cancellation = Cancellation(requested_at=asked.requested_at, done=True, lines=asked.lines)
            self.tell_shipments()

    def refund(self, **what):
        request_refund(self.session, self.order.id, reason="chipped", restock=False, **what)

    def send_back(self, units, deducted_minor=0):
        lines = [{"line_id": line_id, "quantity": count} for line_id, count in units.items()]
        asked = request_return(self.session, self.order.id, reason=ReturnReason.OTHER, lines=lines)
        approve_return(self.session, self.order.id, asked.id)
        refund_return(self.session, self.order.id, asked.id, reason="worn", deducted_minor=deducted_minor)

    def settle(self, which, withdraw):
        waiting = [
            refund
            for refund in self.order.refunds
            if refund.state is RefundState.REQUESTED and refund.kind is RefundKind.REFUND
        ]
        if not waiting:
            return
        refund = waiting[which % len(waiting)]
        if refund.payment_id and not withdraw:
            settle_by_gateway(self.session, self.order.id, refund.id, reference=f"re {refund.id}")
            return
        leave_to_people(self.session, self.order.id, refund.id, failure="no answer")
        if withdraw:
            withdraw_refund(self.session, self.order.id, refund.id, reason="mistake")
        else:
            settle_refund(self.session, self.order.id, refund.id, reference="TRF 2")

    # The payment gateway, by itself

    def tell(self, kind, reference, amount_minor, **more):
        report = GatewayReport(
            kind=kind,
            payment_reference=f"pi {self.order.id}",
            reference=f"{reference} {self.order.id}",
            amount_minor=amount_minor,
            currency=self.order.currency,
            at=clock.now(),
            **more,
        )
        record_money_back(self.session, self.order.id, report)

    def refund_at_gateway(self, reference, amount_minor):
        self.tell(ReportKind.REFUND, f"re {reference} {amount_minor}", amount_minor)
        for hold in self.order.standing_holds:
            release_hold(self.session, self.order.id, hold.id)

    def charge_back(self, reference, step):
        self.tell(ReportKind.CHARGEBACK, f"dp {reference}", 40 * reference + 3, step=step)

    # The papers

    def not_invoiced(self):
        """Units of each line that are wanted and on no invoice."""
        invoiced = Counter()
        for invoice in self.invoices:
            for row in invoice.figures.rows:
                invoiced[row.line_id] += row.quantity
            for cause, note in invoice.credits:
                if not cause.startswith("refund"):
                    invoiced.subtract({row.line_id: row.quantity for row in note.rows if row.line_id})
        return {
            line.id: line.quantity - line.cancelled_quantity - invoiced[line.id] for line in self.order.lines
        }

    def cancelled_uninvoiced(self):
        """Units that were cancelled and never were on an invoice."""
        invoiced = sum(
            row.quantity for invoice in self.invoices for row in invoice.figures.rows if row.line_id
        )
        ordered = sum(line.quantity for line in self.order.lines)
        return any(line.cancelled_quantity for line in self.order.lines) and invoiced < ordered

    def follow(self):
        """Issue what the order's newest state calls for, as documents does, until nothing more is due."""
        self.session.flush()
        order = events.snapshot(self.order)
        shipments = getattr(self, "heard", None)
        for _ in range(20):
            credits_ = list(due_credits(order, self.invoices))
            for credit in credits_:
                self.invoices = [
                    replace(invoice, credits=(*invoice.credits, (credit.cause, credit.figures)))
                    if invoice.paper_id == credit.invoice.paper_id
                    else invoice
                    for invoice in self.invoices
                ]
            due = [] if order.cancelled_at else list(uninvoiced_parts(order, shipments, self.invoices))
            for part, figures in due:
                number = f"INV-{len(self.invoices) + 1}"
                issued = Invoice(paper_id=new_id(), part=part, figures=figures, number=number)
                self.invoices.append(issued)
            if not credits_ and not due:
                return
        raise AssertionError("papers are due for ever")

    def correct(self, which):
        """Take an invoice back and issue it anew, as documents does while nothing is credited on it."""
        whole = [place for place, invoice in enumerate(self.invoices) if not invoice.credits]
        if whole:
            place = whole[which % len(whole)]
            invoice = self.invoices[place]
            figures = rest_of_invoice(invoice.figures, (), self.order.market.tax_mode)
            assert figures.total_minor == invoice.figures.total_minor
            self.invoices[place] = replace(invoice, paper_id=new_id(), figures=figures)


def by_rate(figures):
    """Gross and tax of each rate."""
    return {row.rate_basis_points: (row.gross_minor, row.tax_minor) for row in figures.tax}


def check_paper(figures, tax_mode):
    """Its rows sum to its totals, and none is below nothing."""
    amounts, taxes = Counter(), Counter()
    for row in figures.rows:
        assert row.amount_minor >= 0, row
        assert row.tax_minor >= 0, row
        assert row.quantity >= 0, row
        if row.line_id is not None and row.quantity:
            assert row.quantity * row.unit_price_minor - row.discount_minor == row.amount_minor, row
        amounts[row.tax_rate_basis_points] += row.amount_minor
        taxes[row.tax_rate_basis_points] += row.tax_minor
    for rate, (gross, tax) in by_rate(figures).items():
        assert gross == amounts[rate] + (taxes[rate] if tax_mode == "net" else 0)
        assert tax == taxes[rate]
    assert figures.total_minor == sum(gross for gross, _ in by_rate(figures).values())


def left_of(invoice):
    """What an invoice still asks for at each rate, gross and tax; nothing is credited beyond itself."""
    left = {rate: list(sums) for rate, sums in by_rate(invoice.figures).items()}
    units = Counter({row.line_id: row.quantity for row in invoice.figures.rows})
    for _, note in invoice.credits:
        assert note.total_minor > 0, "a credit note over nothing"
        for rate, (gross, tax) in by_rate(note).items():
            assert rate in left, f"{rate} is credited and was not billed"
            left[rate][0] -= gross
            left[rate][1] -= tax
        units.subtract({row.line_id: row.quantity for row in note.rows if row.line_id})
    assert all(gross >= 0 and 0 <= tax <= gross for gross, tax in left.values()), left
    assert all(count >= 0 for count in units.values()), units
    return left


def check_law(life):
    """What papers say is what is owed and what went back, for each rate and to the minor unit."""
    order, invoices = life.order, life.invoices
    assert not (order.free_shipping and order.shipping_minor), "free shipping is charged"
    for figures in [each for invoice in invoices for each in (invoice.figures, *invoice.credited)]:
        check_paper(figures, order.market.tax_mode)
    asked, asked_tax = Counter(), Counter()
    for invoice in invoices:
        for rate, (gross, tax) in left_of(invoice).items():
            asked[rate] += gross
            asked_tax[rate] += tax
    if order.cancelled_at is not None:
        assert not any([*asked.values(), *asked_tax.values()])
    elif not any(life.not_invoiced().values()):
        check_sums(life, asked, asked_tax)


def check_sums(life, asked, asked_tax):
    """Of an order that is wholly invoiced."""
    order = life.order
    settled = [refund for refund in order.refunds if refund.state is RefundState.SETTLED]
    owed = Counter({row.rate_basis_points: row.gross_minor for row in order.tax})
    for part in [*order.cancelled_parts, *(part for refund in settled for part in refund.parts)]:
        owed[part.tax_rate_basis_points] -= part.gross_minor
    given = sum(refund.credited_minor for refund in settled)
    assert sum(owed.values()) == order.total_minor - order.cancelled_minor - given
    # What a refund that still waits takes off goods that were then cancelled before any invoice: on no paper.
    waiting = Counter()
    for refund in order.refunds:
        if refund.state is RefundState.REQUESTED and life.cancelled_uninvoiced():
            waiting.update({part.tax_rate_basis_points: part.gross_minor for part in refund.parts})
    for rate, amount in owed.items():
        assert amount - waiting[rate] <= asked[rate] <= amount, (rate, asked, owed)
    if not sum(owed.values()):
        assert not any(asked_tax.values()), asked_tax
    notes = [(cause, note) for invoice in life.invoices for cause, note in invoice.credits]
    of_refunds = Counter()
    for cause, note in notes:
        of_refunds[cause] += note.total_minor
    # What was given back of goods that were then cancelled before they were invoiced is on no paper.
    billed = sum(invoice.figures.total_minor for invoice in life.invoices)
    billed -= sum(note.total_minor for cause, note in notes if not cause.startswith("refund"))
    never_billed = order.total_minor - order.cancelled_minor - billed
    assert never_billed >= 0
    lacking = {refund.id: refund.credited_minor - of_refunds[f"refund:{refund.id}"] for refund in settled}
    assert all(minor >= 0 for minor in lacking.values())
    assert sum(lacking.values()) == min(given, never_billed)


@st.composite
def wanted_orders(draw):
    """An order that a shop could send, of few and small figures, in which rounding shows."""
    abroad = draw(st.booleans())
    market = draw(st.sampled_from(sorted(ABROAD if abroad else MARKETS)))
    skus = draw(st.lists(st.sampled_from(sorted(GOODS)), min_size=1, max_size=3, unique=True))
    groups = draw(st.integers(1, 2))
    lines, worth = [], 0
    for sku in skus:
        quantity, price = draw(st.integers(1, 4)), draw(st.sampled_from([0, 1, 5, 99, 333, 999, 4990]))
        discount = draw(st.sampled_from([0, 0, 1, price])) if price else 0
        discount = min(discount, quantity * price)
        worth += quantity * price - discount
        lines.append(
            {
                "sku": sku,
                "quantity": quantity,
                "unit_price_minor": price,
                "discount_minor": discount,
                "delivery_group": draw(st.integers(0, groups - 1)),
            }
        )
    used = sorted({line["delivery_group"] for line in lines})
    for line in lines:
        line["delivery_group"] = used.index(line["delivery_group"])
    address = order_wanted()["delivery_groups"][0]["address"]
    to = draw(st.sampled_from([BERLIN, PARIS, DUBLIN, ZURICH])) if abroad else address
    deliveries = [
        {"method": "delivery", "shipping_minor": draw(st.sampled_from([0, 1, 490])), "address": to}
        if place == 0
        else {"method": "pickup", "shipping_minor": 0, "address": None, "pickup_point": "WEST"}
        for place in range(len(used))
    ]
    share = draw(st.sampled_from([0, 0, 10, 33, 100]))
    discounts = [{"name": "SPRING", "amount_minor": worth * share // 100}] if worth * share // 100 else []
    fee = draw(st.sampled_from([0, 0, 1, 250]))
    fees = [{"name": "Gift wrap", "amount_minor": fee, "tax_class": "reduced"}] if fee else []
    coupons = draw(st.lists(st.sampled_from(sorted(COUPONS)), max_size=2, unique=True))
    wanted = order_wanted(
        market=market,
        lines=(),
        delivery_groups=deliveries,
        discounts=discounts,
        fees=fees,
        coupons=coupons,
        method=draw(st.sampled_from(["transfer", "online"])),
    ) | {"lines": lines}
    if abroad:
        for named in draw(st.sampled_from([fees, []])):
            del named["tax_class"]  # as its goods are
        wanted["seller"] = "kiel"
        wanted["customer"] |= {"vat_number": draw(st.sampled_from(["", FRENCH]))}
        wanted["billing_address"] = to
    return wanted


places = st.integers(0, 2)
counts = st.integers(1, 4)
steps = st.one_of(
    st.tuples(st.just("ship"), places, counts),
    st.tuples(st.just("ship_all"), places, counts),
    st.tuples(st.just("cancel"), places, counts),
    st.tuples(st.just("refund"), places, counts),
    st.tuples(st.just("refund_less"), places, counts),
    st.tuples(st.just("send_back"), places, counts),
    st.tuples(st.just("send_back_used"), places, counts),
    st.tuples(st.just("refund_shipping"), places, counts),
    st.tuples(st.just("refund_amount"), places, st.sampled_from([1, 7, 500])),
    st.tuples(st.just("refund_everything"), places, counts),
    st.tuples(st.just("refund_at_gateway"), places, st.sampled_from([1, 7, 500])),
    st.tuples(st.just("charge_back"), places, st.sampled_from(ChargebackStep)),
    st.tuples(st.just("settle"), places, counts),
    st.tuples(st.just("withdraw"), places, counts),
    st.tuples(st.just("correct"), places, counts),
    st.tuples(st.just("cancel_all"), places, counts),
)


def take(life, step):
    what, place, count = step
    line = life.order.lines[place % len(life.order.lines)]
    units = {"line_id": line.id, "quantity": count}
    {
        "ship": lambda: life.ship({line.id: count}),
        "ship_all": lambda: life.ship(life.left_here()),
        "cancel": lambda: life.cancel({line.id: count}),
        "cancel_all": life.cancel,
        "refund": lambda: life.refund(lines=[units]),
        "refund_less": lambda: life.refund(lines=[{**units, "amount_minor": 1}]),
        "send_back": lambda: life.send_back({line.id: count}),
        "send_back_used": lambda: life.send_back({one.id: 1 for one in life.order.lines}, count),
        "refund_shipping": lambda: life.refund(shipping_minor=count),
        "refund_amount": lambda: life.refund(amount_minor=count),
        "refund_everything": lambda: life.refund(everything=True),
        "refund_at_gateway": lambda: life.refund_at_gateway(place, count),
        "charge_back": lambda: life.charge_back(place, count),
        "settle": lambda: life.settle(place, withdraw=False),
        "withdraw": lambda: life.settle(place, withdraw=True),
        "correct": lambda: life.correct(place),
    }[what]()


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=150,
    deadline=None,
)
@given(wanted_orders(), st.lists(steps, max_size=10))
def test_papers_say_what_is_owed_and_what_went_back(session, wanted, taken):
    """The law of papers and money."""
    try:
        life = Life(session, wanted)
    except Invalid as invalid:  # what no invoice could say together
        assert "can't be on the same order" in invalid.fields["lines"]  # noqa: PT017 - refused for nothing else
        return
    check_law(life)
    for step in taken:
        try:
            with session.begin_nested():
                take(life, step)
        except Refused:
            session.refresh(life.order)
            session.expire_all()
        life.follow()
        check_law(life)


def bought(lines, **changes):
    """An order of (sku, quantity, price) lines, in a market of gross prices and one invoice an order."""
    wanted = [{"sku": sku, "quantity": quantity, "unit_price_minor": price} for sku, quantity, price in lines]
    return order_wanted(**{"market": "gross-per-line-order", "lines": ()} | changes) | {"lines": wanted}


def test_goods_cancelled_after_a_refund_that_is_withdrawn_are_owed_no_more(session):
    life = Life(session, bought([("BOOK", 1, 100), ("CUP", 1, 100)], market="gross-per-line-shipment"))
    shipped, cancelled = life.order.lines
    life.ship({shipped.id: 1})
    life.follow()
    life.refund(amount_minor=10)
    life.cancel({cancelled.id: 1})
    life.follow()
    check_law(life)
    [refund] = [one for one in life.order.refunds if one.credited_minor]

    withdraw_refund(session, life.order.id, refund.id, reason="by mistake")
    life.follow()

    check_law(life)
    assert life.order.total_minor - life.order.cancelled_minor == 100 == life.invoices[0].figures.total_minor


@pytest.mark.requirement("M-01", "M-02")
def test_what_a_withdrawn_refund_had_left_of_cancelled_goods_is_credited_after_all(session):
    life = Life(session, bought([("CUP", 2, 333)]))
    life.refund(amount_minor=500)
    life.cancel({life.order.lines[0].id: 1})
    life.follow()
    [invoice] = life.invoices
    assert [note.total_minor for note in invoice.credited] == [166]

    life.settle(0, withdraw=True)
    life.follow()

    [invoice] = life.invoices
    assert [(cause, note.total_minor) for cause, note in invoice.credits] == [
        ("cancelled_lines:1", 166),
        ("cancelled_lines:1", 167),
    ]
    assert (life.order.balance.owed_minor, invoice.claim_minor) == (333, 333)
    check_law(life)


@pytest.mark.requirement("P-03", "M-02")
def test_a_deduction_leaves_each_part_of_a_return_the_tax_of_its_rate(session):
    life = Life(session, bought([("BOOK", 1, 1070), ("CUP", 1, 1190), ("BOOK", 3, 1070)]))
    book, cup, _ = life.order.lines
    life.ship(life.left_here())

    life.send_back({book.id: 1, cup.id: 1}, deducted_minor=260)
    life.settle(0, withdraw=False)
    life.follow()

    [refund] = life.order.refunds
    [note] = life.invoices[0].credited
    shares = [(part.gross_minor, part.tax_minor) for part in refund.parts]
    assert sum(gross for gross, _ in shares) == 2000 == note.total_minor
    for part in refund.parts:
        rate = part.tax_rate_basis_points
        assert abs(part.tax_minor - part.gross_minor * rate / (10_000 + rate)) <= 1
    check_law(life)


TENTH_OFF = [{"name": "TENTH", "amount_minor": 200}]


@pytest.mark.requirement("M-01", "M-20")
def test_a_unit_cancelled_after_its_invoice_is_credited_at_what_it_was_charged(session):
    life = Life(session, bought([("CUP", 2, 999)], discounts=TENTH_OFF))

    life.cancel({life.order.lines[0].id: 1})
    life.follow()

    [refund] = life.order.refunds
    [(cause, note)] = life.invoices[0].credits
    assert (refund.amount_minor, note.total_minor) == (899, 899)
    [row] = note.rows
    assert (row.quantity, row.unit_price_minor, row.discount_minor, row.amount_minor) == (1, 999, 100, 899)
    assert cause == "cancelled_lines:1"
    [told] = events.snapshot(life.order).cancelled_units
    assert (told.reason, [part.gross_minor for part in told.parts]) == ("too many", [899])


@pytest.mark.requirement("M-01")
def test_a_unit_cancelled_before_its_invoice_leaves_the_other_at_what_it_is_charged(session):
    life = Life(session, bought([("CUP", 2, 999)], discounts=TENTH_OFF, market="gross-per-line-shipment"))

    life.cancel({life.order.lines[0].id: 1})
    life.ship(life.left_here())
    life.follow()

    [invoice] = life.invoices
    assert (invoice.figures.total_minor, life.order.balance.owed_minor) == (899, 899)
    assert [row.discount_minor for row in invoice.figures.rows] == [100]


@pytest.mark.requirement("M-02")
def test_one_cup_of_each_of_two_invoices_is_credited_on_each(session):
    address = order_wanted()["delivery_groups"][0]["address"]
    deliveries = [{"method": "delivery", "shipping_minor": 490, "address": address}]
    wanted = bought([("CUP", 2, 4238)], delivery_groups=deliveries, market="gross-per-line-shipment")
    life = Life(session, wanted)
    [cup] = life.order.lines
    for _ in range(2):
        life.ship({cup.id: 1})
        life.follow()

    for _ in range(2):
        life.refund(lines=[{"line_id": cup.id, "quantity": 1}])
        life.settle(0, withdraw=False)
        life.follow()

    assert [len(invoice.figures.rows) for invoice in life.invoices] == [2, 2]
    assert [[note.total_minor for note in invoice.credited] for invoice in life.invoices] == [[4238], [4238]]
    check_law(life)


@pytest.mark.requirement("M-08")
@pytest.mark.parametrize("per", ["order", "shipment"])
def test_the_invoices_over_hundreds_of_small_lines_keep_the_rules(session, per):
    address = order_wanted()["delivery_groups"][0]["address"]
    deliveries = [{"method": "delivery", "shipping_minor": 490, "address": address}]
    lines = [("CUP", 1, 5)] * 500
    life = Life(session, bought(lines, delivery_groups=deliveries, market=f"gross-per-line-{per}"))
    half = life.order.lines[:250]
    life.ship({line.id: 1 for line in half})
    life.follow()
    life.ship({line.id: 1 for line in life.order.lines[250:]})
    life.follow()

    assert sum(row.tax_minor for row in life.order.totals.tax) == 477
    order = events.snapshot(life.order)
    for invoice in life.invoices:
        xml = einvoices.xml_of(
            PaperKind.INVOICE, Content(order=order, figures=invoice.figures), "GB-1", date(2026, 3, 5)
        )
        assert einvoices.faults(xml) == []
    check_law(life)


@pytest.mark.requirement("M-01")
def test_the_discounts_that_rows_bear_are_named_on_paper_and_in_its_xml(session):
    wanted = bought(
        [("CUP", 2, 999), ("TEA", 1, 500)], discounts=[*TENTH_OFF, {"name": "Ten & up", "amount_minor": 50}]
    )
    life = Life(session, wanted)
    life.cancel({life.order.lines[0].id: 1})
    life.follow()
    order, [invoice] = events.snapshot(life.order), life.invoices
    [note] = invoice.credited
    content = Content(order=order, figures=invoice.figures)
    back = Content(
        order=order, figures=note, invoice_number="GB-1", invoice_issued_on=date(2026, 3, 5), in_full=False
    )

    for kind, each in ((PaperKind.INVOICE, content), (PaperKind.CREDIT_NOTE, back)):
        xml = einvoices.xml_of(kind, each, "GB-2", date(2026, 3, 5))
        assert einvoices.faults(xml) == []
        assert b"taken off within the rows: TENTH, Ten &amp; up." in xml
    assert content.discounts_within == ("TENTH", "Ten & up")
    assert Content(order=replace(order, fees=()), figures=invoice.figures).discounts_within == ()


@pytest.mark.requirement("M-02")
def test_a_rate_is_credited_on_the_invoice_that_has_it(session):
    wanted = bought(
        [("CUP", 1, 1000), ("BOOK", 1, 2000), ("TEA", 1, 500)],
        discounts=[{"name": "SPRING", "amount_minor": 333}],
        fees=[{"name": "Gift wrap", "amount_minor": 250, "tax_class": "reduced"}],
        market="gross-per-line-shipment",
    )
    life = Life(session, wanted)
    for line in life.order.lines:
        life.ship({line.id: 1})
        life.follow()

    life.refund(amount_minor=1500)
    life.settle(0, withdraw=False)
    life.follow()
    life.refund(everything=True)
    life.settle(0, withdraw=False)
    life.follow()

    assert len(life.invoices) == 3
    assert sum(note.total_minor for invoice in life.invoices for note in invoice.credited) == 3417
    check_law(life)


@pytest.mark.requirement("M-01", "M-02")
def test_an_order_of_before_goes_on_to_its_end_under_the_rules_it_began_with(session):
    life = Life(session, bought([("CUP", 2, 999)], discounts=TENTH_OFF))
    for line in life.order.lines:
        line.order_discount_minor = line.order_discount_tax_minor = None
    session.flush()
    life.invoices.clear()
    life.follow()

    life.cancel({life.order.lines[0].id: 1})
    life.follow()

    rows = life.invoices[0].figures.rows
    assert [(row.name, row.amount_minor) for row in rows] == [("CUP", 1998), ("TENTH", -200)]
    assert (life.order.cancelled_minor, events.snapshot(life.order).cancelled_units) == (899, ())
    assert [note.total_minor for note in life.invoices[0].credited] == [999]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("who", "to", "sku", "vat_number", "categories", "paid"),
    [
        ("French firm", PARIS, "CUP", FRENCH, {"K"}, 10000),
        ("Swiss person", ZURICH, "CUP", "", {"G"}, 10000),
        ("Irish person", DUBLIN, "CUP", "", {"S"}, 11900),
        ("Irish reader", DUBLIN, "BOOK", "", {"Z"}, 11900),
        ("German school that buys", BERLIN, "CUP", "", {"S"}, 11900),
        ("German school that teaches", BERLIN, "LESSON", "", {"E"}, 11900),
        ("French firm that asks for advice", PARIS, "ADVICE", FRENCH, {"AE"}, 10000),
    ],
)
def test_whoever_buys_is_billed_and_credited_as_the_tax_law_says(
    session, who, to, sku, vat_number, categories, paid
):
    prices = dict.fromkeys(ABROAD, 11900)
    tax_class = GOODS.get(sku, sku.lower())
    master_data.put_product(
        session, "kiel", sku, **product_details(name=sku, tax_class=tax_class, prices=prices)
    )
    customer = {"name": who, "email": "ada@example.com", "phone": "1", "vat_number": vat_number}
    wanted = order_wanted(
        seller="kiel",
        market="gross-per-rate-order-share",
        lines=[(sku, 1)],
        customer=customer,
        delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": to}],
    )
    life = Life(session, wanted)
    life.ship(life.left_here())
    life.follow()
    life.refund(everything=True)
    life.settle(0, withdraw=False)
    life.follow()

    order = events.snapshot(life.order)
    [invoice] = life.invoices
    [(cause, note)] = invoice.credits
    left = {"supplied_from": date(2026, 3, 5), "supplied_until": date(2026, 3, 5)}
    papers = {
        PaperKind.INVOICE: Content(order=order, figures=invoice.figures, **left),
        PaperKind.CREDIT_NOTE: Content(
            order=order,
            figures=note,
            invoice_number="INV-1",
            invoice_issued_on=date(2026, 3, 5),
            **left,
        ),
    }
    for kind, content in papers.items():
        xml = einvoices.xml_of(kind, content, "N-1", date(2026, 3, 5))
        assert einvoices.faults(xml) == []
        assert {*re.findall(r"<ram:CategoryCode>(\w+)<", xml.decode())} == categories
    assert cause.startswith("refund:")
    assert invoice.figures.total_minor == note.total_minor == paid
    check_law(life)
