"""The code a customer shows to collect a shipment: derived from a secret, never stored."""

import hmac
from collections.abc import Sequence
from uuid import UUID

DIGITS = 6


def collect_code(keys: Sequence[str], shipment_id: UUID, serial: int) -> str:
    """The collection code of a shipment, derived from the newest customer-link key, which all services share.

    Whoever has the keys can tell the customer; a copy of a database tells nobody. A higher serial makes
    another code of which the older says nothing.
    """
    return _code(keys[0], shipment_id, serial)


def is_collect_code(keys: Sequence[str], shipment_id: UUID, serial: int, given: str) -> bool:
    """Whether this is the shipment's code under any of the keys; compared in constant time."""
    said = "".join(given.split()).encode()
    # Each key is tried, whatever the others said: the time tells nothing.
    matches = [hmac.compare_digest(_code(key, shipment_id, serial).encode(), said) for key in keys]
    return any(matches)


def _code(key: str, shipment_id: UUID, serial: int) -> str:
    digest = hmac.digest(key.encode(), f"waybill.collect:{shipment_id}:{serial}".encode(), "sha256")
    return f"{int.from_bytes(digest) % 10**DIGITS:0{DIGITS}d}"
