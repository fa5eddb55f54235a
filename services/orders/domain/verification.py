"""What is looked at before an order counts as verified."""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from shared.events.snapshots import Address, Person

# The reason of the hold that stands on an order until a person has verified it.
VERIFICATION = "verification"
# Who verified an order of which nothing was missing, and who holds the others: this service.
AUTOMATIC = "orders"


class Check(StrEnum):
    """Something an order is verified by."""

    NAME = "name"
    ADDRESS = "address"
    PHONE = "phone"
    EMAIL = "email"
    COUPONS = "coupons"


def unverified(
    checks: Collection[Check],
    customer: Person,
    addresses: Iterable[Address | None],
    refused_coupons: Sequence[str],
) -> list[Check]:
    """What is missing or does not hold, of what a market looks at.

    The addresses are those of the delivery groups; None is a pickup point. A telephone that comes with an
    address serves as well as the customer's own.
    """
    places = list(addresses)
    phones = [customer.phone, *(place.phone for place in places if place)]
    found = {
        Check.NAME: bool(customer.name.strip()),
        Check.ADDRESS: bool(places) and all(place is None or _is_whole(place) for place in places),
        Check.PHONE: any(phone.strip() for phone in phones),
        Check.EMAIL: bool(customer.email.strip()),
        Check.COUPONS: not refused_coupons,
    }
    return [check for check in Check if check in checks and not found[check]]


def _is_whole(address: Address) -> bool:
    return all(part.strip() for part in (address.name, address.line1, address.city, address.country))
