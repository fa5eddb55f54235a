"""Papers as PDF: what a frozen content looks like.

The one module that imports WeasyPrint, and only the rendering worker imports it: api, worker and agent
stay light.

What makes it fast (measured in tests/benchmarks/rendering.py): fonts and style sheets are read once and
shared by all papers, tables are fixed, selectors few, and nothing is laid out by flex or grid.
The same content gives the same bytes, so a render repeated after a crash is stored as the same file.
"""

import logging
import re
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from hashlib import sha256
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date
from babel.numbers import format_decimal, format_percent, get_currency_precision
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from weasyprint import CSS, HTML
from weasyprint.text.ffi import harfbuzz_subset
from weasyprint.text.fonts import FontConfiguration
from weasyprint.urls import URLFetcher, URLFetcherResponse

from services.documents import drawings
from services.documents.domain.papers import Content, PaperKind
from shared.events.snapshots import SellerBlock
from shared.logging import logger
from shared.money import BASIS_POINTS, Money

log = logger(__name__)
# It would write eight lines a paper.
logging.getLogger("weasyprint.progress").setLevel(logging.WARNING)

TEMPLATES = Path(__file__).with_name("templates")
DEFAULT_COLOUR = "#1f4e5f"
BRITISH = Locale("en", "GB")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def warn_of_slow_fonts(subsetter: object = harfbuzz_subset) -> bool:
    """Whether fonts are embedded the slow way, said loudly in the log.

    Without libharfbuzz-subset WeasyPrint falls back to fontTools: invoices take twice, labels many
    times as long, which no one sees until the queue grows.
    """
    if subsetter is None:
        log.error(
            "harfbuzz_subset_missing", remedy="install libharfbuzz-subset (Debian: libharfbuzz-subset0)"
        )
    return subsetter is None


def _font_urls() -> dict[str, Path]:
    spec = find_spec("font_lato")
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError("the package font-lato is not installed")
    folder = Path(spec.origin).with_name("files")
    return {path.as_uri(): path for path in (folder / "Lato-Regular.ttf", folder / "Lato-Bold.ttf")}


FONTS = _font_urls()


class FontsOnly(URLFetcher):
    """Fetches the fonts of the package and nothing else: no other file, no address."""

    def fetch(self, url: str, headers: dict[str, str] | None = None) -> URLFetcherResponse:  # noqa: ARG002
        """The bytes of one of the package's fonts; raises ValueError for any other address."""
        if url not in FONTS:
            raise ValueError(f"a paper may not fetch {url}")
        return URLFetcherResponse(url, FONTS[url].read_bytes(), {"Content-Type": "font/ttf"})


_fetcher = FontsOnly()
_fonts = FontConfiguration()
_environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    auto_reload=False,
)


def _css(text: str) -> CSS:
    return CSS(string=text, font_config=_fonts, url_fetcher=_fetcher)


_regular, _bold = FONTS
_FACES = _css(
    f"@font-face {{ font-family: Lato; src: url({_regular}) }}"
    f"@font-face {{ font-family: Lato; font-weight: 700; src: url({_bold}) }}"
)
_SHEETS = {name: _css((TEMPLATES / f"{name}.css").read_text()) for name in ("a4", "label")}
_LAYOUTS = {
    PaperKind.INVOICE: ("invoice.html", "a4"),
    PaperKind.CREDIT_NOTE: ("invoice.html", "a4"),
    PaperKind.DELIVERY_NOTE: ("delivery_note.html", "a4"),
    PaperKind.LABEL: ("label.html", "label"),
}


@lru_cache(maxsize=256)
def _accents(colour: str, page: str, of: str) -> CSS:
    """The little style that differs by seller and language."""
    return _css(
        f'@page {{ @bottom-right {{ content: "{page} " counter(page) " {of} " counter(pages) }} }}'
        f"h1, .grand th, .grand td {{ color: {colour} }} thead th {{ border-color: {colour} }}"
    )


def languages() -> list[str]:
    """The languages that papers speak: one catalogue of words each."""
    return sorted(path.stem for path in (TEMPLATES / "words").glob("*.toml"))


@lru_cache
def words(language: str) -> dict[str, Any]:
    """A language's catalogue, one TOML file.

    Papers have fixed words and no plurals: gettext's compile step and tools would buy nothing here.
    """
    return tomllib.loads((TEMPLATES / "words" / f"{language}.toml").read_text())


@lru_cache
def locale_of(wanted: str, market: str) -> Locale:
    """The locale a paper is written in: the order's, with the market's territory where it names none.

    A language without a catalogue falls back to the market's, then to British English; English of no
    territory is British too, whose dates nobody takes for others.
    """
    for candidate in (wanted, market):
        try:
            locale = Locale.parse(candidate.replace("-", "_"))
        except (ValueError, UnknownLocaleError):
            continue
        if locale.language in languages():
            break
    else:
        return BRITISH
    if locale.territory is None and market.replace("_", "-").startswith(f"{locale.language}-"):
        return Locale.parse(market.replace("-", "_"))
    return BRITISH if locale == Locale("en") else locale


@dataclass(frozen=True)
class Wording:
    """How amounts, dates and places are written in a locale."""

    locale: Locale
    currency: str
    time_zone: ZoneInfo

    def money(self, minor: int) -> str:
        """An amount with its currency: £1,234.50 or 1234,50 €."""
        return Money(minor, self.currency).show(str(self.locale))

    def figure(self, minor: int) -> str:
        """An amount without its currency, for columns."""
        precision = get_currency_precision(self.currency)
        pattern = "#,##0." + "0" * precision if precision else "#,##0"
        return format_decimal(Decimal(minor).scaleb(-precision), pattern, locale=self.locale)

    def number(self, number: float) -> str:
        """A count or measure."""
        return format_decimal(number, locale=self.locale)

    def percent(self, basis_points: int) -> str:
        """A rate: 20 % is 2,000 basis points."""
        return format_percent(
            Decimal(basis_points) / BASIS_POINTS, locale=self.locale, decimal_quantization=False
        )

    def day(self, moment: date | datetime) -> str:
        """A legal date, or the date of an instant in the market's time zone, spelled out."""
        if isinstance(moment, datetime):
            moment = moment.astimezone(self.time_zone).date()
        return format_date(moment, "long", locale=self.locale)

    def country(self, code: str) -> str:
        """A country's name."""
        name: str = self.locale.territories.get(code.upper(), code)
        return name

    def legal_text(self, seller: SellerBlock) -> str:
        """What the law or the seller wants at the foot of its papers."""
        texts = seller.legal_text
        for key in (str(self.locale), str(self.locale).replace("_", "-"), self.locale.language):
            if key in texts:
                return texts[key]
        return next(iter(texts.values()), "")


def render(kind: PaperKind, content: Content, number: str = "", issued_on: date | None = None) -> bytes:
    """A paper as PDF bytes, in the order's locale; A4, or 100 by 150 mm for a label.

    Number and legal date are those of the series, for the kinds that have one.
    """
    order = content.order
    locale = locale_of(order.locale, order.market.locale)
    catalogue = words(locale.language)
    colour = order.seller.colour if COLOUR.fullmatch(order.seller.colour) else DEFAULT_COLOUR
    wording = Wording(locale, order.currency, ZoneInfo(order.market.time_zone))
    template, sheet = _LAYOUTS[kind]
    context: dict[str, Any] = {
        "kind": kind.value,
        "content": content,
        "order": order,
        "seller": order.seller,
        "number": number,
        "issued_on": issued_on,
        "words": catalogue,
        "wording": wording,
        "language": locale.language,
        "monogram": drawings.monogram(order.seller.name, "#000000" if sheet == "label" else colour),
        "barcode": drawings.barcode,
        "qr_code": drawings.qr_code,
    }
    html = _environment.get_template(template).render(context)
    sheets = [_FACES, _SHEETS[sheet]]
    if sheet == "a4":
        sheets.append(_accents(colour, catalogue["page"], catalogue["of"]))
    return _pdf(html, sheets)


def _pdf(html: str, sheets: list[CSS]) -> bytes:
    write: Callable[..., bytes] = HTML(string=html, url_fetcher=_fetcher).write_pdf
    # The file's identity follows from its content; by itself it would have none.
    identity = sha256(html.encode()).digest()[:16]
    return write(stylesheets=sheets, font_config=_fonts, pdf_identifier=identity)
