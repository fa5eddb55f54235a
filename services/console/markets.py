"""What pages need to know of markets and sellers: their names, and the clocks they go by."""

import time
from typing import Any

from flask import current_app, g

from services.console.apis import Part, read

KEPT_SECONDS = 60.0
MOST_KEPT = 500  # people


class Masters:
    """The markets and sellers that one person sees."""

    def __init__(self, markets: list[dict[str, Any]], sellers: list[dict[str, Any]]) -> None:
        self.markets = {market["market"]: market for market in markets}
        self.sellers = {seller["seller"]: seller for seller in sellers}

    @property
    def market_names(self) -> list[tuple[str, str]]:
        """Markets to choose from: each code with its name."""
        return _names(self.markets)

    @property
    def seller_names(self) -> list[tuple[str, str]]:
        """Sellers to choose from."""
        return _names(self.sellers)

    def zone(self, market: str) -> str:
        """The time zone of a market."""
        found: str = self.markets.get(market, {}).get("time_zone", "UTC")
        return found

    def method_name(self, market: str, code: str, language: str) -> str:
        """How a market calls one of its shipping methods."""
        names = self.markets.get(market, {}).get("shipping_methods", {}).get(code, {})
        found: str = names.get(language) or next(iter(names.values()), code)
        return found

    def seller_name(self, seller: str) -> str:
        """How people call a seller."""
        found: str = self.sellers.get(seller, {}).get("name", seller)
        return found


def masters(*, needed: bool = False) -> Masters:
    """Markets and sellers as they were at most a minute ago; none while they can't be read.

    A form that would lose something without them needs them: it raises what went wrong instead.
    """
    kept, who = _kept(), g.person.token
    until, known = kept.get(who, (0.0, None))
    if known is not None and until > time.monotonic():
        return known
    parts = g.apis.together(
        markets=read("orders.masters_list_markets", {"limit": 100}),
        sellers=read("orders.masters_list_sellers", {"limit": 100}),
    )
    found = Masters(_items(parts["markets"]), _items(parts["sellers"]))
    faults = [part.fault for part in parts.values() if part.fault is not None]
    if faults and needed:
        raise faults[0]
    if not faults:
        if len(kept) >= MOST_KEPT:
            kept.clear()
        kept[who] = (time.monotonic() + KEPT_SECONDS, found)
    return found


def forget() -> None:
    """Read them anew next time: the person has changed one of them."""
    _kept().pop(g.person.token, None)


def _kept() -> dict[str, tuple[float, Masters]]:
    """What each person saw, and until when that holds: of this app, for another asks other services."""
    kept: dict[str, tuple[float, Masters]] = current_app.extensions.setdefault("masters", {})
    return kept


def _names(things: dict[str, dict[str, Any]]) -> list[tuple[str, str]]:
    return [(code, one["name"]) for code, one in things.items()]


def _items(part: Part) -> list[dict[str, Any]]:
    return part.value["items"] if part else []
