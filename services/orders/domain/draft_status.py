"""The life of a draft: what is possible with it, and what stands against the rest."""

from collections.abc import Mapping

from services.orders.domain.order_status import OrderStatus, Refusal
from shared.errors import Refused

ACTIONS = ("change", "place", "abandon", "delete")

_NO_LINES = "lines"


def refusal(action: str, status: OrderStatus, lacks: Mapping[str, str]) -> Refusal | None:
    """What stands first against an action, or None: then it is possible."""
    if status is OrderStatus.PLACED:
        return Refusal("already_placed", "it has become an order", {"order_status": status.value})
    if action != "delete" and status is not OrderStatus.DRAFT:
        return Refusal(
            "wrong_status",
            f"{action} is not possible while the draft is {status}",
            {"order_status": status.value},
        )
    if action != "place" or not lacks:
        return None
    facts = {"lacks": [{"field": field, "reason": reason} for field, reason in lacks.items()]}
    if _NO_LINES in lacks:
        return Refusal("no_lines", lacks[_NO_LINES], facts)
    return Refusal("incomplete", "; ".join(f"{field}: {reason}" for field, reason in lacks.items()), facts)


def refuse_unless_possible(action: str, status: OrderStatus, lacks: Mapping[str, str] | None = None) -> None:
    """Go on only if nothing stands against an action; raises Refused with its reason."""
    if against := refusal(action, status, lacks or {}):
        raise Refused(against.reason, against.detail, **against.facts)
