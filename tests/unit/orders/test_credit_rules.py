"""Taking a bill apart: whatever is given back, in whatever order, sums to the bill and its taxes."""

from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.orders.domain import credits as rules
from services.orders.domain.credits import Bill, Charged, WantedUnits
from services.orders.domain.totals import Charge, spread_discount, tax_of_each, totals_of
from shared.errors import Refused
from shared.events.snapshots import ChargeKind, TaxMode, TaxRounding

RATES = (0, 500, 2000)


def charged_parts(charges, taxes, mode, quantities):
    on_top = mode is TaxMode.NET
    return [
        Charged(
            kind=charge.kind,
            name="part",
            rate_basis_points=charge.rate_basis_points,
            gross_minor=charge.amount_minor + tax * on_top,
            tax_minor=tax,
            line_id=uuid4() if charge.kind is ChargeKind.LINE else None,
            quantity=quantities[place] if place < len(quantities) else 1,
            tax_on_top=on_top,
        )
        for place, (charge, tax) in enumerate(zip(charges, taxes, strict=True))
    ]


@st.composite
def bills(draw):
    """An order's parts as they are charged, and its totals."""
    mode, rounding = draw(st.sampled_from(TaxMode)), draw(st.sampled_from(TaxRounding))
    lines = draw(
        st.lists(st.tuples(st.integers(1, 7), st.integers(0, 5000), st.sampled_from(RATES)), min_size=1)
    )
    quantities = [quantity for quantity, _, _ in lines]
    goods = [Charge(ChargeKind.LINE, quantity * price, rate) for quantity, price, rate in lines]
    worth = sum(charge.amount_minor for charge in goods)
    shipping = Charge(ChargeKind.SHIPPING, draw(st.integers(0, 900)), 2000)
    discounts, left = spread_discount(draw(st.integers(0, worth)), goods) if worth else ([], goods)
    if draw(st.booleans()):  # as they are told
        charges = [*left, shipping]
        taxes = tax_of_each(charges, mode, rounding)
        return Bill(charged=charged_parts(charges, taxes, mode, quantities)), totals_of(charges, taxes, mode)
    charges = [*goods, shipping, *discounts]
    taxes = tax_of_each(charges, mode, rounding)
    parts = charged_parts(charges, taxes, mode, quantities)
    discounts = [part for part in parts if part.kind is ChargeKind.DISCOUNT]
    charged = rules.bear_discounts([part for part in parts if part not in discounts], discounts)
    return Bill(charged=charged), totals_of(charges, taxes, mode)


@given(bills())
def test_the_parts_of_a_bill_sum_to_it(bill):
    charged, totals = bill[0].charged, bill[1]

    assert sum(part.gross_minor for part in charged) == totals.total_minor
    for row in totals.tax:
        of_rate = [part for part in charged if part.rate_basis_points == row.rate_basis_points]
        assert sum(part.gross_minor for part in of_rate) == row.gross_minor
        assert sum(part.tax_minor for part in of_rate) == row.tax_minor


@pytest.mark.requirement("P-03")
@given(bills(), st.data())
def test_of_what_is_kept_back_each_part_bears_its_share_with_the_tax_of_its_own_rate(bill, data):
    parts = rules.refund_rest(bill[0])
    whole = sum(part.gross_minor for part in parts)
    wanted = data.draw(st.integers(0, whole))

    lessened = rules.lessened(parts, wanted)

    assert sum(part.gross_minor for part in lessened) == wanted
    for before, after in zip(parts, lessened, strict=True):
        assert abs(after.gross_minor * whole - before.gross_minor * wanted) <= whole
        own = before.tax_minor * after.gross_minor
        assert 2 * abs(after.tax_minor * before.gross_minor - own) <= before.gross_minor
        assert after.net_minor + after.tax_minor == after.gross_minor


@pytest.mark.requirement("F-18")
@given(bills(), st.data())
def test_units_given_back_one_by_one_in_any_order_and_then_the_rest_sum_to_the_bill(bill, data):
    bill, totals = bill
    units = [part.line_id for part in bill.charged if part.line_id for _ in range(part.quantity)]
    picked = data.draw(st.permutations(units))[: data.draw(st.integers(0, len(units)))]

    given_back = []
    for line_id in picked:
        given_back += rules.refund_lines(bill.less(given_back), [WantedUnits(line_id=line_id, quantity=1)])
    given_back += rules.refund_rest(bill.less(given_back))

    rows = {row.rate_basis_points: row for row in rules.tax_rows(given_back)}
    assert {row for row in rows.values() if row.gross_minor} == {row for row in totals.tax if row.gross_minor}
    assert all(part.net_minor + part.tax_minor == part.gross_minor for part in given_back)


@given(bills(), st.data())
def test_an_amount_is_borne_by_the_rates_to_the_last_minor_unit_and_leaves_the_rest(bill, data):
    bill, totals = bill
    amount = data.draw(st.integers(0, totals.total_minor))

    given_back = rules.refund_amount(bill, amount)
    rest = rules.refund_rest(bill.less(given_back))

    assert sum(part.gross_minor for part in given_back) == amount
    assert all(part.gross_minor > 0 for part in given_back)
    assert sum(part.gross_minor for part in rest) == totals.total_minor - amount


@pytest.mark.requirement("F-18")
@given(bills(), st.lists(st.integers(1, 3000), max_size=6))
def test_amounts_given_back_one_after_the_other_sum_to_the_bills_taxes(bill, amounts):
    bill, totals = bill
    left = totals.total_minor

    given_back = []
    for amount in [*amounts, left]:
        now = min(amount, left)
        left -= now
        now_left = bill.less(given_back)
        given_back += rules.within(now_left, rules.refund_amount(now_left, now))

    rows = rules.tax_rows(given_back)
    assert [row for row in rows if row.gross_minor] == [row for row in totals.tax if row.gross_minor]


LINE = Charged(
    kind=ChargeKind.LINE,
    name="Tea",
    rate_basis_points=2000,
    gross_minor=1000,
    tax_minor=167,
    line_id=uuid4(),
    quantity=3,
    cancelled=1,
)

BILL = Bill(charged=[LINE])


def units(quantity, gross_minor=None):
    return [WantedUnits(line_id=LINE.line_id, quantity=quantity, gross_minor=gross_minor)]


def test_units_that_were_cancelled_are_not_refunded():
    [part] = rules.refund_lines(BILL, units(2))

    assert (part.quantity, part.gross_minor, part.net_minor, part.tax_minor) == (2, 667, 556, 111)
    with pytest.raises(Refused, match="more_than_left") as refused:
        rules.refund_lines(BILL.less([part]), units(1))
    assert refused.value.facts["quantity_left"] == 0


def test_less_than_units_cost_may_be_named_but_not_more():
    [part] = rules.refund_lines(BILL, units(1, 100))

    assert (part.gross_minor, part.tax_minor) == (100, 16)
    with pytest.raises(Refused, match="more_than_left"):
        rules.refund_lines(BILL, units(1, 335))


def test_shipping_is_refunded_up_to_what_it_cost():
    charged = [
        Charged(kind=ChargeKind.SHIPPING, name=name, rate_basis_points=2000, gross_minor=300, tax_minor=50)
        for name in ("Van", "Van", "Bike")
    ]

    bill = Bill(charged=charged)
    first = rules.refund_charge(bill, ChargeKind.SHIPPING, 500)
    rest = rules.refund_charge(bill.less(first), ChargeKind.SHIPPING)

    assert sum(part.gross_minor for part in rest) == 400
    with pytest.raises(Refused, match="more_than_left"):
        rules.refund_charge(bill.less(first + rest), ChargeKind.SHIPPING, 1)
    assert rules.refund_charge(bill.less(first + rest), ChargeKind.SHIPPING) == []
