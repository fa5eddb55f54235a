"""What a SKU may look like: the same in URLs, queries, files and barcodes."""

import re

ALPHABET = (
    "must be letters from A to Z, digits, dots, hyphens and underscores, beginning with a letter or digit"
)
LONGEST = 64

_FIT = re.compile(rf"[A-Za-z0-9][A-Za-z0-9._-]{{0,{LONGEST - 1}}}")
_ID = re.compile(r"[0-9a-f]{32}", re.IGNORECASE)


def unfit(sku: str) -> str | None:
    """Why a new SKU is not allowed, or None if it is; existing SKUs remain findable."""
    if _FIT.fullmatch(sku) is None:
        return f"{ALPHABET}, {LONGEST} at most"
    if _is_id(sku):
        return "may not look like an id"
    return None


def subject(sku: str) -> str:
    """The subject of stock events: the SKU, unless it could be mistaken for an order id."""
    return f"sku:{sku}" if _is_id(sku) else sku


def _is_id(sku: str) -> bool:
    """Whether a text can be parsed as a UUID in any notation."""
    bare = sku.lower().removeprefix("urn:").removeprefix("uuid:").strip("{}").replace("-", "")
    return _ID.fullmatch(bare) is not None
