"""What a stock-keeping unit may be called: the same in addresses, queries, files and barcodes."""

import re

ALPHABET = (
    "must be letters from A to Z, digits, dots, hyphens and underscores, beginning with a letter or digit"
)
LONGEST = 64

_FIT = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST - 1}}}")
_ID = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


def unfit(sku: str) -> str | None:
    """Why nothing new may be called so, or None where it may; what was called so before is found by it."""
    if _FIT.fullmatch(sku) is None:
        return f"{ALPHABET}, {LONGEST} at most"
    if _is_id(sku):
        return "may not be written as an id"
    return None


def subject(sku: str) -> str:
    """What events about a SKU's stock name as their subject: the SKU, but never an order's id."""
    return f"sku:{sku}" if _is_id(sku) else sku


def _is_id(sku: str) -> bool:
    """Whether it can be read as a UUID, in any way to write one."""
    bare = sku.lower().removeprefix("urn:").removeprefix("uuid:").strip("{}").replace("-", "")
    return _ID.fullmatch(bare) is not None
