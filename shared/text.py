"""Which characters text may contain on input, and how to clean it on output."""

import re
import unicodedata
from typing import TypeVar

from markupsafe import Markup

# What XML 1.0 has no place for (halves of surrogate pairs, two that are no characters) and control
# characters. Of those a text of several lines has tabs and newlines.
_NEVER = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff"
_NOT_IN_LINES = re.compile(f"[{_NEVER}]+")
_NOT_IN_A_LINE = re.compile(f"[{_NEVER}\t\n\r\u2028\u2029]+")
_LINE_ENDS = re.compile(r"\r\n?")

T = TypeVar("T")


class UnfitText(ValueError):  # noqa: N818 - reads as what it is
    """A text contains forbidden characters; says which."""


def accepted(text: str, *, lines: bool = False) -> str:
    """An accepted input text: in NFC, with normalised newlines if several lines are allowed.

    Raises UnfitText for control characters, halves of surrogate pairs and what XML 1.0 can't hold.
    """
    if text.isascii() and text.isprintable():
        return text
    if lines:
        text = _LINE_ENDS.sub("\n", text)
    unfit = _NOT_IN_LINES if lines else _NOT_IN_A_LINE
    if found := unfit.search(text):
        raise UnfitText(f"may not contain control or similar characters (U+{ord(found[0][0]):04X})")
    return unicodedata.normalize("NFC", text)


def one_line(text: str) -> str:
    """Any text as a single line; characters not allowed on one become spaces."""
    return unicodedata.normalize("NFC", _NOT_IN_A_LINE.sub(" ", text)).strip()


def legible(value: T) -> T:
    """A value for a document, e-mail or file, without unprintable characters; markup stays markup.

    For what was kept before all that comes in was held to `accepted`.
    """
    if not isinstance(value, str) or _NOT_IN_LINES.search(value) is None:
        return value
    left = _NOT_IN_LINES.sub("", value)
    return Markup(left) if isinstance(value, Markup) else left  # type: ignore[return-value] # noqa: S704 - it was


def all_legible(value: T) -> T:
    """`legible` applied to every text in nested lists and mappings."""
    if isinstance(value, dict):
        return {name: all_legible(part) for name, part in value.items()}  # type: ignore[return-value]
    if isinstance(value, list):
        return [all_legible(part) for part in value]  # type: ignore[return-value]
    return legible(value)
