"""What is checked before an order counts as verified."""

from collections.abc import Collection, Iterable, Sequence
from enum import StrEnum

from shared.events.snapshots import Address, Person
from shared.postal import missing_parts

# The reason of the hold that stands on an order until a person has verified it.
VERIFICATION = "verification"
# Who verified an order of which nothing was missing, and who holds the others: this service.
AUTOMATIC = "orders"


class Check(StrEnum):
    """A check that a market can require."""

    NAME = "name"
    ADDRESS = "address"
    PHONE = "phone"
    EMAIL = "email"
    COUPONS = "coupons"
    VAT_NUMBER = "vat_number"  # only where the market keeps a table of taxes


def unverified(
    checks: Collection[Check],
    customer: Person,
    addresses: Iterable[Address | None],
    refused_coupons: Sequence[str],
    *,
    open_vat_number: bool = False,
) -> list[Check]:
    """The required checks that fail.

    The addresses are those of the delivery groups; None is a pickup point. An address holds if its country's
    post has all that it needs, a postcode or a state among it. A telephone that comes with an
    address serves as well as the customer's own.
    """
    places = list(addresses)
    phones = [customer.phone, *(place.phone for place in places if place)]
    found = {
        Check.NAME: bool(customer.name.strip()),
        Check.ADDRESS: bool(places) and all(not missing_parts(place) for place in places if place),
        Check.PHONE: any(phone.strip() for phone in phones),
        Check.EMAIL: bool(customer.email.strip()),
        Check.COUPONS: not refused_coupons,
        Check.VAT_NUMBER: not open_vat_number,
    }
    return [check for check in Check if check in checks and not found[check]]
