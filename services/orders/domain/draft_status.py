"""The states of a draft: which actions are possible, and what blocks the others."""

from collections.abc import Mapping

from shared.events.snapshots import OrderStatus
from shared.state_machine import Refusal, StateMachine, refuse

ACTIONS = ("change", "place", "abandon", "delete")

_STATES = StateMachine(
    "draft",
    {
        ("change", OrderStatus.DRAFT): OrderStatus.DRAFT,
        ("place", OrderStatus.DRAFT): OrderStatus.PLACED,
        ("abandon", OrderStatus.DRAFT): OrderStatus.ABANDONED,
        ("delete", OrderStatus.DRAFT): OrderStatus.DRAFT,
        ("delete", OrderStatus.ABANDONED): OrderStatus.ABANDONED,
    },
)
status_after = _STATES.status_after

_NO_LINES = "lines"


def refusal(action: str, status: OrderStatus, lacks: Mapping[str, str]) -> Refusal | None:
    """The first thing that blocks an action, or None if it is possible."""
    if status is OrderStatus.PLACED:
        return Refusal("already_placed", "it has already been placed", {"order_status": status.value})
    if wrong := _STATES.status_refusal(action, status):
        return wrong
    if action != "place" or not lacks:
        return None
    facts = {"lacks": [{"field": field, "reason": reason} for field, reason in lacks.items()]}
    if _NO_LINES in lacks:
        return Refusal("no_lines", lacks[_NO_LINES], facts)
    return Refusal("incomplete", "; ".join(f"{field}: {reason}" for field, reason in lacks.items()), facts)


def refuse_unless_possible(action: str, status: OrderStatus, lacks: Mapping[str, str] | None = None) -> None:
    """Raise Refused, with the reason, unless an action is possible."""
    refuse(refusal(action, status, lacks or {}))
