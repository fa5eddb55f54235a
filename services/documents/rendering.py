"""Renders documents as PDF from their frozen content.

The one module that imports WeasyPrint, and only the rendering worker imports it: api, worker and agent
stay light.

What makes it fast (measured in tests/benchmarks/rendering.py): fonts and style sheets are read once and
shared by all papers, tables are fixed, selectors few, and nothing is laid out by flex or grid.
The same content gives the same bytes, so a render repeated after a crash is stored as the same file.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from functools import lru_cache
from hashlib import sha256
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any

from markupsafe import Markup
from pypdf import PdfReader, PdfWriter
from weasyprint import CSS, HTML, Attachment, Document
from weasyprint.text.ffi import harfbuzz_subset
from weasyprint.urls import URLFetcher, URLFetcherResponse

from services.documents import drawings, text_fitting, typefaces
from services.documents.domain.papers import Content, PrintKind, TooLong
from services.documents.domain.printed_shipments import PrintedShipment, picks
from services.documents.wording import Wording, wording_of
from shared import clock
from shared.colours import brand_colours
from shared.events.snapshots import OrderSnapshot, PaperKind, Parcel, SellerBlock
from shared.logging import logger
from shared.postal import postal_lines
from shared.vat import vat_identifier
from shared.wording import Words, templates_in

log = logger(__name__)
# It would write eight lines a paper.
logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)

TEMPLATES = Path(__file__).with_name("templates")
LOGO_URL = "waybill:logo"
MOST_PAGES = 400
NUMBER_TO_COME = "0" * 24
MOST_PAGES_OF_A_PRINT = 1_000
USUAL_MARGIN_MM = 30.0  # at the foot of a page
FOOT_SPARE_MM = 9.0  # of it: above the foot, and where printers do not reach
MOST_NAMED = 20  # characters that can't be printed
_LOGO = Markup('<img class="emblem" src="{}" alt="">').format(LOGO_URL)


def warn_of_slow_fonts(subsetter: object = harfbuzz_subset) -> bool:
    """Warn loudly in the log if fonts are embedded the slow way, and return whether they are.

    Without libharfbuzz-subset WeasyPrint falls back to fontTools: invoices take twice, labels many
    times as long, which no one sees until the queue grows.
    """
    if subsetter is None:
        log.error(
            "harfbuzz_subset_missing", remedy="install libharfbuzz-subset (Debian: libharfbuzz-subset0)"
        )
    return subsetter is None


FONTS = {path.as_uri(): path for path in typefaces.LATO}


@dataclass(frozen=True)
class Rendered:
    """A rendered document."""

    pdf: bytes
    unprintable: str = ""  # the characters that no typeface has, each once; a mark stands in their places


@dataclass(frozen=True)
class _Layout:
    document: Document
    html: str
    unprintable: str


class FontsOnly(URLFetcher):
    """Fetches only the package's fonts and the given logo: no other file, no URL."""

    def __init__(self, logo: bytes = b"") -> None:
        super().__init__()
        self._logo = logo

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002
        """The bytes of a bundled font or of the logo; raises ValueError for any other URL."""
        if self._logo and url == LOGO_URL:
            return URLFetcherResponse(url, self._logo)
        if url not in FONTS:
            raise ValueError(f"a document may not fetch {url}")
        return URLFetcherResponse(url, FONTS[url].read_bytes(), {"Content-Type": "font/ttf"})


_fetcher = FontsOnly()
_fonts = typefaces.only_ours()
_environment = templates_in(TEMPLATES, auto_reload=False, finalize=typefaces.isolated)
_environment.globals |= {
    "postal_lines": postal_lines,
    "room": text_fitting.room,
    "fitted": text_fitting.fitted,
    "require_fit": text_fitting.require_fit,
}


def _css(text: str) -> CSS:
    return CSS(string=text, font_config=_fonts, url_fetcher=_fetcher)


_bold, _regular = FONTS
_FACES = _css(
    f"@font-face {{ font-family: Lato; src: url({_regular}) }}"
    f"@font-face {{ font-family: Lato; font-weight: 700; src: url({_bold}) }}"
)
_SHEETS = {name: _css((TEMPLATES / f"{name}.css").read_text()) for name in ("a4", "label")}
_LAYOUTS = {
    PaperKind.INVOICE: ("invoice.html", "a4"),
    PaperKind.CREDIT_NOTE: ("invoice.html", "a4"),
    PaperKind.DELIVERY_NOTE: ("delivery_note.html", "a4"),
    PaperKind.PACKING_SLIP: ("packing_slip.html", "a4"),
    PaperKind.RETURN_SLIP: ("return_slip.html", "a4"),
    PaperKind.ORDER_PRINTOUT: ("order_printout.html", "a4"),
    PaperKind.PAYMENT_RECEIPT: ("payment_receipt.html", "a4"),
    PaperKind.LABEL: ("label.html", "label"),
}


@lru_cache(maxsize=256)
def _accents(colour: str, page: str, of: str, margin_mm: float) -> CSS:
    """The few styles that depend on seller and language."""
    return _css(
        f"@page {{ margin-bottom: {margin_mm:.1f}mm }}"
        f'@page {{ @bottom-right {{ content: "{page} " counter(page) " {of} " counter(pages)'
        ' "\\A" string(carried, last) } }'
        f"h1, .grand th, .grand td {{ color: {colour} }} thead th {{ border-color: {colour} }}"
    )


@lru_cache(maxsize=8)
def _han(family: str) -> CSS:
    return _css(f"body {{ font-family: Lato, 'Noto Sans', '{family}', sans-serif }}")


def render(  # noqa: PLR0917 - each is of another type
    kind: PaperKind,
    content: Content,
    number: str = "",
    issued_on: date | None = None,
    logo: bytes = b"",
    einvoice: bytes = b"",
) -> Rendered:
    """Render a document as PDF in the order's locale; A4, or 100 by 150 mm for a label.

    Number and legal date are those of the series, for the kinds that have one. With an e-invoice it is
    PDF/A-3b and carries that XML, as Factur-X has it. Raises TooLong, but not once there is a number: a paper
    that has one must come to be.
    """
    layout = _laid_out(kind, content, number, issued_on, logo)
    if not number:
        _require_few(layout.document.pages)
    return _written(layout, logo, einvoice, issued_on)


def rehearse(kind: PaperKind, content: Content, logo: bytes = b"") -> None:
    """Lay out a document before it is numbered, to raise the errors that rendering it would, and TooLong."""
    today = clock.now().date()
    _require_few(_laid_out(kind, content, NUMBER_TO_COME, today, logo).document.pages)


def _require_few(pages: Sequence[object]) -> None:
    if len(pages) > MOST_PAGES:
        raise TooLong(f"{len(pages)} pages; {MOST_PAGES} at most")


def _laid_out(kind: PaperKind, content: Content, number: str, issued_on: date | None, logo: bytes) -> _Layout:
    order = content.order
    wording = wording_of(order, order.locale)
    template, sheet = _LAYOUTS[kind]
    context: dict[str, Any] = {
        "kind": kind.value,
        "content": content,
        "order": order,
        "number": number,
        "issued_on": issued_on,
        "line_of": {line.line_id: line for line in order.lines},
        "parcels": _parcels(content),
    }
    places = [content.address, order.people.billing, *order.people.delivery.values()]
    country = next((place.country for place in places if place), "")
    return _lay_out(template, sheet, order.seller, wording, logo, context, country)


def render_shipments(
    kind: PrintKind, shipments: Sequence[PrintedShipment], printed_at: datetime, logo: bytes = b""
) -> Rendered:
    """Render a pick list or courier sheet for one seller's shipments, in the market's language."""
    first = shipments[0].order
    wording = wording_of(first, first.market.locale)
    context: dict[str, Any] = {
        "kind": kind.value,
        "order": None,
        "number": "",
        "shipments": shipments,
        "picks": picks(shipments),
        "printed_at": printed_at,
    }
    country = next((one.address.country for one in shipments if one.address), "")
    layout = _lay_out(f"{kind}.html", "a4", first.seller, wording, logo, context, country)
    _require_few(layout.document.pages)
    return _written(layout, logo)


def put_together(pdfs: Sequence[bytes]) -> Rendered:
    """Combine PDFs page by page; attachments and other extras are dropped.

    For papers of ours, and what others sent in once it is rebuilt. Raises TooLong.
    """
    writer = PdfWriter()
    for pdf in pdfs:
        for page in PdfReader(BytesIO(pdf)).pages:
            writer.add_page(page)
        if len(writer.pages) > MOST_PAGES_OF_A_PRINT:
            raise TooLong(f"more than {MOST_PAGES_OF_A_PRINT} pages")
    writer.compress_identical_objects()
    whole = BytesIO()
    writer.write(whole)
    return Rendered(whole.getvalue())


def _lay_out(  # noqa: PLR0917 - each is of another type
    template: str,
    sheet: str,
    seller: SellerBlock,
    wording: Wording,
    logo: bytes,
    context: dict[str, Any],
    country: str,
) -> _Layout:
    words = wording.words("papers")
    no_foot: tuple[list[str], str, float] = [], "", USUAL_MARGIN_MM
    foot, small_print, margin_mm = (
        _foot(seller, context["order"], wording, words) if sheet == "a4" else no_foot
    )
    colour, _ = brand_colours(seller.colour)
    html = _environment.get_template(template).render(
        context,
        seller=seller,
        words=words,
        wording=wording,
        language=wording.language,
        title=words(f"title.{context['kind']}"),
        emblem=_LOGO if logo else drawings.monogram(seller.name, "#000000" if sheet == "label" else colour),
        barcode=drawings.barcode,
        qr_code=drawings.qr_code,
        epc_code=drawings.epc_code,
        foot=foot,
        small_print=small_print,
    )
    sheets = [_FACES, _SHEETS[sheet]]
    if sheet == "a4":
        sheets.append(_accents(colour, words["page"], words["of"], margin_mm))
    html = html.replace(text_fitting.NARROW_SPACE, "\u00a0")
    lacking = typefaces.unprintable(html)
    if lacking:
        html = html.translate(dict.fromkeys(map(ord, lacking), typefaces.MARK))
        if sheet == "a4":  # a label has no room for more than the marks
            html = html.replace("</body>", _note_of(lacking, words) + "</body>")
    if family := typefaces.han_family(html, country):
        sheets.append(_han(family))
    fetcher = FontsOnly(logo) if logo else _fetcher
    document = HTML(string=html, url_fetcher=fetcher).render(stylesheets=sheets, font_config=_fonts)
    return _Layout(document, html, lacking)


def _foot(
    seller: SellerBlock, order: OrderSnapshot | None, wording: Wording, words: Words
) -> tuple[list[str], str, float]:
    """Footer lines, text moved to the end instead, and the bottom margin they need, in mm.

    A legal text that the usual margin has no room for goes to the end.
    """
    called = words["vat_number" if vat_identifier(seller.vat_number) else "tax_number"]
    number = f"{called} {seller.vat_number}" if seller.vat_number else ""
    ordered = f"{words['order']} {order.number}" if order else ""
    place = [*postal_lines(seller.address), wording.country(seller.address.country)]
    told = [
        f"{seller.legal_name} · {', '.join(place)}",
        " · ".join(filter(None, (number, seller.registration))),
        " · ".join(filter(None, (seller.email, seller.phone, ordered))),
    ]
    legal = wording.chosen(seller.legal_text)
    foot = [line for line in told if line]
    whole = [*foot, legal] if legal else foot
    if text_fitting.foot_lines(whole) <= text_fitting.FOOT_LINES:
        return whole, "", USUAL_MARGIN_MM
    margin_mm = FOOT_SPARE_MM + text_fitting.foot_lines(foot) * text_fitting.FOOT_LINE_MM
    return foot, legal, max(USUAL_MARGIN_MM, margin_mm)


def _note_of(lacking: str, words: Words) -> str:
    names = ", ".join(f"U+{ord(character):04X}" for character in lacking[:MOST_NAMED])
    said = words("unprintable", mark=typefaces.MARK, characters=names)
    return Markup('<p class="small-print">{}</p>').format(said)


def _parcels(content: Content) -> list[Parcel]:
    """The parcels of a shipment with their contents; one without its own list holds the whole shipment."""
    shipment = content.shipment
    if shipment is None:
        return []
    boxes = shipment.parcels or (
        Parcel(parcel_id=shipment.shipment_id, carrier="", tracking_number="", tracking_url=""),
    )
    return [box if box.lines else replace(box, lines=shipment.lines) for box in boxes]


def _written(layout: _Layout, logo: bytes, einvoice: bytes = b"", issued_on: date | None = None) -> Rendered:
    # The file's identity follows from its content; by itself it would have none.
    identity = sha256(layout.html.encode() + logo + einvoice).digest()[:16]
    options: dict[str, Any] = {"pdf_identifier": identity}
    if einvoice:
        assert issued_on is not None
        options |= {"pdf_variant": "pdf/a-3b", "attachments": [_attached(einvoice, issued_on)]}
        options["finisher"] = _name_attachments_once
        _describe_as_factur_x(layout.document)
    return Rendered(layout.document.write_pdf(**options), layout.unprintable)


def _attached(einvoice: bytes, issued_on: date) -> Attachment:
    at = datetime(issued_on.year, issued_on.month, issued_on.day)  # noqa: DTZ001 - the PDF shows a date
    return Attachment(
        file_obj=BytesIO(einvoice),
        name="factur-x.xml",
        description="Factur-X",
        relationship="Alternative",  # the same invoice once more, for machines
        created=at,
        modified=at,
    )


def _name_attachments_once(_document: Document, pdf: Any) -> None:
    """Remove duplicates: WeasyPrint lists an attachment both by its name and by its object."""
    pdf.catalog["AF"][:] = dict.fromkeys(pdf.catalog["AF"])


def _describe_as_factur_x(document: Document) -> None:
    """Add Factur-X to the PDF's metadata: in the single RDF block, where PDF/A readers expect it."""
    plain = document.metadata.generate_rdf_metadata

    def generate(variant: str, version: int, conformance: str) -> bytes:
        rdf: bytes = plain(variant, version, conformance)
        return rdf.replace(b"</rdf:RDF>", _factur_x_metadata() + b"</rdf:RDF>")

    document.metadata.generate_rdf_metadata = generate


@lru_cache(maxsize=1)
def _factur_x_metadata() -> bytes:
    given = (files("facturx") / "xmp" / "Factur-X_extension_schema.xmp").read_text()
    inner = given[given.index("<rdf:Description") : given.rindex("</rdf:RDF>")]
    return inner.replace("BASIC", "EN 16931").encode()
