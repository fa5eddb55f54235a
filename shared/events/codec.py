"""Encoding and decoding events as JSON: the dataclass is the schema."""

from types import ModuleType
from typing import Any

import msgspec

from shared.events import documents, notifications, orders, shipping


def _told_by(module: ModuleType) -> dict[str, type]:
    return {
        kind.NAME: kind
        for kind in vars(module).values()
        if isinstance(kind, type) and kind.__module__ == module.__name__ and hasattr(kind, "NAME")
    }


EVENTS: dict[str, type] = {
    name: kind
    for module in (orders, shipping, documents, notifications)
    for name, kind in _told_by(module).items()
}


def encode(event: object) -> bytes:
    """An event or snapshot as JSON."""
    return msgspec.json.encode(event)


def decode(name: str, data: Any) -> Any:
    """Decode an event from the parsed JSON of its data.

    Raises msgspec.ValidationError where a field is missing or of another type, KeyError for an unknown name.
    Unknown fields are passed over: a publisher may be newer than its listener.
    """
    return msgspec.convert(data, EVENTS[name])
