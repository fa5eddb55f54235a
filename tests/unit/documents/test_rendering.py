"""Papers say what they must, in the order's words, and fetch nothing."""

import re
import subprocess
import sys
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO

import msgspec
import pypdfium2
import pytest
from pypdf import PdfReader
from structlog.testing import capture_logs

from services.documents import drawings, rendering, text_fitting
from services.documents.domain.figures import disagreements
from services.documents.domain.legacy_billing import part_of_order
from services.documents.domain.papers import UPLOADED_KINDS, Content
from shared.db import new_id
from shared.events.snapshots import PaperKind, Parcel, Return, ReturnLine
from shared.wording import languages, reader_of, words_in
from tests.unit.documents.sample_orders import LONDON, MADRID, MARKETS, SELLER, invoice_of, order, shipments

NUMBER = "GB-ACME-2026-000001"
ISSUED_ON = date(2026, 3, 5)


def spaced(text):
    # Spaces that mustn't break are spaces to a reader.
    return re.sub("[\u00a0\u202f]", " ", text)


def pages(pdf):
    return [spaced(page.extract_text()) for page in PdfReader(BytesIO(pdf)).pages]


def flat(text):
    return re.sub(r"\s", "", text)


def invoice(placed):
    return rendering.render(PaperKind.INVOICE, invoice_of(placed), NUMBER, ISSUED_ON).pdf


def label(placed, address, **changes):
    [shipment] = shipments(placed).shipments
    content = Content(
        order=placed,
        group_id=placed.delivery_groups[0].group_id,
        address=address,
        shipment=replace(shipment, **changes),
    )
    return rendering.render(PaperKind.LABEL, content).pdf


def figure(text):
    return int(re.sub(r"[.,]", "", text))


@pytest.mark.requirement("F-18")
@pytest.mark.parametrize("market", MARKETS)
@pytest.mark.parametrize("rates", [(2000,), (2100, 1000, 400), (0,)])
def test_the_figures_on_an_invoice_sum_to_the_orders_total(market, rates):
    placed = order(17, market=market, rates=rates)

    text = "\n".join(pages(invoice(placed)))

    # "21% 35.01 7.36 42.37": a row for each rate; "20%  12.75" at its end: a line or fee.
    per_rate = re.findall(r"^(\d+) ?% ([\d.,]+) ([\d.,]+) ([\d.,]+)$", text, re.MULTILINE)
    read = [(int(rate) * 100, *map(figure, row)) for rate, *row in per_rate]
    assert read == [
        (row.rate_basis_points, row.net_minor, row.tax_minor, row.gross_minor) for row in placed.totals.tax
    ]
    amounts = [figure(amount) for amount in re.findall(r"\d ?% ([\d.,]+)$", text, re.MULTILINE)]
    assert sum(amounts) + placed.totals.tax_added_minor == placed.totals.total_minor
    assert sum(gross for *_, gross in read) == placed.totals.total_minor


@pytest.mark.requirement("S1-16")
def test_an_invoice_promises_another_only_where_one_follows():
    placed = order(2)
    [line, _] = placed.lines
    first = invoice_of(placed, figures=part_of_order(placed, {line.line_id: line.quantity}, ()))
    rest_cancelled = replace(placed.payment, owed_minor=first.figures.total_minor)
    last = replace(first, order=replace(placed, payment=rest_cancelled))

    made = [rendering.render(PaperKind.INVOICE, content, NUMBER, ISSUED_ON) for content in (first, last)]

    said = ["what is not on it is invoiced" in " ".join(pages(paper.pdf)[0].split()) for paper in made]
    assert said == [True, False]


@pytest.mark.requirement("M-20")
def test_the_sums_of_a_printed_order_add_up_though_some_was_cancelled_and_paid_back():
    placed = order(2)
    total = placed.totals.total_minor
    payment = replace(placed.payment, owed_minor=total - 500, received_minor=total, refunded_minor=500)

    content = Content(order=replace(placed, payment=payment))
    text = flat("".join(pages(rendering.render(PaperKind.ORDER_PRINTOUT, content).pdf)))

    named = ("Total", "Cancelledorcredited", "Paid", "Paidback", "Balancedue")
    said = [re.search(rf"{name}(-?)£([\d,.]+)", text) for name in named]
    assert [figure(one[2]) for one in said] == [total, 500, total, 500, 0]
    assert [bool(one[1]) for one in said] == [False, True, False, False, False]


def test_an_invoice_names_everyone_and_everything():
    placed = order(3, method="transfer", covered=False)

    [text] = pages(invoice(placed))

    for said in (
        "Invoice",
        NUMBER,
        "GB-000042",
        "5 March 2026",
        "4 March 2026",
        "Acme Gifts Limited",
        "GB123456789",
        "Registered in England and Wales no. 01234567",
        "Goods remain our property until paid in full.",
        "Ada Whitcombe",
        "London\nWC1X 0JP",
        "Bank transfer",
        "Not paid yet",
        "GB29 NWBK 6016 1331 9268 19",
        "Please quote GB-000042",
        "85123A",
        "White hanging heart T-light holder",
        "Standard delivery",
        "VAT included",
        "Page 1 of 1",
        f"£{placed.totals.total_minor / 100:.2f}",
    ):
        assert said in text, said


def test_an_invoice_speaks_the_orders_language():
    placed = order(3, market="net", locale="es", rates=(2100,), address=MADRID, method="cash_on_delivery")

    [text] = pages(invoice(placed))

    for said in (
        "Factura",
        "Fecha de expedición",
        "5 de marzo de 2026",
        "Base imponible",
        "IVA",
        "Contra reembolso",
        "Íñigo Núñez de la Peña",
        "España",
        "Página 1 de 1",
        "La mercancía sigue siendo de nuestra propiedad",
    ):
        assert said in text, said
    assert re.search(r"\d+,\d\d €", text)
    assert "Invoice" not in text


def test_a_credit_note_names_the_invoice_it_takes_back():
    content = invoice_of(order(3), invoice_number=NUMBER, invoice_issued_on=ISSUED_ON)

    [text] = pages(rendering.render(PaperKind.CREDIT_NOTE, content, f"CN-{NUMBER}", date(2026, 4, 1)).pdf)

    assert "Credit note" in text
    assert f"CN-{NUMBER}" in text
    assert f"cancels invoice {NUMBER} of 5 March 2026 in full" in text
    assert "1 April 2026" in text
    assert "Balance due" not in text


def test_a_delivery_note_shows_its_groups_lines_and_no_price():
    placed = order(8, groups=2)
    group = placed.delivery_groups[1].group_id

    content = Content(order=placed, group_id=group, address=LONDON, place=2, places=2)
    [text] = pages(rendering.render(PaperKind.DELIVERY_NOTE, content).pdf)

    assert "Delivery note" in text
    assert "Delivery 2 of 2" in text
    assert [line.sku in text for line in placed.lines] == [line.group_id == group for line in placed.lines]
    assert not re.search(r"\d\.\d\d", text)


@pytest.mark.requirement("F-39")
def test_a_long_invoice_repeats_its_head_and_breaks_no_row():
    placed = order(300)

    texts = pages(invoice(placed))

    assert len(texts) > 5
    for place, text in enumerate(texts, start=1):
        assert f"Page {place} of {len(texts)}" in text
        assert "Description" in text
        assert "GB123456789" in text
    long_name = (
        "Rex cash and carry jumbo shopper with a very\nlong name that no column could hold on one line"
    )
    assert sum(text.count(long_name) for text in texts) == sum(
        line.name == long_name.replace("\n", " ") for line in placed.lines
    )


def test_sums_are_carried_from_page_to_page():
    placed = order(60)
    content = invoice_of(placed)

    texts = pages(rendering.render(PaperKind.INVOICE, content, NUMBER, ISSUED_ON).pdf)

    carried = [re.findall(r"Carried forward ([\d.,]+)", text) for text in texts]
    brought = [re.findall(r"Brought forward ([\d.,]+)", text) for text in texts]
    assert carried[-1] == brought[0] == []
    assert carried[:-1] == brought[1:]
    so_far = 0
    rows = iter(content.figures.rows)
    for text, [sum_] in zip(texts, carried[:-1], strict=False):
        # "22423-8 Regency cakestand, three tiers 9 12.75 20% 114.75": what stands at the end of each row.
        for _ in re.findall(r"\d ?% [\d.,]+$", text, re.MULTILINE):
            so_far += next(rows).amount_minor
        assert figure(sum_) == so_far


def test_a_paper_of_one_page_carries_nothing():
    [text] = pages(invoice(order(9)))

    assert "forward" not in text


@pytest.mark.requirement("M-39")
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(
    "kind", [kind for kind in PaperKind if kind not in UPLOADED_KINDS], ids=lambda kind: kind.value
)
def test_each_kind_of_paper_speaks_each_language(kind, language):
    placed = order(3, locale=language, market="gb" if language == "en" else "net")
    [shipment] = shipments(placed).shipments
    returned = Return(
        return_id=new_id(),
        status="approved",
        reason="damaged",
        lines=(ReturnLine(line_id=placed.lines[0].line_id, sku="22423", requested_quantity=1),),
    )
    content = invoice_of(
        placed,
        group_id=shipment.group_id,
        shipment=shipment,
        address=LONDON,
        returning=returned,
        invoice_number="X-1",
        invoice_issued_on=ISSUED_ON,
        reason="damaged",
    )

    text = "\n".join(pages(rendering.render(kind, content, NUMBER, ISSUED_ON).pdf))

    if kind is not PaperKind.LABEL:  # which says what it is by being stuck on a parcel
        assert words_in(language, "papers")[f"title.{kind}"] in text
    assert "22423" in text or kind in {PaperKind.LABEL, PaperKind.PAYMENT_RECEIPT}
    assert "GB-000042" in text


@pytest.mark.requirement("F-39")
def test_a_paper_of_far_too_many_pages_is_given_up(monkeypatch):
    monkeypatch.setattr(rendering, "MOST_PAGES", 2)

    with pytest.raises(rendering.TooLong, match="pages; 2 at most"):
        rendering.rehearse(PaperKind.INVOICE, invoice_of(order(100)))
    with pytest.raises(rendering.TooLong, match="pages; 2 at most"):
        rendering.render(PaperKind.ORDER_PRINTOUT, Content(order=order(100)))


@pytest.mark.parametrize("lines", range(20, 28))
def test_totals_never_stand_alone_on_a_page(lines):
    texts = pages(invoice(order(lines)))

    [totals] = [text for text in texts if "Total net" in text]
    assert re.search(r"^Standard delivery", totals, re.MULTILINE)


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Acme Gifts", "AG"), ("Fern & Finch", "FF"), ("Olmo", "O"), ("Ñandú y Ávila", "ÑY"), ("&", "?")],
)
def test_a_monogram_is_made_of_a_sellers_initials(name, initials):
    assert f">{initials}</text>" in drawings.monogram(name, "#3d5a36")


def test_a_label_is_100_by_150_millimetres_and_one_page():
    long = replace(
        MADRID,
        name="Wolfeschlegelsteinhausenbergerdorff Maximiliana Alexandrina",
        company="The Extraordinarily Long Company Name of Northumberland and Durham Ltd",
        line1="Unit 14b, The Old Victorian Warehouse, Great Northern Road",
        line2="Industrial Estate of Saint Bartholomew the Great",
        city="Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
    )

    for address in (LONDON, long):
        [page] = PdfReader(BytesIO(label(order(), address))).pages
        millimetres = [float(side) * 25.4 / 72 for side in page.mediabox[2:]]
        assert millimetres == pytest.approx([100, 150], abs=0.01)
        for said in (address.postcode, "GB-000042-1", "GB-000042", "1 of 1", "Acme Gifts"):
            assert said in page.extract_text()


def test_a_label_shows_the_tracking_number_once_there_is_one():
    parcel = Parcel(
        parcel_id=new_id(),
        carrier="Parcelforce",
        tracking_number="PB123GB",
        tracking_url="https://track.example/PB123GB",
        weight_grams=2350,
    )

    [text] = pages(label(order(), LONDON, parcels=(parcel,)))

    assert "PB123GB" in text
    assert "2.35 kg" in text
    assert "Parcelforce" in text


def test_a_label_for_collection_names_the_place():
    placed = order()
    [group] = placed.delivery_groups
    placed = replace(
        placed, delivery_groups=(replace(group, method="pickup", pickup_point="Shop in Lamb Street"),)
    )

    [text] = pages(label(placed, None))

    assert "To be collected at" in text
    assert "Shop in Lamb Street" in text
    assert "Ada Whitcombe" in text


def test_the_same_content_gives_the_same_bytes_in_every_process():
    script = (
        "import msgspec, sys, datetime, hashlib;"
        "from services.documents import rendering;"
        "from services.documents.domain.papers import Content, PaperKind;"
        "content = msgspec.json.decode(sys.stdin.buffer.read(), type=Content);"
        f"pdf = rendering.render(PaperKind.INVOICE, content, {NUMBER!r}, datetime.date(2026, 3, 5)).pdf;"
        "print(hashlib.sha256(pdf).hexdigest())"
    )
    said = msgspec.json.encode(invoice_of(order(30)))

    digests = {
        subprocess.run(
            [sys.executable, "-c", script],
            input=said,
            capture_output=True,
            check=True,
            env={"PYTHONHASHSEED": seed, "PATH": "", "PYTHONPATH": "."},
        ).stdout
        for seed in ("1", "2")
    }

    assert len(digests) == 1


@pytest.mark.parametrize(
    "url", ["file:///etc/hostname", "http://127.0.0.1:1/", "https://example.com/x.png", "data:,x"]
)
def test_a_paper_may_fetch_nothing_but_its_fonts(url):
    fetcher = rendering.FontsOnly()

    with pytest.raises(ValueError, match="may not fetch"):
        fetcher.fetch(url)

    for font in rendering.FONTS:
        assert fetcher.fetch(font).read(4) == b"\x00\x01\x00\x00"


def test_what_people_write_is_text_and_never_markup():
    evil = "<script>alert(1)</script><img src='file:///etc/hostname'>{{ 7 * 7 }}"
    placed = order(1)
    placed = replace(
        placed,
        lines=(replace(placed.lines[0], name=evil),),
        people=replace(placed.people, billing=replace(LONDON, name=evil)),
        seller=replace(placed.seller, name=evil, colour="red } body { display: none"),
    )

    [text] = pages(invoice(placed))

    assert flat(text).count(flat(evil)) == 3
    assert "Invoice" in text
    assert flat(evil) in flat(pages(label(placed, replace(LONDON, name=evil, company=evil)))[0])


UNFIT = "A\x01c\x0bm\ufffee\uffff\x85"  # kept by an older release


@pytest.mark.requirement("V-03")
def test_what_no_paper_can_hold_is_left_out_of_papers():
    placed = order(1)
    placed = replace(
        placed,
        lines=(replace(placed.lines[0], name=UNFIT),),
        people=replace(placed.people, billing=replace(LONDON, name=UNFIT)),
        seller=replace(placed.seller, name=UNFIT),
    )

    [text] = pages(invoice(placed))
    unprintable = Parcel(
        parcel_id=new_id(), tracking_number="café", tracking_url="", carrier=UNFIT, weight_grams=None
    )
    labelled = label(placed, replace(LONDON, name=UNFIT), parcels=(unprintable,))

    assert text.count("Acme") >= 3
    assert "Acme" in pages(labelled)[0]


def test_only_the_fonts_used_are_embedded_and_only_in_part():
    pdf = invoice(order(5))

    fonts = {
        str(font.get_object()["/BaseFont"])
        for page in PdfReader(BytesIO(pdf)).pages
        for font in page["/Resources"]["/Font"].values()
    }

    assert {font.partition("+")[2] for font in fonts} == {"Lato", "Lato-Bold"}
    assert len(pdf) < 40_000


def test_a_missing_font_subsetter_is_said_loudly():
    with capture_logs() as logs:
        slow = rendering.warn_of_slow_fonts(None)

    assert slow
    [log] = logs
    assert log["log_level"] == "error"
    assert "libharfbuzz-subset" in log["remedy"]


def test_this_machine_has_the_font_subsetter():
    assert not rendering.warn_of_slow_fonts()


@pytest.mark.requirement("F-18")
@pytest.mark.parametrize("market", MARKETS)
def test_figures_that_do_not_add_up_are_found(market):
    right = order(3, market=market)
    totals = right.totals
    [row] = totals.tax
    wrong_total = replace(right, totals=replace(totals, total_minor=totals.total_minor + 1))
    wrong_tax = replace(right, totals=replace(totals, tax=(replace(row, tax_minor=row.tax_minor + 1),)))

    assert list(disagreements(right)) == []
    assert len(list(disagreements(wrong_total))) == 2
    assert len(list(disagreements(wrong_tax))) == 1


def grown(placed, factor, currency="COP"):
    """The same order, each amount so many times as large."""

    def times(row, *names):
        return replace(row, **{name: getattr(row, name) * factor for name in names})

    amounts = ("net_minor", "tax_minor", "gross_minor")
    totals = replace(
        times(placed.totals, "total_minor", "lines_minor", "shipping_minor", "tax_added_minor"),
        tax=tuple(times(row, *amounts) for row in placed.totals.tax),
    )
    priced = ("unit_price_minor", "discount_minor", "total_minor", "tax_minor")
    return replace(
        placed,
        currency=currency,
        lines=tuple(times(line, *priced) for line in placed.lines),
        fees=tuple(times(fee, "amount_minor", "tax_minor") for fee in placed.fees),
        totals=totals,
        payment=times(placed.payment, "owed_minor", "received_minor"),
    )


@pytest.mark.requirement("M-05")
@pytest.mark.parametrize(
    ("market", "locale"), [("gb", "en-GB"), ("net", "es-ES"), ("net", "de-DE"), ("net", "fr-FR")]
)
@pytest.mark.parametrize("currency", ["COP", "JPY"])
@pytest.mark.parametrize(
    "kind", [PaperKind.INVOICE, PaperKind.CREDIT_NOTE, PaperKind.ORDER_PRINTOUT, PaperKind.PAYMENT_RECEIPT]
)
def test_figures_of_fifteen_digits_are_whole_and_within_the_page(kind, currency, market, locale):
    placed = order(40, market=market, locale=locale, rates=(2100, 1000))
    placed = replace(placed, lines=(replace(placed.lines[0], discount_minor=1), *placed.lines[1:]))
    placed = grown(placed, 9 * 10**14 // placed.totals.total_minor, currency)
    figure_of = reader_of(locale, locale, currency, "UTC").figure
    content = invoice_of(placed, invoice_number=NUMBER, invoice_issued_on=ISSUED_ON)
    assert len(str(placed.totals.total_minor)) == 15

    pdf = rendering.render(kind, content, NUMBER, ISSUED_ON).pdf

    text = "\n".join(pages(pdf))
    amounts = {placed.totals.total_minor}
    if kind is not PaperKind.PAYMENT_RECEIPT:
        amounts |= {placed.lines[0].discount_minor}
        amounts |= {line.unit_price_minor for line in placed.lines} | {
            line.total_minor for line in placed.lines
        }
    assert [amount for amount in amounts if spaced(figure_of(amount)) not in text] == []
    assert beyond_the_page(pdf) == []
    assert overlapping(pdf) == []


def boxes(pdf):
    """Each page's size, and where each of its pieces of text stands: left, bottom, right, top, text."""
    document = pypdfium2.PdfDocument(pdf)
    for page in document:
        texts = page.get_textpage()
        rects = [texts.get_rect(place) for place in range(texts.count_rects())]
        yield page.get_size(), [(*rect, texts.get_text_bounded(*rect)) for rect in rects]


def beyond_the_page(pdf, spare=8):
    """The texts that reach the edge of the page, in points."""
    return [
        text
        for (wide, high), found in boxes(pdf)
        for left, bottom, right, top, text in found
        if text.strip() and (left < spare or bottom < spare or right > wide - spare or top > high - spare)
    ]


def overlapping(pdf):
    """The pieces of text that stand on each other."""
    faults = []
    for _, found in boxes(pdf):
        for place, (left, bottom, right, top, text) in enumerate(found):
            for left_, bottom_, right_, top_, other in found[place + 1 :]:
                across = min(right, right_) - max(left, left_)
                down = min(top, top_) - max(bottom, bottom_)
                if across > 1 and down > min(top - bottom, top_ - bottom_) / 2:
                    faults.append((text, other))
    return faults


LONG_NAME = "Wolfeschlegelsteinhausenbergerdorff Maximiliana Alexandrina von und zu Hohenlohe-Waldenburg " * 2
LONGEST = replace(
    MADRID,
    name=LONG_NAME[:115],
    line1="Avenida de los Reyes Católicos, número 123, escalera B, piso 4.º, puerta 2.ª, " * 2,
    line2="Urbanización Los Almendros, fase segunda, junto al polideportivo municipal, " * 2,
    city="Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch",
    region="Comunidad de Madrid",
)


@pytest.mark.requirement("M-10")
@pytest.mark.parametrize("company", ["", "Decoración y Regalos Núñez Hermanos, S. L. " * 4])
def test_a_label_holds_the_longest_address_whole(company):
    address = replace(LONGEST, company=company)

    made = label(order(), address)

    text = flat(pages(made)[0])
    for said in (address.name, address.line1, address.line2, address.city, "SPAIN", address.phone, company):
        assert flat(said) in text, said
    # Above the line that the code stands below, 83 mm from the label's head.
    [((_, high), found)] = boxes(made)
    [phone] = [bottom for _, bottom, _, _, text in found if address.phone in text]
    assert high - phone < 80 * 72 / 25.4
    assert overlapping(made) == []


@pytest.mark.requirement("M-10")
def test_an_address_that_no_size_makes_fit_is_refused_aloud():
    long = replace(LONDON, name="超" * 200, company="長" * 200, line1="住" * 200, line2="所" * 200)

    with pytest.raises(text_fitting.DoesNotFit, match="too long for a readable label"):
        label(order(), long)


@pytest.mark.requirement("M-11")
@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize(("registered", "legal"), [(300, 360), (300, 2000), (300, 0), (40, 360), (0, 0)])
def test_the_foot_is_whole_on_each_page_however_long_it_is(language, registered, legal):
    sentence = "Handelsregister Amtsgericht München HRB 123456, Geschäftsführerin: Erika Mustermann; "
    seller = replace(
        SELLER,
        registration=(sentence * 30)[:registered],
        legal_text={language: (sentence.lower() * 30)[:legal]} if legal else {},
    )
    placed = replace(order(60, locale=language), seller=seller)

    pdf = invoice(placed)

    assert beyond_the_page(pdf, spare=14) == []
    assert overlapping(pdf) == []
    for text in pages(pdf):
        assert flat(seller.registration) in flat(text)
    assert flat(seller.legal_text.get(language, "")) in flat("".join(pages(pdf)))


@pytest.mark.requirement("M-11")
@pytest.mark.parametrize("language", languages())
def test_what_is_carried_forward_stands_below_the_pages_number(language):
    words = words_in(language, "papers")
    placed = grown(order(60, locale=language), 10**9)

    first = pages(invoice(placed))[0]

    assert re.search(rf"{words['page']} 1 {words['of']} \d+\n{words['carried']}", first)


@pytest.mark.requirement("M-33")
@pytest.mark.parametrize(
    ("country", "said"),
    [("AT", "§ 6 Abs. 1 Z 27 UStG"), ("DE", "§ 19 UStG"), ("ES", "Ley 37/1992"), ("US", "")],
)
def test_the_legal_sentence_of_a_small_business_is_on_its_invoices(country, said):
    placed = order(2, market="eu", rates=(0,))
    place = replace(SELLER.address, country=country)
    small = replace(SELLER, address=place, vat_number="12/345/67890")

    [text] = pages(invoice(replace(placed, seller=small)))

    assert said in text
    assert "Tax no. 12/345/67890" in text
    assert "xempt" not in text
    assert "UStG" not in pages(invoice(placed))[0]


@pytest.mark.requirement("M-32")
@pytest.mark.parametrize(
    ("language", "name"),
    [
        ("en", "Date of supply"),
        ("es", "Fecha de la operación"),
        ("de", "Leistungsdatum"),
        ("fr", "Date de livraison"),
    ],
)
def test_an_invoice_tells_when_its_goods_left(language, name):
    placed = order(2, locale=language, market="eu")
    one = invoice_of(placed, supplied_from=date(2026, 3, 5), supplied_until=date(2026, 3, 5))
    several = replace(one, supplied_until=date(2026, 3, 9))

    texts = [
        pages(rendering.render(PaperKind.INVOICE, each, NUMBER, ISSUED_ON).pdf)[0]
        for each in (one, several, invoice_of(placed))
    ]

    assert [name in text for text in texts] == [True, True, False]
    assert [" – " in text for text in texts] == [False, True, False]  # noqa: RUF001


@pytest.mark.requirement("M-32")
@pytest.mark.parametrize(
    ("market", "method", "covered", "drawn"),
    [
        ("eu", "transfer", False, True),
        ("eu", "transfer", True, False),
        ("eu", "online", False, False),
        ("gb", "transfer", False, False),
    ],
)
def test_an_unpaid_transfer_in_euros_is_filled_in_by_the_banks_app(market, method, covered, drawn):
    placed = order(2, market=market, method=method, covered=covered)

    layout = rendering._laid_out(PaperKind.INVOICE, invoice_of(placed), NUMBER, ISSUED_ON, b"")

    # EPC069-12, version 2: the receiver, an amount, and what the transfer is for.
    total = f"{Decimal(placed.totals.total_minor).scaleb(-2).normalize():f}"
    told = ["BCD", "002", "1", "SCT", "", "Acme Gifts Limited", "GB29NWBK60161331926819", f"EUR{total}"]
    code = drawings.qr_code("\n".join([*told, "", "", "GB-000042"]))
    [path] = re.findall(' d="([^"]+)"', code)
    assert (path in layout.html) == drawn


@pytest.mark.requirement("M-32")
def test_the_code_of_a_transfer_is_drawn_for_the_longest_names_and_amounts_or_not_at_all():
    for name in ("A" * 200, "株" * 200, "🎁" * 200, " Acme "):
        assert drawings.epc_code(name, SELLER.iban, 99_999_999_999, "EUR", "GB-000042" * 4)
    for amount, currency in ((0, "EUR"), (100_000_000_000, "EUR"), (100, "GBP")):
        assert drawings.epc_code("Acme", SELLER.iban, amount, currency, "GB-1") == ""
