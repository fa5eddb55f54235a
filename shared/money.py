"""Amounts of money: integers in minor units, rounded half up in one place."""

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from babel import Locale
from babel.core import get_global
from babel.numbers import NumberPattern

BASIS_POINTS = 10_000  # a rate of 20 % is 2,000 basis points

# ISO 4217, list one: the minor units of all currencies that have other than two. CLDR, and so Babel, tells
# how many digits people write: none of the Serbian dinar and of a dozen others that do have minor units.
USUAL_MINOR_DIGITS = 2
_NONE = (
    *("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW"),
    *("PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"),
)
_THREE = ("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND")
_MINOR_DIGITS = dict.fromkeys(_NONE, 0) | dict.fromkeys(_THREE, 3)


@cache
def currencies() -> frozenset[str]:
    """The currencies that are legal tender somewhere today, by ISO 4217 code."""
    by_territory = get_global("territory_currencies").values()
    return frozenset(
        code for told in by_territory for code, _start, end, is_tender in told if is_tender and not end
    )


def minor_digits(currency: str) -> int:
    """The number of decimal places of a currency: two for pounds, none for yen, three for dinars."""
    return _MINOR_DIGITS.get(currency, USUAL_MINOR_DIGITS)


def round_half_up(amount: Decimal) -> int:
    """Round a fraction to whole minor units, halves away from zero."""
    return int(amount.quantize(Decimal(1), rounding=ROUND_HALF_UP))


def tax_contained(gross_minor: int, rate_basis_points: int) -> int:
    """The tax contained in a gross amount, in minor units."""
    return round_half_up(Decimal(gross_minor) * rate_basis_points / (BASIS_POINTS + rate_basis_points))


def tax_on_top(net_minor: int, rate_basis_points: int) -> int:
    """The tax to add to a net amount, in minor units."""
    return round_half_up(Decimal(net_minor) * rate_basis_points / BASIS_POINTS)


def split(total_minor: int, weights: Sequence[int]) -> list[int]:
    """Divide an amount in proportion to weights; the parts add up to it exactly.

    Part k is the rounded cumulative share less what the parts before it took; the last takes the rest.
    """
    whole = sum(weights)
    parts: list[int] = []
    taken = reached = 0
    for weight in weights:
        reached += weight
        share = round_half_up(Decimal(total_minor) * reached / whole) if whole else 0
        parts.append(share - taken)
        taken = share
    if parts and not whole:
        parts[-1] = total_minor
    return parts


def within_tax(tax_minor: int, gross_minor: int, left_minor: int, left_tax_minor: int) -> int:
    """The tax part of a deduction, limited so that neither the remaining tax nor the net becomes negative.

    What takes all that is left takes all its tax.
    """
    return min(max(tax_minor, gross_minor - (left_minor - left_tax_minor)), left_tax_minor)


@dataclass(frozen=True)
class Money:
    """An amount in minor units of an ISO 4217 currency."""

    minor: int
    currency: str

    def show(self, locale: str) -> str:
        """The amount as written in the locale: £4.50, 4,50 €."""
        digits = minor_digits(self.currency)
        units = Decimal(self.minor).scaleb(-digits)
        shown: str = _pattern(locale, digits).apply(units, locale, self.currency, currency_digits=False)
        return shown


@cache
def _pattern(locale: str, digits: int) -> NumberPattern:
    """A locale's money format with this many decimal places."""
    pattern: NumberPattern = copy(Locale.parse(locale).currency_formats["standard"])
    pattern.frac_prec = (digits, digits)
    return pattern
