"""Removing personal data from events and snapshots: people, and any free text."""

from typing import Any

# Whatever somebody could type of an order, and what mail servers say of an address.
_WORDS = frozenset({"answer", "cancel_reason", "end_reason", "error", "reason", "reference"})


def emptied(told: Any, of: str = "") -> Any:
    """JSON of an event or snapshot without people and free text; `of` names the member it is under."""
    if isinstance(told, list):
        return [emptied(one, of) for one in told]
    if not isinstance(told, dict):
        return told
    # Why goods come back is a word of a list, which papers translate.
    words = _WORDS - {"reason"} if of == "returns" else _WORDS
    return {
        name: {} if name == "people" else "" if name in words else emptied(value, name)
        for name, value in told.items()
    }
