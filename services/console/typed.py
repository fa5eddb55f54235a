"""What people type into fields, as the APIs take it; what is none is left as it is, for them to refuse."""

import re
from decimal import Decimal

from babel.numbers import get_currency_precision

# Longer ones are no number of anything here, and no parser behind us has to bear them.
_WHOLE = re.compile(r"[0-9]{1,15}")
_DECIMAL = re.compile(r"-?(?:[0-9]{1,15}(?:[.,][0-9]{0,6})?|[.,][0-9]{1,6})")
_DIGITS_OF_A_PERCENT = 2  # a basis point


def whole(text: str) -> int | str:
    """A whole number."""
    typed = text.strip()
    return int(typed) if _WHOLE.fullmatch(typed) else text


def minor(text: str, currency: str) -> int | str:
    """An amount of money, with a point or a comma, in minor units of the currency; no part of one is lost."""
    return _scaled(text, get_currency_precision(currency))


def basis_points(text: str) -> int | str:
    """A percentage of nothing or more, with a point or a comma, in hundredths of a percent."""
    return text if text.strip().startswith("-") else _scaled(text, _DIGITS_OF_A_PERCENT)


def _scaled(text: str, digits: int) -> int | str:
    typed = text.strip()
    if not _DECIMAL.fullmatch(typed):
        return text
    number = Decimal(typed.replace(",", ".")).scaleb(digits)
    return int(number) if number == number.to_integral_value() else text
