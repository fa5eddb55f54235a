"""How orders, customers and products are found: by exact words, and by part of a name."""

import unicodedata
from enum import StrEnum

from shared.folding import folded, spellings
from shared.tracking_numbers import normalise

# Digits at the end of a number that tell telephones apart, whatever stands before them: +44, 0044, 0.
PHONE_DIGITS = 9
# PostgreSQL's trigram index can look up a run of so many letters or digits anywhere in a name.
TRIGRAM = 3


class WordKind(StrEnum):
    """The kinds of search word, the rarest first."""

    TRACKING_NUMBER = "tracking_number"
    INVOICE_NUMBER = "invoice_number"  # or a credit note's
    REFERENCE = "reference"  # the shop's own number
    EMAIL = "email"
    PHONE = "phone"
    SKU = "sku"
    TAG = "tag"
    QUEUE = "queue"  # the seller's: domain.shown_statuses.Queue; by itself, and with its seller before it


def word_of(kind: WordKind, text: str) -> str:
    """A text normalised as a search word of its kind; empty if nothing is left to search for."""
    if kind is WordKind.PHONE:
        return "".join(str(unicodedata.decimal(one)) for one in text if one.isdecimal())[-PHONE_DIGITS:]
    if kind is WordKind.TAG:
        return folded(text) or text.strip()
    if kind is WordKind.TRACKING_NUMBER:
        text = normalise(text)
    return text.strip().casefold()


def name_patterns(typed: str) -> list[str]:
    r"""The LIKE patterns for a name search; a searchable name must match one of them.

    It matches anywhere in the name, and a `%` in it stands for anything; `_` and `\` mean themselves. Fewer
    than three letters in a row match where a word begins, for nothing else could be looked up; of none there
    is no pattern.
    """
    return [pattern for spelling in spellings(typed) for pattern in _pattern(spelling)]


def _pattern(spelling: str) -> list[str]:
    body = "%".join(_literal(piece) for piece in spelling.split("%")).strip("%")
    longest = max(map(len, "".join(one if one.isalnum() else " " for one in spelling).split()), default=0)
    if longest >= TRIGRAM:
        return [f"%{body}%"]
    return [f"% {body}%"] if longest else []


def part_patterns(typed: str) -> list[str]:
    """The LIKE patterns for a text search; a searchable text that contains it matches one of them."""
    return [containing(spelling) for spelling in spellings(typed)]


def phone_pattern(typed: str) -> str | None:
    """The LIKE pattern for telephone numbers containing these digits; None if it is not a telephone number.

    The zero that a number begins with at home is in none that begins with its country.
    """
    digits = word_of(WordKind.PHONE, typed).lstrip("0")
    is_phone = not any(one.isalpha() or one == "@" for one in typed)
    return f"%{digits}%" if is_phone and len(digits) >= TRIGRAM else None


def exactly(text: str) -> str:
    """The LIKE pattern that matches exactly this text."""
    return _literal(text).replace("%", "\\%")


def containing(text: str) -> str:
    """The LIKE pattern that matches anything containing this text."""
    return f"%{exactly(text)}%"


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("_", "\\_")
