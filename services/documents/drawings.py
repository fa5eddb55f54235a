"""Graphics on documents: a seller's monogram, Code 128 and QR codes, as SVG paths, sharp at any size."""

from collections.abc import Iterable, Sequence
from decimal import Decimal
from itertools import groupby

import segno
from barcode.codex import Code128
from markupsafe import Markup
from segno.helpers import make_epc_qr

from shared.colours import brand_colours

MOST_OF_A_TRANSFER_MINOR = 10**11  # EPC069-12: 999,999,999.99 at most
QUIET_MODULES = 10  # the blank margin that scanners need on both sides of a Code 128


def monogram(name: str, colour: str) -> Markup:
    """A seller's initials on a rounded square in its colour, used until it uploads a logo."""
    words = [word for word in name.split() if word[0].isalnum()]
    initials = "".join(word[0] for word in words[:2]).upper() or "?"
    size = 46 if len(initials) > 1 else 54
    return Markup(
        '<svg class="emblem" viewBox="0 0 100 100"><rect width="100" height="100" rx="22" fill="{}"/>'
        '<text x="50" y="{}" font-family="Lato" font-weight="700" font-size="{}" text-anchor="middle"'
        ' fill="{}">{}</text></svg>'
    ).format(colour, 50 + size * 0.36, size, brand_colours(colour)[1], initials)


def barcode(text: str) -> Markup:
    """Code 128 of printable ASCII, stretched to the given width; empty for other text."""
    if not (text.isascii() and text.isprintable()):
        return Markup()
    [modules] = Code128(text).build()
    bars = [module == "1" for module in modules]
    return Markup(
        '<svg class="barcode" viewBox="0 0 {} 1" preserveAspectRatio="none">'
        '<path stroke="#000" d="{}"/></svg>'
    ).format(len(bars) + 2 * QUIET_MODULES, _lines([bars], QUIET_MODULES))


def qr_code(text: str) -> Markup:
    """A QR code that survives 15 % damage; the paper around it is its quiet zone."""
    code = segno.make(text, error="m", micro=False)
    modules = [[bool(module) for module in row] for row in code.matrix]
    return Markup('<svg class="qr" viewBox="0 0 {0} {0}"><path stroke="#000" d="{1}"/></svg>').format(
        len(modules), _lines(modules)
    )


def epc_code(name: str, iban: str, amount_minor: int, currency: str, reference: str) -> Markup:
    """The European Payments Council's QR code, which fills in a transfer in banking apps; euros only."""
    if currency != "EUR" or not 0 < amount_minor < MOST_OF_A_TRANSFER_MINOR:
        return Markup()
    code = make_epc_qr(
        name=name[:70].encode()[:210].decode(errors="ignore"),  # of 331 bytes in all
        iban=iban.replace(" ", ""),
        amount=Decimal(amount_minor).scaleb(-2),
        text=reference,
        encoding="utf-8",
    )
    modules = [[bool(module) for module in row] for row in code.matrix]
    return Markup('<svg class="epc" viewBox="0 0 {0} {0}"><path stroke="#000" d="{1}"/></svg>').format(
        len(modules), _lines(modules)
    )


def _lines(rows: Iterable[Sequence[bool]], left: int = 0) -> str:
    """Path data with a one-module-wide line for each dark run, which keeps the path short."""
    path = []
    for y, row in enumerate(rows):
        start = left
        path.append(f"M0 {y}.5")
        pen = 0
        for dark, run in groupby(row):
            length = len(list(run))
            if dark:
                path.append(f"m{start - pen} 0h{length}" if start != pen else f"h{length}")
                pen = start + length
            start += length
    return "".join(path)
