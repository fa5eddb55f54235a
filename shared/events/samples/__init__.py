"""A literal sample of each event, as it travels: the contract for tests, and what tests of webhooks send."""

import json
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def envelope(event_type: str) -> dict[str, Any]:
    """The sample of an event as CloudEvents 1.0 JSON; its people are made up."""
    sample: dict[str, Any] = json.loads((FOLDER / f"{event_type}.1.json").read_text("utf-8"))
    return sample
