"""The literal samples of the contract, for tests that need an event or snapshot and don't care which."""

import json
from pathlib import Path

import msgspec

from shared.events import codec

FOLDER = Path(__file__).parent / "contract" / "samples"


def envelope(event_type):
    """The sample of an event as it travels."""
    return json.loads((FOLDER / f"{event_type}.1.json").read_text())


def event(event_type, **changes):
    """The sample of an event, its snapshot changed."""
    sample = envelope(event_type)
    [carried] = [key for key, value in sample["data"].items() if isinstance(value, dict)]
    sample["data"][carried] |= {key: msgspec.to_builtins(value) for key, value in changes.items()}
    return codec.decode(event_type, sample["data"])
