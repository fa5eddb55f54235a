"""E-invoices keep the schema and the rules of EN 16931, or are not given out as such."""

import signal
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO
from multiprocessing import Pipe

import pytest
from hypothesis import given, settings
from lxml import etree
from pypdf import PdfReader

from services.documents import einvoice_checker, einvoices, rendering
from services.documents.domain.figures import amount_row, figures
from services.documents.domain.legacy_billing import fees_left, part_of_invoice, part_of_order
from services.documents.jobs import _einvoice
from shared.events.snapshots import Fee, PaperKind, People
from shared.money import tax_contained
from shared.wording import words_in
from tests.unit.documents.sample_orders import LONDON, MADRID, MARKETS, invoice_of, order
from tests.unit.documents.test_invoices import odd_orders
from tests.waiting import until

NUMBER = "GB-ACME-2026-000001"
ISSUED_ON = date(2026, 3, 5)
RAM = "{urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100}"


def xml_of(content, kind=PaperKind.INVOICE):
    return einvoices.xml_of(kind, content, NUMBER, ISSUED_ON)


def read(xml, *names):
    return [element.text for element in etree.fromstring(xml).iter(*(f"{RAM}{name}" for name in names))]


def carried(pdf):
    [attached] = PdfReader(BytesIO(pdf)).attachments["factur-x.xml"]
    return attached


@pytest.mark.requirement("P-10", "F-23")
@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("rates", [(2000,), (2100, 1000, 400), (0,)])
@pytest.mark.parametrize("method", ["online", "transfer", "cash_on_delivery"])
def test_an_invoice_keeps_the_schema_and_every_rule(market, rates, method):
    placed = order(17, market=market, rates=rates, method=method, covered=method == "online", address=MADRID)

    assert einvoices.faults(xml_of(invoice_of(placed))) == []


@pytest.mark.requirement("P-10", "F-18")
@settings(max_examples=25)
@given(odd_orders())
def test_odd_orders_keep_them_too(placed):
    content = invoice_of(placed)
    if content.figures.total_minor <= 0 or any(row.net_minor < 0 for row in content.figures.tax):
        return  # given away; nobody sends that as an invoice

    xml = xml_of(content)

    assert einvoices.faults(xml) == []
    [total] = read(xml, "GrandTotalAmount")
    assert Decimal(total).scaleb(2) == content.figures.total_minor


@pytest.mark.requirement("V-03")
def test_what_no_xml_can_hold_is_left_out():
    placed = order(1)
    unfit = "A\x01c\x0bm\ufffee\uffff\x85"
    placed = replace(
        placed,
        lines=(replace(placed.lines[0], name=unfit),),
        people=replace(placed.people, billing=replace(LONDON, name=unfit, company=""), delivery={}),
        seller=replace(placed.seller, name=unfit, legal_name=unfit),
    )

    xml = xml_of(invoice_of(placed))

    assert einvoices.faults(xml) == []
    assert read(xml, "Name").count("Acme") >= 3


@pytest.mark.requirement("P-10", "P-09")
@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("amount", [None, 1234])
def test_a_credit_note_keeps_them_and_names_its_invoice(market, amount):
    content = invoice_of(order(5, market=market, rates=(2100, 400)))
    if amount:
        taken = part_of_invoice(content.figures, [], amount, content.order.market.tax_mode)
        content = replace(content, figures=taken)
    content = replace(content, invoice_number="GB-ACME-2026-000007", invoice_issued_on=date(2026, 2, 1))

    xml = xml_of(content, PaperKind.CREDIT_NOTE)

    assert einvoices.faults(xml) == []
    assert read(xml, "TypeCode")[0] == "381"
    assert "GB-ACME-2026-000007" in read(xml, "IssuerAssignedID")


def test_the_xml_says_what_the_paper_says():
    placed = order(3, rates=(2000, 500), method="transfer", covered=False)
    content = invoice_of(placed, paid_minor=500)

    xml = xml_of(content)

    totals = placed.totals
    assert read(xml, "GrandTotalAmount") == [f"{totals.total_minor / 100:.2f}"]
    assert read(xml, "TotalPrepaidAmount") == ["5.00"]
    assert read(xml, "DuePayableAmount") == [f"{(totals.total_minor - 500) / 100:.2f}"]
    assert read(xml, "TaxTotalAmount") == [f"{sum(row.tax_minor for row in totals.tax) / 100:.2f}"]
    assert read(xml, "BilledQuantity") == ["1", "2", "3"]
    assert read(xml, "IBANID") == ["GB29NWBK60161331926819"]
    assert read(xml, "ActualAmount") == [
        f"{(placed.fees[0].amount_minor - placed.fees[0].tax_minor) / 100:.2f}"
    ]
    assert {"Ada Whitcombe", "Acme Gifts Limited"} <= set(read(xml, "Name"))


@pytest.mark.requirement("F-23")
def test_a_broken_rule_is_named():
    content = invoice_of(order(2, rates=(2000, 500)))
    right = xml_of(content)
    total = read(right, "GrandTotalAmount")[0].encode()

    wrong_sum = right.replace(b"GrandTotalAmount>" + total, b"GrandTotalAmount>999.99")
    wrong_shape = right.replace(b"ram:InvoiceCurrencyCode", b"ram:Currency")

    assert any("BR-CO-15" in fault for fault in einvoices.faults(wrong_sum))
    assert "not expected" in einvoices.faults(wrong_shape)[0]


@pytest.mark.requirement("P-10")
def test_the_pdf_is_marked_pdf_a_3b_and_carries_the_xml():
    content = invoice_of(order(4))
    xml = xml_of(content)

    pdf = rendering.render(PaperKind.INVOICE, content, NUMBER, ISSUED_ON, b"", xml).pdf

    assert carried(pdf) == xml
    root = PdfReader(BytesIO(pdf)).trailer["/Root"]
    metadata = root["/Metadata"].get_object().get_data()
    described = etree.fromstring(metadata)
    assert b'part="3"' in metadata
    assert b'conformance="B"' in metadata
    assert len(list(described.iter("{http://www.w3.org/1999/02/22-rdf-syntax-ns#}RDF"))) == 1
    facts = "{urn:factur-x:pdfa:CrossIndustryDocument:invoice:1p0#}"
    assert [each.text for each in described.iter(f"{facts}ConformanceLevel")] == ["EN 16931"]
    assert [each.text for each in described.iter(f"{facts}DocumentFileName")] == ["factur-x.xml"]
    [associated] = root["/AF"]
    assert associated.get_object()["/AFRelationship"] == "/Alternative"
    assert root["/OutputIntents"]
    again = rendering.render(PaperKind.INVOICE, content, NUMBER, ISSUED_ON, b"", xml).pdf
    assert again == pdf


@pytest.mark.requirement("F-23")
def test_what_breaks_a_rule_is_not_carried_and_the_verdict_says_why():
    placed = order(2)
    no_number = replace(placed, seller=replace(placed.seller, vat_number=""))
    nobody = replace(placed, people=People())
    control = replace(placed, people=replace(placed.people, billing=replace(LONDON, name="A\x0bB")))

    xml, verdict = _einvoice(PaperKind.INVOICE, invoice_of(no_number), NUMBER, ISSUED_ON)

    assert xml == b""
    assert verdict["valid"] is False
    assert any("BR-S-02" in fault for fault in verdict["faults"])
    xml, verdict = _einvoice(PaperKind.INVOICE, invoice_of(nobody), NUMBER, ISSUED_ON)
    assert (xml, verdict["valid"], len(verdict["faults"])) == (b"", False, 1)
    # What a name of before the rule of texts holds is left out, and the rest carried.
    xml, verdict = _einvoice(PaperKind.INVOICE, invoice_of(control), NUMBER, ISSUED_ON)
    assert (b"AB" in xml, b"\x0b" in xml, verdict["valid"]) == (True, False, True)
    right, fine = _einvoice(PaperKind.INVOICE, invoice_of(placed), NUMBER, ISSUED_ON)
    assert right.startswith(b"<?xml")
    assert fine == {"profile": "EN 16931", "valid": True, "faults": []}
    assert _einvoice(PaperKind.DELIVERY_NOTE, invoice_of(placed), "", ISSUED_ON) == (b"", None)


def test_a_checker_that_was_killed_or_idle_is_started_anew():
    right = xml_of(invoice_of(order(2)))
    einvoices.faults(right)
    first, _ = einvoices._checker()
    first.kill()
    first.wait()

    assert einvoices.faults(right) == []
    assert einvoices._checker()[0].pid != first.pid


def test_an_interrupted_check_answers_nobody_else():
    right = xml_of(invoice_of(order(2)))
    wrong = right.replace(b"ram:InvoiceCurrencyCode", b"ram:Currency")
    einvoices.faults(right)

    def late(_signal, _frame):
        raise TimeoutError("as the time limit of a job")

    before = signal.signal(signal.SIGALRM, late)
    try:
        process, _ = einvoices._checker()
        process.send_signal(signal.SIGSTOP)
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(TimeoutError):
            einvoices._answer_to(wrong)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)

    assert einvoices.faults(right) == []


def test_a_checker_ends_with_its_renderer_and_is_collected():
    einvoices.faults(xml_of(invoice_of(order(2))))
    process, ours = einvoices._checker()
    einvoices._checker.cache_clear()

    ours.close()

    until(lambda: process.returncode is not None)  # nobody asks for it: that would collect it
    assert process.returncode == 0


def test_a_checker_that_has_nothing_to_do_ends(monkeypatch):
    monkeypatch.setattr(einvoice_checker, "IDLE_SECONDS", 0.01)
    ours, its = Pipe()

    with ours, its:
        einvoice_checker.answer(its)

        assert not ours.poll()


def known_by(placed, vat_number):
    customer = replace(placed.people.customer, vat_number=vat_number)
    return replace(placed, people=replace(placed.people, customer=customer))


@pytest.mark.requirement("M-06")
@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("de123456789", "DE123456789"),
        ("DE 123.456-789", "DE123456789"),
        ("EL123456789", "EL123456789"),
        ("xi123456789", "XI123456789"),
        ("ESX9999999X", "ESX9999999X"),
        ("n/a", None),
        ("none", None),
        ("123456789", None),
        ("EU372000001", None),
        ("DE", None),
        ("dé123456789", None),
        ("", None),
    ],
)
def test_a_vat_identifier_is_one_however_it_was_typed_and_left_out_if_it_is_none(typed, told):
    placed = known_by(order(2), typed)

    xml = xml_of(invoice_of(placed))

    assert einvoices.faults(xml) == []
    own = placed.seller.vat_number
    assert [each for each in read(xml, "ID") if each in {told, own}] == [own, *([told] if told else [])]


EARLIER = figures([amount_row(2000, 100, 17, "gross")], "gross")


def less(placed, amount, rate=2000):
    """The order with a discount of so much, as one of before parts were told."""
    tax = tax_contained(amount, rate)
    discount = Fee(
        kind="discount",
        name="Ten off",
        amount_minor=-amount,
        tax_rate_basis_points=rate,
        tax_minor=-tax,
    )
    return replace(placed, fees=(*placed.fees, discount))


@pytest.mark.requirement("M-07")
@pytest.mark.parametrize("kind", [PaperKind.INVOICE, PaperKind.CREDIT_NOTE])
def test_what_takes_off_is_an_allowance_also_beside_fees_alone_and_no_price_is_negative(kind):
    placed = less(order(1), 120)
    counted = figures(fees_left(replace(placed, lines=()), [EARLIER], ()), "gross")
    content = invoice_of(placed, figures=counted, paid_minor=0)

    xml = xml_of(content, kind)

    assert einvoices.faults(xml) == []
    assert [row.amount_minor for row in counted.rows] == [395, -120]
    assert read(xml, "LineTotalAmount")[0] == "3.29"
    assert read(xml, "AllowanceTotalAmount") == ["1.00"]
    assert read(xml, "Reason") == ["Ten off"]
    assert not any(Decimal(price) < 0 for price in read(xml, "ChargeAmount"))


@pytest.mark.requirement("M-07")
def test_a_note_over_a_negative_rest_has_it_as_an_allowance():
    rows = [amount_row(2000, 1200, 200, "gross"), amount_row(500, -105, -5, "gross")]
    content = invoice_of(order(2), figures=figures(rows, "gross"), invoice_number=NUMBER)

    xml = xml_of(content, PaperKind.CREDIT_NOTE)

    assert einvoices.faults(xml) == []
    assert read(xml, "AllowanceTotalAmount") == ["1.00"]
    assert read(xml, "GrandTotalAmount") == ["10.95"]


@pytest.mark.requirement("M-08")
@pytest.mark.parametrize(("scale", "told"), [(10, True), (1, False)])
def test_amounts_of_three_decimals_are_carried_where_they_are_exact(scale, told):
    placed = order(2, rates=(0,))
    dinars = replace(placed, currency="KWD", market=replace(placed.market, currency="KWD"))
    figured = invoice_of(dinars).figures
    rows = [replace(row, amount_minor=row.amount_minor * scale + (scale == 1)) for row in figured.rows]
    content = invoice_of(dinars, figures=figures(rows, "gross"), paid_minor=0)

    xml, verdict = _einvoice(PaperKind.INVOICE, content, NUMBER, ISSUED_ON)

    if told:
        assert einvoices.faults(xml) == []
        assert verdict["valid"]
        assert read(xml, "GrandTotalAmount") == [f"{figured.total_minor / 100:.2f}"]
    else:  # none of the standard's, so nothing is at fault
        assert (xml, verdict) == (b"", None)


@pytest.mark.requirement("M-17")
def test_the_destination_is_named_only_if_it_is_one():
    placed = order(4, groups=2)
    first, second = placed.delivery_groups
    elsewhere = {str(first.group_id): LONDON, str(second.group_id): MADRID}
    parted = replace(placed, people=replace(placed.people, delivery=elsewhere))
    of_second = {line.line_id: line.quantity for line in placed.lines if line.group_id == second.group_id}
    alone = invoice_of(parted, figures=part_of_order(parted, of_second, ()))

    both, part, same = (xml_of(content) for content in (invoice_of(parted), alone, invoice_of(placed)))

    assert [einvoices.faults(xml) for xml in (both, part, same)] == [[], [], []]
    assert ship_to(both) == []
    assert ship_to(part) == ["ES"]
    assert ship_to(same) == ["GB"]
    assert ship_to(xml_of(invoice_of(fetched(placed)))) == []


def fetched(placed):
    groups = tuple(replace(group, pickup_point="Shop") for group in placed.delivery_groups)
    return replace(placed, delivery_groups=groups, people=replace(placed.people, delivery={}))


def ship_to(xml):
    return [each.text for each in etree.fromstring(xml).iterfind(f".//{RAM}ShipToTradeParty//{RAM}CountryID")]


@pytest.mark.requirement("M-17")
@pytest.mark.parametrize(
    ("locale", "method", "terms"),
    [
        ("en", "transfer", "Payment due: on receipt"),
        ("es", "transfer", "Vencimiento: a la recepción"),
        ("es", "cash_on_delivery", "Vencimiento: a la entrega"),
        ("de", "transfer", "Fälligkeit: sofort nach Erhalt"),
        ("fr", "transfer", "Échéance\u00a0: à réception"),
    ],
)
def test_payment_terms_are_in_the_papers_language_and_none_are_told_once_it_is_paid(locale, method, terms):
    placed = order(2, locale=locale, method=method, covered=False)
    content = invoice_of(placed)

    xml, paid = xml_of(content), xml_of(replace(content, paid_minor=content.figures.total_minor))
    note = xml_of(replace(content, invoice_number=NUMBER), PaperKind.CREDIT_NOTE)

    assert [einvoices.faults(each) for each in (xml, paid, note)] == [[], [], []]
    assert terms_of(xml) == [terms]
    assert terms_of(paid) == []
    assert terms_of(note) == [words_in(locale, "papers")["credit_terms"]]


def terms_of(xml):
    found = etree.fromstring(xml).iterfind(f".//{RAM}SpecifiedTradePaymentTerms/{RAM}Description")
    return [each.text for each in found]


def sold_from(placed, country, vat_number):
    seller = placed.seller
    place = replace(seller.address, country=country)
    return replace(placed, seller=replace(seller, address=place, vat_number=vat_number))


@pytest.mark.requirement("M-33")
@pytest.mark.parametrize(
    ("country", "sentence"),
    [
        ("AT", "Umsatzsteuerfrei aufgrund der Kleinunternehmerregelung gemäß § 6 Abs. 1 Z 27 UStG."),
        ("DE", "Steuerbefreit nach § 19 UStG (Kleinunternehmer)."),
        ("ES", "Operación exenta de IVA conforme al artículo 20 de la Ley 37/1992."),
        ("FR", "Exempt from VAT."),
    ],
)
@pytest.mark.parametrize(("number", "category"), [("12/345/67890", "E"), ("", "O")])
@pytest.mark.parametrize("kind", [PaperKind.INVOICE, PaperKind.CREDIT_NOTE])
def test_a_seller_without_vat_identifier_has_valid_xml_with_its_legal_sentence(
    country, sentence, number, category, kind
):
    placed = known_by(sold_from(order(3, market="eu", rates=(0,)), country, number), "ATU12345678")
    content = invoice_of(placed, invoice_number=NUMBER, invoice_issued_on=ISSUED_ON)

    xml, verdict = _einvoice(kind, content, NUMBER, ISSUED_ON)

    assert verdict == {"profile": "EN 16931", "valid": True, "faults": []}
    assert read(xml, "ExemptionReason") == [sentence]
    assert set(read(xml, "CategoryCode")) == {category}
    assert ("ATU12345678" in read(xml, "ID")) == (category == "E")
    assert (number in read(xml, "ID")) == bool(number)


@pytest.mark.requirement("M-33")
def test_a_seller_that_has_a_vat_identifier_or_charges_tax_is_not_exempt():
    zero = sold_from(order(2, market="eu", rates=(0,)), "DE", "DE123456789")
    taxed = sold_from(order(2, market="eu", rates=(1900,)), "DE", "12/345/67890")

    for placed, category in ((zero, "Z"), (taxed, "S")):
        xml = xml_of(invoice_of(placed))
        assert einvoices.faults(xml) == []
        assert set(read(xml, "CategoryCode")) == {category}
        assert read(xml, "ExemptionReason") == []


@pytest.mark.requirement("M-32")
def test_the_date_of_supply_and_the_buyers_order_number_are_in_the_xml():
    placed = replace(order(2), external_reference="PO-4711")
    days = {"supplied_from": date(2026, 3, 5), "supplied_until": date(2026, 3, 5)}
    one = xml_of(invoice_of(placed, **days))
    several = xml_of(invoice_of(placed, **days | {"supplied_until": date(2026, 3, 9)}))
    unknown = xml_of(invoice_of(placed))

    assert [einvoices.faults(xml) for xml in (one, several, unknown)] == [[], [], []]
    assert days_of(one, "ActualDeliverySupplyChainEvent") == ["20260305"]
    assert days_of(several, "ActualDeliverySupplyChainEvent") == []
    assert days_of(several, "BillingSpecifiedPeriod") == ["20260305", "20260309"]
    assert (
        days_of(unknown, "ActualDeliverySupplyChainEvent") == days_of(unknown, "BillingSpecifiedPeriod") == []
    )
    [reference] = etree.fromstring(one).iterfind(
        f".//{RAM}BuyerOrderReferencedDocument/{RAM}IssuerAssignedID"
    )
    assert reference.text == "PO-4711"


def days_of(xml, element):
    return [
        text.strip()
        for each in etree.fromstring(xml).iter(f"{RAM}{element}")
        for text in each.itertext()
        if text.strip()
    ]
