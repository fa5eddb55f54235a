"""Manual prices: taking orders does not by itself include the right to set prices."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from flask import g

from shared.web.auth import refuse_without

SCOPE = "prices:write"


def may_name_prices() -> bool:
    """Whether the token's scopes allow setting prices."""
    return SCOPE in g.actor.scopes


def refuse_own_prices(wanted: Mapping[str, Any], kept: Mapping[str, Any] | None = None) -> None:
    """Answer 403 if an order or draft sets prices, discounts or fees and the token lacks the scope.

    What stands in the draft already may stay, whoever named it. What shipping costs has no list price:
    whoever takes down an order says it.
    """
    if _named(wanted) - _named(kept or {}):
        refuse_without(SCOPE)


def refuse_changed_prices(edit: Mapping[str, Any]) -> None:
    """Answer 403 if an edit changes prices, discounts, fees or taxes, even to remove one."""
    if any(name in edit for name in ("fees", "discounts", "tax")) or any(
        name in line for line in edit.get("lines", []) for name in ("unit_price_minor", "discount_minor")
    ):
        refuse_without(SCOPE)


def _named(contents: Mapping[str, Any]) -> Counter[tuple[Any, ...]]:
    """The prices, fees and discounts set by hand, with how often each occurs."""
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
