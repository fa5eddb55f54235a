"""Each reason why a sale is taxed as it is has its category, its words and its code, valid by the rules."""

from dataclasses import replace
from datetime import date

import pytest

from services.documents import einvoices
from services.documents.domain.due_papers import due_papers
from services.documents.wording import wording_of
from shared.events.snapshots import Address, PaperKind, TaxReason, TaxTreatment
from shared.vat import EXEMPTIONS
from shared.wording import languages
from tests.unit.documents.sample_orders import invoice_of, order, shipments
from tests.unit.documents.test_einvoices import ISSUED_ON, NUMBER, read

BERLIN = Address(name="Kiel Tee", line1="Unter den Linden 1", city="Berlin", postcode="10117", country="DE")
PARIS = replace(
    BERLIN, company="Thé SARL", line1="1 rue de Rivoli", city="Paris", postcode="75001", country="FR"
)
ZURICH = replace(BERLIN, line1="Bahnhofstrasse 1", city="Zürich", postcode="8001", country="CH")
DUBLIN = replace(BERLIN, line1="1 Dame St", city="Dublin", postcode="D02 XY00", country="IE")
LEFT = {"supplied_from": date(2026, 3, 5), "supplied_until": date(2026, 3, 5)}
KINDS = [PaperKind.INVOICE, PaperKind.CREDIT_NOTE]


def reason(treatment, place, rate=0, exemption=""):
    return TaxReason(
        rate_basis_points=rate, treatment=TaxTreatment(treatment), exemption=exemption, places=(place,)
    )


def taxed(*reasons, address=PARIS, vat_number="", market="eu", locale="en-GB", groups=1, home=BERLIN):
    """An order of a German seller, taxed for these reasons."""
    rates = [each.rate_basis_points for each in reasons]
    placed = order(3, market=market, rates=rates, address=address, locale=locale, groups=groups)
    customer = replace(placed.people.customer, vat_number=vat_number)
    number = "GB980780684" if home.country == "GB" else "DE136695976"
    return replace(
        placed,
        seller=replace(placed.seller, address=home, vat_number=number),
        people=replace(placed.people, customer=customer),
        tax_reasons=reasons,
    )


CASES = {
    "home": (taxed(reason("home", "DE", 1900), address=BERLIN), {"S"}, [], "DE136695976"),
    "zero": (taxed(reason("home", "DE"), address=BERLIN), {"Z"}, [], "DE136695976"),
    "Irish person": (
        taxed(reason("destination", "IE", 2300), reason("destination", "IE"), address=DUBLIN),
        {"S", "Z"},
        [],
        "DE136695976",
    ),
    "French firm": (
        taxed(reason("intra_community", "FR"), vat_number="fr 40 303 265 045"),
        {"K"},
        ["VATEX-EU-IC"],
        "FR40303265045",
    ),
    "advice to a French firm": (
        taxed(reason("reverse_charge", "FR"), vat_number="FR40303265045"),
        {"AE"},
        ["VATEX-EU-AE"],
        "FR40303265045",
    ),
    "Swiss person": (taxed(reason("export", "CH"), address=ZURICH), {"G"}, ["VATEX-EU-G"], "DE136695976"),
    "German school": (
        taxed(reason("exempt", "DE", exemption="VATEX-EU-132-1I"), address=BERLIN),
        {"E"},
        ["VATEX-EU-132-1I"],
        "DE136695976",
    ),
    "download for a Swiss person": (
        taxed(reason("outside", "CH"), address=ZURICH, vat_number="CHE123"),
        {"O"},
        ["VATEX-EU-O"],
        None,
    ),
    "taxed here and exported": (
        taxed(reason("home", "DE", 1900), reason("export", "CH"), address=ZURICH),
        {"S", "G"},
        ["VATEX-EU-G"],
        "DE136695976",
    ),
    "out of the United Kingdom": (
        taxed(reason("export", "CH"), address=ZURICH, home=replace(BERLIN, country="GB")),
        {"G"},
        [],
        "GB980780684",
    ),
}


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("market", ["eu", "net"])
def test_each_category_is_valid_by_the_rules_and_tells_its_code(case, kind, market):
    placed, categories, codes, identifier = CASES[case]
    reasons = placed.tax_reasons
    if market == "net":
        rebuilt = order(
            3, market="net", rates=[each.rate_basis_points for each in reasons], address=placed.people.billing
        )
        placed = replace(rebuilt, seller=placed.seller, people=placed.people, tax_reasons=reasons)
        placed = replace(placed, people=replace(placed.people, delivery=rebuilt.people.delivery))
    content = invoice_of(placed, invoice_number=NUMBER, invoice_issued_on=ISSUED_ON, **LEFT)

    xml = einvoices.xml_of(kind, content, NUMBER, ISSUED_ON)

    assert einvoices.faults(xml) == []
    assert set(read(xml, "CategoryCode")) == categories
    assert read(xml, "ExemptionReasonCode") == codes
    assert bool(read(xml, "ExemptionReason")) == bool(categories - {"S", "Z"})
    if identifier:
        assert identifier in read(xml, "ID")
    else:
        assert not {"DE136695976", "CHE123"} & set(read(xml, "ID"))


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize("place", ["FR", "XI"])
def test_a_supply_to_several_places_of_one_member_state_names_that_alone(place):
    placed = taxed(reason("intra_community", place), vat_number="FR40303265045", groups=2)
    first, second = placed.delivery_groups
    delivery = {str(first.group_id): PARIS, str(second.group_id): replace(PARIS, line1="2 rue de Rivoli")}
    placed = replace(placed, people=replace(placed.people, delivery=delivery))

    xml = einvoices.xml_of(PaperKind.INVOICE, invoice_of(placed, **LEFT), NUMBER, ISSUED_ON)

    assert einvoices.faults(xml) == []
    assert {"FR": "FR", "XI": "GB"}[place] == read(xml, "CountryID")[-1]


@pytest.mark.requirement("M-30")
def test_an_intra_community_supply_is_invoiced_once_its_goods_have_left():
    placed = taxed(reason("intra_community", "FR"), vat_number="FR40303265045")
    placed = replace(
        placed,
        lines=tuple(
            replace(line, order_discount_minor=0, order_discount_tax_minor=0) for line in placed.lines
        ),
    )

    def invoices(order, status):
        return [
            due for due in due_papers(order, shipments(order, status), ()) if due.kind == PaperKind.INVOICE
        ]

    assert placed.market.invoice_on == "acceptance"
    assert invoices(placed, "packing") == []
    [due] = invoices(placed, "shipped")
    assert (due.content.supplied_from, due.content.supplied_until) == (date(2026, 3, 4),) * 2
    assert len(invoices(replace(placed, tax_reasons=()), "packing")) == 1


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize("language", languages())
def test_why_nothing_is_charged_is_told_in_every_language(language):
    reader = wording_of(taxed(reason("home", "DE"), locale=language), language)
    told = [
        reader.untaxed(reason(treatment, "FR"))
        for treatment in ("intra_community", "reverse_charge", "export", "outside")
    ]
    told += [reader.untaxed(reason("exempt", "DE", exemption=code)) for code in sorted(EXEMPTIONS)]

    assert all(told)
    assert len({*told}) == len(told)
    assert "132 (1) (i)" in reader.untaxed(reason("exempt", "DE", exemption="VATEX-EU-132-1I"))
    assert reader.untaxed(reason("home", "DE")) == reader.untaxed(reason("destination", "FR")) == ""
