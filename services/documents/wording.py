"""How papers put things: words, amounts, dates and places as their readers write them."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime
from babel.numbers import format_decimal, format_percent

from shared.events.snapshots import SellerBlock
from shared.money import BASIS_POINTS, Money, minor_digits

CATALOGUES = Path(__file__).with_name("templates") / "words"
BRITISH = Locale("en", "GB")


def languages() -> list[str]:
    """The languages that papers speak: one catalogue of words each."""
    return sorted(path.stem for path in CATALOGUES.glob("*.toml"))


@lru_cache
def words(language: str) -> dict[str, Any]:
    """A language's catalogue, one TOML file.

    Papers have fixed words and no plurals: gettext's compile step and tools would buy nothing here.
    """
    return tomllib.loads((CATALOGUES / f"{language}.toml").read_text())


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
        precision = minor_digits(self.currency)
        pattern = "#,##0." + "0" * precision if precision else "#,##0"
        return format_decimal(Decimal(minor).scaleb(-precision), pattern, locale=self.locale)

    def longest(self, rows: Iterable[object], amount: str) -> list[str]:
        """The longest figures that rows have as this attribute."""
        amounts = [getattr(row, amount) for row in rows]
        return [self.figure(each) for each in (min(amounts), max(amounts))] if amounts else []

    def most(self, rows: Iterable[object], count: str) -> list[str]:
        """The longest count that rows have as this attribute."""
        return [self.number(max((getattr(row, count) for row in rows), default=0))]

    def number(self, number: float) -> str:
        """A count or measure."""
        return format_decimal(number, locale=self.locale)

    def packed(self, units: int, per_case: int, single: str) -> str:
        """Units as a line sells them, in whole cases: 2, or 1 + 4 single."""
        cases, rest = divmod(units, per_case)
        left = single.format(units=self.number(rest)) if rest else ""
        return " + ".join(filter(None, (self.number(cases) if cases or not rest else "", left)))

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

    def days(self, first: date, last: date) -> str:
        """A day, or from one to another."""
        return self.day(first) if first == last else f"{self.day(first)} – {self.day(last)}"  # noqa: RUF001

    def moment(self, moment: datetime) -> str:
        """An instant to the minute, in the market's time zone."""
        return format_datetime(moment, "short", tzinfo=self.time_zone, locale=self.locale)

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
