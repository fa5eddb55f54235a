"""Wording specific to documents: column widths, cases and tax notes."""

from collections.abc import Iterable

from shared.events.snapshots import OrderSnapshot, TaxReason, TaxTreatment
from shared.vat import country_of
from shared.wording import Reader, reader_of


class Wording(Reader):
    """The reader's wording on documents."""

    def longest(self, rows: Iterable[object], amount: str) -> list[str]:
        """The widest values that rows have for this attribute."""
        amounts = [getattr(row, amount) for row in rows]
        return [self.figure(each) for each in (min(amounts), max(amounts))] if amounts else []

    def most(self, rows: Iterable[object], count: str) -> list[str]:
        """The widest count that rows have for this attribute."""
        return [self.number(max((getattr(row, count) for row in rows), default=0))]

    def packed(self, units: int, per_case: int) -> str:
        """A quantity in whole cases, plus single units: 2, or 1 + 4 single."""
        cases, rest = divmod(units, per_case)
        left = self.words("papers")("single_units", n=rest, units=self.number(rest)) if rest else ""
        return " + ".join(filter(None, (self.number(cases) if cases or not rest else "", left)))

    def tax_places(self, reason: TaxReason) -> str:
        """The names of the countries whose tax a rate is."""
        return ", ".join(dict.fromkeys(self.country(country_of(place)) for place in reason.places))

    def untaxed(self, reason: TaxReason) -> str:
        """Why no tax is charged, as required by Directive 2006/112/EC, article 226 (11) and (11a).

        Empty of what is taxed at a rate, be that nothing.
        """
        said = self.words("papers")
        if reason.treatment == TaxTreatment.EXEMPT:
            return said("untaxed.exempt", article=_article(reason.exemption.removeprefix("VATEX-EU-")))
        return said.of("untaxed", reason.treatment) if said.knows("untaxed", reason.treatment) else ""


def _article(code: str) -> str:
    """An article of the directive from its code: 132-1I is 132 (1) (i)."""
    article, _, point = code.partition("-")
    number, letter = point.rstrip("ABCDEFGHIJKLMNOPQ"), point.lstrip("0123456789").lower()
    return " ".join([article, *(f"({part})" for part in (number, letter) if part)])


def wording_of(order: OrderSnapshot, locale: str) -> Wording:
    """The wording for an order's reader in a locale: the customer's, or the market's."""
    reader = reader_of(locale, order.market.locale, order.currency, order.market.time_zone)
    return Wording(reader.locale, reader.currency, reader.time_zone)
