"""Names and addresses in snapshots."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, kw_only=True)
class Address:
    """A postal address of a person or company."""

    name: str
    line1: str
    city: str
    postcode: str
    country: str  # ISO 3166-1 alpha-2
    line2: str = ""
    region: str = ""
    company: str = ""
    phone: str = ""


@dataclass(frozen=True, kw_only=True)
class Person:
    """The person who placed the order."""

    name: str
    email: str
    phone: str = ""
    company: str = ""
    vat_number: str = ""


@dataclass(frozen=True, kw_only=True)
class Courier:
    """The person asked to deliver a shipment."""

    code: str  # theirs among the couriers of the seller
    name: str
    email: str
    assigned_at: datetime
    note: str = ""  # what staff wrote to them


@dataclass(frozen=True, kw_only=True)
class People:
    """Names, addresses and customer notes; kept nowhere else, and emptied when the person is erased."""

    customer: Person | None = None
    billing: Address | None = None
    delivery: dict[str, Address] = field(default_factory=dict)  # by delivery group's id
    couriers: dict[str, Courier] = field(default_factory=dict)  # by shipment's id; in shipping's alone
    remark: str = ""  # what the customer wrote when ordering; it may name anybody
