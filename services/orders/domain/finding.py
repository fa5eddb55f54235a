"""How orders are found: by exact words, and by a part of a name."""

from enum import StrEnum

from shared.tracking_numbers import normalise

# Digits at the end of a number that tell telephones apart, whatever stands before them: +44, 0044, 0.
PHONE_DIGITS = 9
# PostgreSQL's trigram index can look up a run of so many letters or digits anywhere in a name.
TRIGRAM = 3


class WordKind(StrEnum):
    """What kind of word an order is found by, the rarest first."""

    TRACKING_NUMBER = "tracking_number"
    INVOICE_NUMBER = "invoice_number"  # or a credit note's
    REFERENCE = "reference"  # the shop's own number
    EMAIL = "email"
    PHONE = "phone"
    SKU = "sku"
    TAG = "tag"
    QUEUE = "queue"  # the seller's: domain.views.Queue; by itself, and with its seller before it


def word_of(kind: WordKind, text: str) -> str:
    """A text in the one form in which words of its kind are kept and looked up; empty if it says nothing."""
    if kind is WordKind.PHONE:
        return "".join(filter(str.isdecimal, text))[-PHONE_DIGITS:]
    if kind is WordKind.TRACKING_NUMBER:
        text = normalise(text)
    return text.strip().casefold()


def name_patterns(typed: str) -> list[str]:
    r"""The LIKE patterns, of which a name must match one, for what was typed; none if that has no letter.

    It matches anywhere in the name, and a `%` in it stands for anything; `_` and `\` mean themselves. Fewer
    than three letters in a row match where a word begins, for nothing else could be looked up.
    """
    body = "%".join(_literal(piece) for piece in typed.strip().split("%")).strip("%")
    longest = max(map(len, "".join(one if one.isalnum() else " " for one in typed).split()), default=0)
    if longest >= TRIGRAM:
        return [f"%{body}%"]
    return [f"{body}%", f"% {body}%"] if longest else []


def exactly(text: str) -> str:
    """The LIKE pattern of a text, taken literally."""
    return _literal(text).replace("%", "\\%")


def containing(text: str) -> str:
    """The LIKE pattern of whatever has a text in it, taken literally."""
    return f"%{exactly(text)}%"


def _literal(text: str) -> str:
    return text.replace("\\", "\\\\").replace("_", "\\_")
