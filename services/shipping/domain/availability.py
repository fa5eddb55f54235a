"""How much of a SKU can be promised, and when it would leave."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True, kw_only=True)
class Source:
    """A SKU's stock at a location."""

    sku: str
    location: str
    available: int
    handling_days: int
    available_on: date | None  # the SKU's own day, before which it doesn't leave

    def promised_on(self, today: date) -> date:
        """The day on which it would leave; handling does not start before the day the SKU is available."""
        return max(today, self.available_on or today) + timedelta(days=self.handling_days)


def availability(sku: str, sources: Sequence[Source], today: date) -> dict[str, object]:
    """The available quantity of a SKU, where it is, and when it would leave; sources in their ranking."""
    mine = [source for source in sources if source.sku == sku]
    return {
        "sku": sku,
        "available": sum(source.available for source in mine),
        "promised_on": min((source.promised_on(today) for source in mine), default=None),
        "locations": [
            {
                "location": source.location,
                "available": source.available,
                "promised_on": source.promised_on(today),
            }
            for source in mine
        ],
    }
