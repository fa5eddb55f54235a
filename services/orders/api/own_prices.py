"""Prices that are named by hand: whoever takes down an order may not decide what it costs."""

from collections.abc import Mapping
from typing import Any

from shared.web.auth import refuse_without

SCOPE = "prices:write"


def refuse_own_prices(wanted: Mapping[str, Any]) -> None:
    """Answer 403 where an order or draft names prices, discounts or fees, and the token lacks the scope.

    What shipping costs has no list price: whoever takes down an order says it.
    """
    if any(wanted.get(name) for name in ("fees", "discounts")) or any(
        "unit_price_minor" in line or line.get("discount_minor") for line in wanted.get("lines", [])
    ):
        refuse_without(SCOPE)


def refuse_changed_prices(edit: Mapping[str, Any]) -> None:
    """Answer 403 where an edit touches prices, discounts, fees or taxes, also to take one off."""
    if any(name in edit for name in ("fees", "discounts", "tax")) or any(
        name in line for line in edit.get("lines", []) for name in ("unit_price_minor", "discount_minor")
    ):
        refuse_without(SCOPE)
