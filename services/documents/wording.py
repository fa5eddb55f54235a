"""How papers put things beside what every reader is told: columns as wide as need be, and cases."""

from collections.abc import Iterable

from shared.events.snapshots import OrderSnapshot
from shared.wording import Reader, reader_of


class Wording(Reader):
    """How a paper's reader is written to."""

    def longest(self, rows: Iterable[object], amount: str) -> list[str]:
        """The longest figures that rows have as this attribute."""
        amounts = [getattr(row, amount) for row in rows]
        return [self.figure(each) for each in (min(amounts), max(amounts))] if amounts else []

    def most(self, rows: Iterable[object], count: str) -> list[str]:
        """The longest count that rows have as this attribute."""
        return [self.number(max((getattr(row, count) for row in rows), default=0))]

    def packed(self, units: int, per_case: int) -> str:
        """Units as a line sells them, in whole cases: 2, or 1 + 4 single."""
        cases, rest = divmod(units, per_case)
        left = self.words("papers")("single_units", n=rest, units=self.number(rest)) if rest else ""
        return " + ".join(filter(None, (self.number(cases) if cases or not rest else "", left)))


def wording_of(order: OrderSnapshot, locale: str) -> Wording:
    """Whoever reads a paper of an order in a locale: its customer's, or its market's."""
    reader = reader_of(locale, order.market.locale, order.currency, order.market.time_zone)
    return Wording(reader.locale, reader.currency, reader.time_zone)
