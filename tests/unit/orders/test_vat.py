"""Orders taxed by where they go and who buys: decided at placing, kept, changed with a reason."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from services.orders import events
from services.orders.commands import customers, drafts, editing, placing
from services.orders.commands.erasure import erase_person
from services.orders.commands.exchanges import exchange_return
from services.orders.commands.master_data import put_market, put_product, put_seller, put_tax_table
from services.orders.commands.orders import accept_order, cancel_order, release_hold
from services.orders.commands.payments import record_payment
from services.orders.commands.returns import approve_return, request_return
from services.orders.domain.taxation import ChargesTaxed, Override
from services.orders.queries import history
from shared import clock
from shared.errors import Invalid, Refused
from shared.events.snapshots import Address, PaymentMethod, ReturnReason, TaxMode, TaxTreatment
from tests.unit.orders.sample_shop import MARKET, order_wanted, product_details, seller_details, stored

BERLIN = Address(name="Ada", line1="Unter den Linden 1", city="Berlin", postcode="10117", country="DE")
PARIS = replace(BERLIN, line1="1 rue de Rivoli", city="Paris", postcode="75001", country="FR")
DUBLIN = replace(BERLIN, line1="1 Dame St", city="Dublin", postcode="D02 XY00", country="IE")
ZURICH = replace(BERLIN, line1="Bahnhofstrasse 1", city="Zürich", postcode="8001", country="CH")
FRENCH = "FR40303265045"
RATES = [
    {"place": "DE", "tax_class": "standard", "rate_basis_points": 1900},
    {"place": "DE", "tax_class": "book", "rate_basis_points": 700},
    {"place": "DE", "tax_class": "download", "rate_basis_points": 1900},
    {"place": "FR", "tax_class": "standard", "rate_basis_points": 2000},
    {"place": "FR", "tax_class": "book", "rate_basis_points": 550},
    {"place": "IE", "tax_class": "standard", "rate_basis_points": 2300, "valid_until": date(2026, 7, 1)},
    {"place": "IE", "tax_class": "standard", "rate_basis_points": 2100, "valid_from": date(2026, 7, 1)},
    {"place": "IE", "tax_class": "book", "rate_basis_points": 0},
]
EURO = MARKET | {"currency": "EUR", "locale": "de", "time_zone": "Europe/Berlin", "tax_rounding": "per_rate"}


@pytest.fixture
def shop(session):
    """A German seller in a gross and a net market that tax by destination."""
    put_seller(session, "kiel", **seller_details(address=BERLIN, vat_number="DE136695976"))
    for market, mode in (("de", TaxMode.GROSS), ("b2b", TaxMode.NET)):
        put_market(session, market, **EURO | {"tax_mode": mode})
        put_tax_table(session, market, rates=RATES, taxes_at_destination=True)
    for sku, tax_class in {"MUG": "standard", "NOVEL": "book", "SONG": "download", "ODD": "odd"}.items():
        details = product_details(name=sku, tax_class=tax_class, prices={"de": 11900, "b2b": 10000})
        put_product(session, "kiel", sku, **details)
    return session


@pytest.fixture
def place(shop):
    def placed(*addresses, skus=("MUG",), vat_number="", market="de", **changes):
        lines = [
            {"sku": sku, "quantity": 1, "delivery_group": group}
            for group in range(len(addresses))
            for sku in skus
        ]
        wanted = order_wanted(
            seller="kiel",
            market=market,
            customer={"name": "Ada", "email": "ada@example.com", "phone": "1", "vat_number": vat_number},
            delivery_groups=[
                {"method": "delivery", "shipping_minor": 0, "address": address} for address in addresses
            ],
        )
        return stored(shop, placing.place_order(shop, **wanted | {"lines": lines} | changes).id)

    return placed


def reasons(order):
    return [(one.rate_basis_points, one.treatment, one.places) for one in order.taxation.reasons]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("address", "vat_number", "reason", "total", "tax"),
    [
        (BERLIN, "", (1900, "home", ("DE",)), 11900, 1900),
        (PARIS, "", (2000, "destination", ("FR",)), 11900, 1983),
        (PARIS, "fr 40 303 265 045", (0, "intra_community", ("FR",)), 10000, 0),
        (PARIS, "FR40303265046", (2000, "destination", ("FR",)), 11900, 1983),
        (DUBLIN, "", (2100, "destination", ("IE",)), 11900, 2065),
        (ZURICH, "", (0, "export", ("CH",)), 10000, 0),
    ],
)
def test_an_order_is_taxed_where_it_goes_and_keeps_why(
    place, published, address, vat_number, reason, total, tax
):
    clock_day = clock.now().date()
    order = place(address, vat_number=vat_number)

    assert reasons(order) == [reason]
    assert (order.total_minor, sum(row.tax_minor for row in order.tax)) == (total, tax)
    assert order.taxation.home == "DE"
    assert order.taxation.decided_on >= clock_day
    assert order.taxation.identifier == (FRENCH if vat_number == "fr 40 303 265 045" else "")
    [line] = order.lines
    assert (line.tax_treatment, line.tax_place) == (reason[1], reason[2][0])
    assert (line.list_price_minor, line.price_set_by) == (11900, None)
    told = events.snapshot(order)
    assert [one.treatment for one in told.tax_reasons] == [reason[1]]
    assert told.lines[0].tax_place == reason[2][0]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(("address", "total"), [(BERLIN, 11900), (PARIS, 12000), (ZURICH, 10000)])
def test_in_a_net_market_the_tax_of_the_destination_is_added(place, address, total):
    assert place(address, market="b2b").total_minor == total


@pytest.mark.requirement("M-30")
def test_the_seller_may_keep_the_same_wherever_goods_go(shop, place):
    put_tax_table(shop, "de", rates=RATES, taxes_at_destination=True, same_price="net")

    assert [place(address).total_minor for address in (BERLIN, PARIS, DUBLIN, ZURICH)] == [
        11900,
        12000,
        12100,
        10000,
    ]


@pytest.mark.requirement("M-30")
def test_a_price_that_somebody_named_is_what_is_asked(place):
    order = place(ZURICH, lines=[{"sku": "MUG", "quantity": 1, "unit_price_minor": 11900}])

    assert (order.total_minor, reasons(order)[0][1]) == (11900, "export")


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("at", "rate"),
    [
        (datetime(2026, 6, 30, 21, 59, 59, tzinfo=UTC), 2300),
        (datetime(2026, 6, 30, 22, 0, tzinfo=UTC), 2100),  # midnight in Berlin
    ],
)
def test_a_rate_changes_at_midnight_on_the_markets_clocks(place, monkeypatch, at, rate):
    monkeypatch.setattr(clock, "now", lambda: at)

    order = place(DUBLIN)

    assert order.lines[0].tax_rate_basis_points == rate


@pytest.mark.requirement("M-30")
def test_lines_that_go_to_several_countries_have_a_rate_each(place):
    order = place(BERLIN, PARIS)

    assert reasons(order) == [(2000, "destination", ("FR",)), (1900, "home", ("DE",))]
    assert [row.rate_basis_points for row in order.tax] == [2000, 1900]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("addresses", "skus", "field"),
    [
        ([DUBLIN, ZURICH], ("NOVEL",), "lines"),  # zero rate and export
        ([BERLIN], ("ODD",), "lines.0.sku"),
        ([replace(BERLIN, country="SE")], ("MUG",), "lines.0.sku"),
    ],
)
def test_what_no_invoice_can_say_and_what_has_no_rate_is_refused(place, addresses, skus, field):
    with pytest.raises(Invalid) as invalid:
        place(*addresses, skus=skus)

    assert list(invalid.value.fields) == [field]


@pytest.mark.requirement("M-30")
def test_what_is_fetched_is_taxed_where_it_is_fetched(shop, place):
    put_tax_table(shop, "de", rates=RATES, taxes_at_destination=True, pickup_places={"LYON-1": "FR"})
    fetched = [
        place(
            delivery_groups=[{"method": "pickup", "shipping_minor": 0, "pickup_point": point}],
            lines=[{"sku": "MUG", "quantity": 1}],
            billing_address=PARIS,
        )
        for point in ("KIEL-1", "LYON-1")
    ]

    assert [reasons(order)[0][1:] for order in fetched] == [("home", ("DE",)), ("destination", ("FR",))]


@pytest.mark.requirement("M-30")
def test_a_download_is_taxed_where_its_customer_is(shop, place):
    put_tax_table(
        shop,
        "de",
        rates=[*RATES, {"place": "IE", "tax_class": "download", "rate_basis_points": 2300}],
        taxes_at_destination=True,
        supplies={"download": "digital"},
    )

    order = place(BERLIN, skus=("SONG",), billing_address=DUBLIN)

    assert reasons(order) == [(2300, "destination", ("IE",))]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("address", "vat_number", "held"),
    [
        (PARIS, FRENCH, True),  # nothing is charged because of it
        (PARIS, "FR40303265046", True),  # it was given and is none
        (BERLIN, FRENCH, False),
        (PARIS, "", False),
    ],
)
def test_a_vat_number_that_matters_is_looked_at_before_the_order_is_accepted(
    place, address, vat_number, held
):
    order = place(address, vat_number=vat_number)

    assert ("vat_number" in order.unverified) == held
    assert [hold.reason for hold in order.standing_holds] == ["verification"] * held


@pytest.mark.requirement("M-30")
def test_an_order_of_before_and_a_market_without_table_go_on_as_they_did(shop, session):
    put_market(session, "gb2", **MARKET)
    wanted = order_wanted(market="gb2", lines=[("TEA-250", 2, 450)])
    wanted["delivery_groups"][0]["address"] = ZURICH
    order = stored(session, placing.place_order(session, **wanted).id)
    assert (order.taxation, order.lines[0].tax_treatment, order.total_minor) == (None, None, 900)
    assert events.snapshot(order).tax_reasons == ()

    put_seller(session, "quay", **seller_details(vat_number="GB980780684"))
    put_tax_table(
        session,
        "gb2",
        rates=[{"place": "GB", "tax_class": "standard", "rate_basis_points": 2500}],
        taxes_at_destination=False,
    )
    editing.edit_order(
        session, order.id, reason="more", lines=[{"line_id": order.lines[0].id, "quantity": 3}]
    )

    assert (order.taxation, order.lines[0].tax_rate_basis_points, order.total_minor) == (None, 2000, 1350)
    with pytest.raises(Invalid, match="not by a tax table"):
        editing.edit_order(session, order.id, reason="tax", tax={"treatment": TaxTreatment.EXPORT})


@pytest.mark.requirement("M-30")
def test_a_seller_without_vat_identifier_goes_by_the_markets_rates(shop, place):
    put_seller(shop, "kiel", **seller_details(address=BERLIN, vat_number="26/815/08151"))
    order = place(ZURICH)

    assert (order.taxation, order.lines[0].tax_rate_basis_points) == (None, 2000)


@pytest.mark.requirement("M-30")
def test_an_edit_decides_anew_what_goes_elsewhere_and_leaves_the_rest(shop, place):
    order = place(PARIS, BERLIN)
    first, second = order.delivery_groups
    put_tax_table(
        shop,
        "de",
        rates=[row | {"rate_basis_points": 100} if row["place"] == "FR" else row for row in RATES],
        taxes_at_destination=True,
    )

    preview = editing.edit_order(
        shop,
        order.id,
        reason="moved",
        delivery_groups=[{"group_id": first.id}, {"group_id": second.id, "address": ZURICH}],
    )

    assert reasons(order) == [(2000, "destination", ("FR",)), (0, "export", ("CH",))]
    assert [line.unit_price_minor for line in order.lines] == [11900, 10000]
    assert preview.after.total_minor == 21900
    assert "tax" in preview.changed


@pytest.mark.requirement("M-30")
def test_an_edit_goes_by_the_rates_of_the_day_the_order_was_placed(place, shop, monkeypatch):
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 6, 30, 12, tzinfo=UTC))
    order = place(PARIS)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 7, 2, 12, tzinfo=UTC))

    group = {"group_id": order.delivery_groups[0].id, "address": DUBLIN}
    editing.edit_order(shop, order.id, reason="moved", delivery_groups=[group])

    assert reasons(order) == [(2300, "destination", ("IE",))]


@pytest.mark.requirement("M-30")
def test_a_vat_number_that_comes_later_takes_the_tax_off(place, shop):
    order = place(PARIS)

    editing.edit_order(shop, order.id, reason="asked for it", customer={"vat_number": FRENCH})

    assert reasons(order) == [(0, "intra_community", ("FR",))]
    assert (order.taxation.identifier, order.total_minor) == (FRENCH, 10000)


@pytest.mark.requirement("M-30")
def test_another_treatment_is_chosen_with_a_reason_and_taken_back(place, shop):
    order = place(PARIS)

    diplomat = {"treatment": TaxTreatment.EXEMPT, "exemption": "VATEX-EU-151"}
    editing.edit_order(shop, order.id, reason="form 15.10 seen", tax=diplomat)

    assert (order.total_minor, order.taxation.override) == (10000, Override(**diplomat))
    assert events.snapshot(order).tax_reasons[0].exemption == "VATEX-EU-151"
    [edit] = history.edits(shop, order.id)
    assert (edit["reason"], edit["changed"]) == ("form 15.10 seen", ["lines", "tax"])

    editing.edit_order(shop, order.id, reason="of another embassy", tax={"treatment": None, "exemption": ""})

    assert (order.taxation.override, order.total_minor) == (None, 11900)
    assert reasons(order) == [(2000, "destination", ("FR",))]


@pytest.mark.requirement("M-30")
def test_a_parcel_is_not_sent_to_another_vat_behind_the_bill(place, shop):
    order = place(PARIS)
    group = order.delivery_groups[0].id

    customers.readdress(
        shop,
        order.id,
        delivery_group_id=group,
        address=replace(PARIS, line1="2 rue de Rivoli"),
        add_to_address_book=False,
    )
    with pytest.raises(Refused) as refused:
        customers.readdress(
            shop, order.id, delivery_group_id=group, address=ZURICH, add_to_address_book=False
        )

    assert refused.value.reason == "taxed_elsewhere"


# Shipping and fees: with their goods


@pytest.fixture
def charge(shop, place):
    def placed(rule, skus, **changes):
        put_market(shop, "de", **EURO | {"tax_mode": TaxMode.GROSS, "charges_taxed": rule})
        groups = [{"method": "delivery", "shipping_minor": 490, "address": BERLIN}]
        return place(BERLIN, skus=skus, **{"delivery_groups": groups} | changes)

    return placed


def charges(order):
    return [(fee.kind, fee.amount_minor, fee.tax_rate_basis_points) for fee in order.fees]


@pytest.mark.requirement("M-31")
@pytest.mark.parametrize(
    ("rule", "skus", "expected"),
    [
        ("standard", ("NOVEL",), [(490, 1900)]),
        ("share", ("NOVEL",), [(490, 700)]),
        ("main", ("NOVEL",), [(490, 700)]),
        ("standard", ("NOVEL", "MUG"), [(490, 1900)]),
        ("share", ("NOVEL", "MUG"), [(245, 1900), (245, 700)]),
        ("main", ("NOVEL", "NOVEL", "MUG"), [(490, 700)]),
        ("main", ("NOVEL", "MUG"), [(490, 1900)]),
    ],
)
def test_shipping_is_taxed_as_its_goods_are(charge, rule, skus, expected):
    order = charge(ChargesTaxed(rule), skus)

    assert charges(order) == [("shipping", *each) for each in expected]
    assert {fee.group_id for fee in order.fees} == {order.delivery_groups[0].id}
    assert order.shipping_minor == 490


@pytest.mark.requirement("M-31")
def test_goods_that_cost_nothing_share_shipping_by_units(charge):
    lines = [
        {"sku": "NOVEL", "quantity": 3, "unit_price_minor": 0},
        {"sku": "MUG", "quantity": 1, "unit_price_minor": 0},
    ]

    assert charges(charge(ChargesTaxed.SHARE, (), lines=lines)) == [
        ("shipping", 123, 1900),
        ("shipping", 367, 700),
    ]


@pytest.mark.requirement("M-31")
def test_a_fee_goes_with_all_goods_unless_it_names_a_class(charge):
    fees = [
        {"name": "Wrap", "amount_minor": 200},
        {"name": "Card", "amount_minor": 100, "tax_class": "standard"},
    ]

    order = charge(ChargesTaxed.MAIN, ("NOVEL",), fees=fees)

    assert charges(order)[1:] == [("fee", 200, 700), ("fee", 100, 1900)]


@pytest.mark.requirement("M-31")
def test_shipping_and_fees_follow_their_goods_in_an_edit(charge, shop):
    order = charge(ChargesTaxed.SHARE, ("NOVEL", "MUG"), fees=[{"name": "Wrap", "amount_minor": 200}])
    put_market(shop, "de", **EURO | {"tax_mode": TaxMode.GROSS})  # another rule, for orders to come

    novel = next(line for line in order.lines if line.sku == "NOVEL")
    editing.edit_order(shop, order.id, reason="no mug", lines=[{"line_id": novel.id}])

    assert charges(order) == [("shipping", 490, 700), ("fee", 200, 700)]
    assert [row.rate_basis_points for row in order.tax] == [700]


@pytest.mark.requirement("M-31")
def test_shipping_of_each_delivery_goes_with_what_is_in_it(charge):
    groups = [
        {"method": "delivery", "shipping_minor": 490, "address": BERLIN},
        {"method": "delivery", "shipping_minor": 300, "address": PARIS},
    ]
    lines = [{"sku": "NOVEL", "quantity": 1}, {"sku": "MUG", "quantity": 1, "delivery_group": 1}]

    order = charge(ChargesTaxed.SHARE, (), delivery_groups=groups, lines=lines)

    assert charges(order) == [("shipping", 490, 700), ("shipping", 300, 2000)]


@pytest.mark.requirement("M-30", "P-38")
def test_the_identifier_by_which_nothing_was_charged_goes_with_its_person(place, shop):
    order = place(PARIS, vat_number=FRENCH)
    for hold in order.standing_holds:
        release_hold(shop, order.id, hold.id)
    cancel_order(shop, order.id, reason="gone")

    erase_person(shop, order.id)

    assert (order.taxation.identifier, reasons(order)) == ("", [(0, "intra_community", ("FR",))])


@pytest.mark.requirement("M-30")
def test_a_draft_shows_how_it_would_be_taxed_and_what_can_not_be_placed(shop):
    def quoted(*addresses, sku="MUG", vat_number=""):
        return drafts.create_draft(
            shop,
            seller="kiel",
            market="de",
            customer={"name": "Ada", "email": "ada@example.com", "vat_number": vat_number},
            delivery_groups=[{"method": "delivery", "address": address} for address in addresses],
            lines=[{"sku": sku, "quantity": 1, "delivery_group": group} for group in range(len(addresses))],
            payment_method=PaymentMethod.TRANSFER,
        )

    export, mixed, firm = (
        quoted(ZURICH),
        quoted(DUBLIN, ZURICH, sku="NOVEL"),
        quoted(PARIS, vat_number=FRENCH),
    )

    [line] = export.lines
    assert (line.unit_price_minor, line.list_price_minor, line.tax_treatment) == (10000, 11900, "export")
    assert [one.treatment for one in export.tax_reasons] == ["export"]
    assert (export.totals.total_minor, export.notices) == (10000, [])
    assert "can't be on the same order" in mixed.lacks["lines"]
    assert "vat_number" in firm.unverified
    placed = drafts.place_draft(shop, export.draft.id, total_minor=10000)
    assert placed.total_minor == 10000


@pytest.mark.requirement("M-30")
def test_an_exchange_is_taxed_as_the_first_order_was_said_to_be(place, shop, hear_shipments):
    order = place(PARIS)
    diplomat = {"treatment": TaxTreatment.EXEMPT, "exemption": "VATEX-EU-151"}
    editing.edit_order(shop, order.id, reason="form 15.10 seen", tax=diplomat)
    record_payment(shop, order.id, reference="TRF 1")
    accept_order(shop, order.id)
    hear_shipments(order, "delivered")
    lines = [{"line_id": order.lines[0].id, "quantity": 1}]
    asked = request_return(shop, order.id, reason=ReturnReason.WRONG_ITEM, lines=lines)
    approve_return(shop, order.id, asked.id)

    successor = exchange_return(shop, order.id, asked.id, lines=[{"sku": "MUG", "quantity": 1}])

    assert (successor.total_minor, successor.taxation.override) == (10000, Override(**diplomat))
