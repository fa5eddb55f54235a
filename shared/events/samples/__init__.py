"""A literal sample of each event as sent: the contract for tests, and the payload of webhook tests."""

import json
from pathlib import Path
from typing import Any
from uuid import UUID

from shared import clock
from shared.events import codec
from shared.events.feed import Entry, public_form

FOLDER = Path(__file__).parent


def envelope(event_type: str) -> dict[str, Any]:
    """The sample of an event as CloudEvents 1.0 JSON; the people in it are fictitious."""
    sample: dict[str, Any] = json.loads((FOLDER / f"{event_type}.1.json").read_text("utf-8"))
    return sample


def made_up(event_type: str, event_id: UUID, *, with_people: bool) -> dict[str, Any]:
    """The sample of an event as integrations receive it, marked as a test: `test` is true."""
    sample = envelope(event_type)
    snapshot = codec.decode(event_type, sample["data"]).snapshot
    order = getattr(snapshot, "order_id", None)
    entry = Entry(
        position=0,
        event_id=event_id,
        source=sample["source"].removeprefix("/"),
        type=event_type,
        subject=sample["subject"],
        order_id=order,
        number=sample["reference"] if order else "",
        seller=_named(snapshot, "seller"),
        market=_named(snapshot, "market"),
        sequence=0,
        occurred_at=clock.now(),
        data=sample["data"],
    )
    return public_form(entry, with_people=with_people) | {"test": True}


def _named(snapshot: Any, what: str) -> str:
    """The seller or market of a sample; empty where it names none."""
    return str(getattr(getattr(snapshot, what, None), what, ""))
