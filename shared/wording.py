"""Texts for readers: language, words, and the format of money and dates.

A language is one file in `languages/`: papers, e-mails and customers' pages speak what is there.
"""

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from babel import Locale, UnknownLocaleError
from babel.dates import format_date, format_datetime, format_time
from babel.numbers import format_decimal, format_percent
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared.money import BASIS_POINTS, Money, minor_digits
from shared.text import legible

FOLDER = Path(__file__).with_name("languages")
BRITISH = Locale("en", "GB")  # of who reads none of our languages; its days come before its months


class Words:
    """A language's texts; call it with a key and the values for the placeholders."""

    def __init__(
        self, language: str, texts: Mapping[str, str], figures: Mapping[str, Any] = MappingProxyType({})
    ) -> None:
        self.language = language
        self.texts = texts
        self._figures = figures
        self._plural_form = Locale.parse(language).plural_form

    @classmethod
    def read(cls, file: Path) -> "Words":
        """Read texts from a TOML file named after its language; keys are joined by dots."""
        return cls(file.stem, dict(_flat(tomllib.loads(file.read_text("utf-8")))))

    def __call__(self, key: str, **values: Any) -> str:
        """The text for a key, or the plural form for `n` if it has plural forms. Raises KeyError."""
        named = {**self._figures, **values}
        text = self.texts.get(key)
        if text is None and "n" in named:
            form = self._plural_form(named["n"])
            text = self.texts.get(f"{key}.{form}") or self.texts.get(f"{key}.other")
        if text is None:
            raise KeyError(key)
        return text.format_map(named) if named else text

    def __getitem__(self, key: str) -> str:
        """The raw text for a key, for templates: `words.total`."""
        return self.texts[key]

    def part(self, group: str) -> "Words":
        """The texts of a group, keyed by their names within it."""
        return Words(self.language, dict(self.group(group)), self._figures)

    def about(self, **figures: Any) -> "Words":
        """The same texts with these placeholders filled in everywhere."""
        return Words(self.language, self.texts, {**self._figures, **figures})

    def of(self, group: str, code: str | None) -> str:
        """The word for a status or reason; an unknown code is made readable, free text is unchanged."""
        said = str(code or "")
        return self.texts.get(f"{group}.{said}") or (said.replace("_", " ") if said.isidentifier() else said)

    def group(self, group: str) -> list[tuple[str, str]]:
        """The codes of a group with their words."""
        start = f"{group}."
        return [(key.removeprefix(start), text) for key, text in self.texts.items() if key.startswith(start)]

    def knows(self, group: str, code: str) -> bool:
        """Whether there is a word for a code."""
        return f"{group}.{code}" in self.texts


@dataclass(frozen=True)
class Reader:
    """The reader's language, locale and time zone; the currency is that of what they read about."""

    locale: Locale
    currency: str
    time_zone: ZoneInfo

    @property
    def language(self) -> str:
        """The language, such as de."""
        return str(self.locale.language)

    def words(self, group: str) -> Words:
        """The texts of a group in the reader's language."""
        return words_in(self.language, group)

    def money(self, minor: int) -> str:
        """An amount with its currency: £1,234.50 or 1.234,50 €."""
        return Money(minor, self.currency).show(str(self.locale))

    def figure(self, minor: int) -> str:
        """An amount without its currency, for columns."""
        digits = minor_digits(self.currency)
        pattern = "#,##0." + "0" * digits if digits else "#,##0"
        return format_decimal(Decimal(minor).scaleb(-digits), pattern, locale=self.locale)

    def number(self, number: float) -> str:
        """A count or measurement."""
        return format_decimal(number, locale=self.locale)

    def percent(self, basis_points: int) -> str:
        """A percentage: 20 % is 2,000 basis points."""
        return format_percent(
            Decimal(basis_points) / BASIS_POINTS, locale=self.locale, decimal_quantization=False
        )

    def day(self, at: date | datetime) -> str:
        """A legal date, or the date of a timestamp in the reader's time zone, written out."""
        if isinstance(at, datetime):
            at = at.astimezone(self.time_zone).date()
        return format_date(at, "long", locale=self.locale)

    def days(self, first: date, last: date) -> str:
        """A day, or a range of days."""
        return self.day(first) if first == last else f"{self.day(first)} – {self.day(last)}"  # noqa: RUF001

    def moment(self, at: datetime) -> str:
        """A date and time to the minute, written out."""
        return f"{self.day(at)}, {self._hour(at)}"

    def short_moment(self, at: datetime) -> str:
        """A date and time in short, numeric form."""
        return format_datetime(at, "short", tzinfo=self.time_zone, locale=self.locale)

    def span(self, starts_at: datetime, ends_at: datetime) -> str:
        """A day with a time window."""
        return f"{self.moment(starts_at)}\u2013{self._hour(ends_at)}"

    def country(self, code: str) -> str:
        """A country's name."""
        name: str = self.locale.territories.get(code.upper(), code)
        return name

    def chosen(self, texts: Mapping[str, str]) -> str:
        """A seller's own text for the reader's locale or language, or the first there is."""
        for key in (str(self.locale), str(self.locale).replace("_", "-"), self.language):
            if key in texts:
                return texts[key]
        return next(iter(texts.values()), "")

    def _hour(self, at: datetime) -> str:
        return format_time(at.astimezone(self.time_zone), "HH:mm", locale=self.locale)


def reader_of(wanted: str, market: str, currency: str, time_zone: str) -> Reader:
    """The reader for an order, from the requested locale and the market's."""
    return Reader(locale_of(wanted, market), currency, ZoneInfo(time_zone))


@cache
def languages() -> tuple[str, ...]:
    """The languages with texts."""
    return tuple(sorted(file.stem for file in FOLDER.glob("*.toml")))


@cache
def words_in(language: str, group: str) -> Words:
    """A group of texts in one of the languages."""
    return _all_words(language).part(group)


@cache
def locale_of(wanted: str, market: str = "") -> Locale:
    """The locale to use: the requested one, with the market's territory if it has none.

    A language that there are no words in gives way to the market's, then to British English; English of no
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


def templates_in(folder: Path, **options: Any) -> Environment:
    """The templates of a folder: HTML and MJML are escaped, and a missing value is an error, not a gap."""
    settings: dict[str, Any] = {"finalize": legible} | options
    return Environment(
        loader=FileSystemLoader(folder),
        autoescape=select_autoescape(enabled_extensions=("html", "mjml")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        **settings,
    )


@cache
def _all_words(language: str) -> Words:
    return Words.read(FOLDER / f"{language}.toml")


def _flat(table: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, str]]:
    for name, value in table.items():
        if isinstance(value, str):
            yield path + name, value
        else:
            yield from _flat(value, f"{path}{name}.")
