"""What fits where on a document: text measured in its typeface before layout."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import ceil

from fontTools.ttLib import TTFont

from services.documents import typefaces
from services.documents.domain.papers import Unprintable

MM_OF_A_POINT = 25.4 / 72
FOOT_WIDTH_MM, FOOT_POINTS, FOOT_LEADING = 140.0, 7.0, 1.4
FOOT_LINES = 6  # what the usual margin has room for
FOOT_LINE_MM = FOOT_POINTS * FOOT_LEADING * MM_OF_A_POINT
NARROW_SPACE = "\u202f"  # between the thousands of French figures; Lato has none: the usual one stands
_FIGURE_PADDING_MM = 3.4
_STEP = 0.5  # of a point
_SPARE = 0.98  # of a width: kerning and rounding


class DoesNotFit(Unprintable):
    """Text that a label must show doesn't fit in any readable size."""


def width_mm(text: str, points: float, *, bold: bool = False) -> float:
    """The width of a text on one line, in millimetres; glyphs missing from Lato count as a square."""
    advances = _advances(bold)
    text = text.replace(NARROW_SPACE, " ")
    return sum(advances.get(character, 1.0) for character in text) * points * MM_OF_A_POINT


def room(least_mm: float, texts: Iterable[str], points: float = 9, *, bold: bool = False) -> float:
    """The width a column of figures needs so that none of them wraps, in millimetres."""
    return max(
        [least_mm, *(width_mm(text, points, bold=bold) + _FIGURE_PADDING_MM for text in texts if text)]
    )


def lines_of(text: str, points: float, across_mm: float, *, bold: bool = False) -> int:
    """How many lines a text takes at this width; longer words are broken."""
    across_mm *= _SPARE
    space = width_mm(" ", points, bold=bold)
    lines, at = 1, 0.0
    for word in text.split():
        wide = width_mm(word, points, bold=bold)
        if at and at + space + wide > across_mm:
            lines, at = lines + 1, 0.0
        if wide > across_mm:
            lines += ceil(wide / across_mm) - 1
            at = wide % across_mm
        else:
            at += wide + (space if at else 0)
    return lines


def foot_lines(texts: Sequence[str]) -> int:
    """How many lines texts take in a page footer; the first may be bold."""
    return sum(
        lines_of(text, FOOT_POINTS, FOOT_WIDTH_MM, bold=place == 0) for place, text in enumerate(texts)
    )


def fitted(
    texts: Sequence[tuple[str, float]],
    size_mm: tuple[float, float],
    points: float,
    least: float,
    leading: float = 1.25,
) -> float:
    """The largest font size, in points, at which texts fit into a box, each on one or more lines.

    Each is given with how large it is beside the others; what is larger is bold. Answers the least size where
    not even that fits.
    """
    across, down = size_mm
    while points > least and _height(texts, points, across, leading) > down:
        points -= _STEP
    return points


def require_fit(
    texts: Sequence[tuple[str, float]],
    size_mm: tuple[float, float],
    points: float,
    least: float,
    leading: float = 1.25,
) -> float:
    """Like `fitted`, for text that must be readable in full; raises DoesNotFit."""
    points = fitted(texts, size_mm, points, least, leading)
    if _height(texts, points, size_mm[0], leading) > size_mm[1]:
        raise DoesNotFit("the address is too long for a readable label: shorten it in the order")
    return points


def _height(texts: Sequence[tuple[str, float]], points: float, across_mm: float, leading: float) -> float:
    return sum(
        lines_of(text, points * size, across_mm, bold=size > 1) * points * size * leading * MM_OF_A_POINT
        for text, size in texts
        if text
    )


@lru_cache(maxsize=2)
def _advances(bold: bool) -> dict[str, float]:
    heavy, regular = typefaces.LATO
    with TTFont(heavy if bold else regular, lazy=True) as font:
        em, advances = font["head"].unitsPerEm, font["hmtx"].metrics
        return {chr(code): advances[glyph][0] / em for code, glyph in font.getBestCmap().items()}
