"""Prices that are named by hand: whoever takes down an order may not decide what it costs."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask import g

from shared.web.auth import refuse_without

SCOPE = "prices:write"


def may_name_prices() -> bool:
    """Whether the token's scopes let it decide what something costs."""
    return SCOPE in g.actor.scopes


def refuse_own_prices(wanted: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> None:
    """Answer 403 where an order or draft names prices, discounts or fees, and the token lacks the scope.

    What stands in the draft already may stay, whoever named it. What shipping costs has no list price:
    whoever takes down an order says it.
    """
    if _named(wanted) - _named(kept or {}):
        refuse_without(SCOPE)


def refuse_changed_prices(edit: Mapping[str, Any]) -> None:
    """Answer 403 where an edit touches prices, discounts, fees or taxes, also to take one off."""
    if any(name in edit for name in ("fees", "discounts", "tax")) or any(
        name in line for line in edit.get("lines", []) for name in ("unit_price_minor", "discount_minor")
    ):
        refuse_without(SCOPE)


def _named(contents: Mapping[str, Any]) -> Counter[tuple[Any, ...]]:
    """What was decided by hand, so often."""
    lines = contents.get("lines", [])
    return Counter(
        [
            *(
                ("fee", one["name"], one["amount_minor"], one.get("tax_class"))
                for one in contents.get("fees", [])
            ),
            *(("discount", one["name"], one["amount_minor"]) for one in contents.get("discounts", [])),
            *(("price", one["sku"], one["unit_price_minor"]) for one in lines if "unit_price_minor" in one),
            *(("off", one["sku"], one["discount_minor"]) for one in lines if one.get("discount_minor")),
        ]
    )
