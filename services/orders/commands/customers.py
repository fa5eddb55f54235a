"""Customers and their address books. Orders keep their own copy of both.

The first entry of an address book is the default. The caller owns the transaction.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.orders import events
from services.orders.commands.changes import change, locked_order
from services.orders.models import CUSTOMER_COLUMNS, Customer, CustomerAddress, Order, Seller
from services.orders.queries.visibility import in_sight
from shared import clock, versions
from shared.access import EVERYTHING, actor_of, require_current, seen
from shared.db import new_id
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import Address, OrderStatus
from shared.folding import searchable
from shared.messaging import outbox
from shared.vat import place_of

MOST_ADDRESSES = 50


def put_customer(
    session: Session, customer_id: UUID, *, seller: str, addresses: Sequence[Address], **person: str
) -> Customer:
    """Create or replace a customer of a seller; placed orders are not affected.

    A new one is of the markets that the actor is bound to. Raises NotFound where the id is a customer's that
    the actor can't see, Stale, Refused (person_erased), Invalid for an unknown seller.
    """
    actor = actor_of(session)
    if not actor.markets:
        raise NotFound("customer", customer_id)
    if not actor_of(session).may_see_seller(seller) or session.get(Seller, seller) is None:
        raise Invalid(seller="there is no such seller")
    person["name_folded"] = searchable(person["name"])
    made = person | {
        "seller_code": seller,
        "markets": sorted(actor.markets - {EVERYTHING}),
        "created_at": clock.now(),
    }
    customer, is_new = versions.made_or_locked(session, Customer, {"id": customer_id}, made)
    if not is_new:
        if customer.seller_code != seller or not actor.may_see_any(seller, customer.markets):
            raise NotFound("customer", customer_id)
        if customer.erased_at is not None:
            raise Refused("person_erased", "this person has been erased; a new customer needs a new id")
        versions.change(session, customer, person, customer_id)
    session.execute(delete(CustomerAddress).where(CustomerAddress.customer_id == customer_id))
    session.add_all(
        CustomerAddress(customer_id=customer_id, position=position, address=address)
        for position, address in enumerate(addresses)
    )
    session.flush()
    return session.get_one(Customer, customer_id, populate_existing=True)


def add_address(
    session: Session, customer_id: UUID, *, address: Address, default: bool = False
) -> CustomerAddress:
    """Add an address to a customer's address book, first as the default or else last.

    Raises NotFound, Stale, or Refused (person_erased, address_book_full).
    """
    return _added(_locked_customer(session, customer_id), address, is_default=default)


def change_address(
    session: Session, customer_id: UUID, address_id: UUID, *, address: Address, default: bool = False
) -> CustomerAddress:
    """Change an address, and make it the default if asked to; raises NotFound, Stale."""
    customer = _locked_customer(session, customer_id)
    entry = _entry(customer, address_id)
    entry.address = address
    if default:
        _put_first(customer, entry)
    return entry


def remove_address(session: Session, customer_id: UUID, address_id: UUID) -> None:
    """Remove an address; if it was the default, the next one becomes it. Raises NotFound, Stale."""
    customer = _locked_customer(session, customer_id)
    customer.addresses.remove(_entry(customer, address_id))


def readdress(
    session: Session, order_id: UUID, *, delivery_group_id: UUID, address: Address, add_to_address_book: bool
) -> Order:
    """Change the address of a delivery of a placed order; publishes order.updated.

    The customer's address book gains it only if that is asked for. Raises NotFound, Stale, Invalid for a
    delivery that is not the order's or is collected, Refused (wrong_status, person_erased,
    address_book_full, taxed_elsewhere: what goes there is under another VAT, so the order is edited).
    """
    order = locked_order(session, order_id)
    group = next((one for one in order.delivery_groups if one.id == delivery_group_id), None)
    if group is None or group.pickup_point is not None:
        raise Invalid(delivery_group_id="the order has no delivery to an address under this id")
    if order.status is not OrderStatus.PLACED:
        raise Refused(
            "wrong_status",
            f"the address can't be changed while the order is {order.status}; try its shipments",
            order_status=order.status.value,
        )
    if order.taxation is not None and group.address is not None:
        before, after = (
            place_of(one.country, one.postcode, one.city).code for one in (group.address, address)
        )
        if before != after:
            raise Refused(
                "taxed_elsewhere",
                f"goods for {after} are taxed differently from goods for {before}: edit the order",
            )
    if add_to_address_book:
        _added(_locked_customer(session, order.customer_id), address, is_default=False)
    with change(session, order, "readdress", delivery_group_id=group.id, kept=add_to_address_book):
        group.address = address
    outbox.publish(session, events.order_updated(order))
    return order


def correct_customer(
    session: Session, order_id: UUID, *, reason: str, keep_links: bool = False, **person: str
) -> Order:
    """Correct the name, e-mail, telephone or company of an order's customer; publishes order.updated.

    At any time of its life: what was sent stays as it was, what is sent from now on goes by the new. With
    another e-mail every link sent so far is closed, for a stranger may have them, unless they are to be kept.
    The customer's own record and the delivery addresses stay as they are. Nothing happens where nothing
    differs. Raises NotFound, Stale, Refused (person_erased).
    """
    order = locked_order(session, order_id)
    if order.anonymised_at is not None:
        raise Refused("person_erased", "this person has been erased")
    wrong = {column: person[name] for name, column in CUSTOMER_COLUMNS.items() if name in person}
    if all(getattr(order, column) == right for column, right in wrong.items()):
        return order
    with change(session, order, "correct_customer", reason=reason):
        put_person(order, wrong, keep_links=keep_links)
    outbox.publish(session, events.order_updated(order))
    return order


def put_person(order: Order, columns: Mapping[str, str], *, keep_links: bool = False) -> None:
    """Set customer columns of an order, within a change; another e-mail closes the links sent so far."""
    email = order.customer_email
    for column, value in columns.items():
        setattr(order, column, value)
    if order.customer_email != email:
        order.link_serial += not keep_links


def _locked_customer(session: Session, customer_id: UUID) -> Customer:
    """Lock a customer before a change to their address book, which counts as a change of the customer."""
    # Whoever changes the book or erases the person waits here.
    rows = select(Customer).where(Customer.id == customer_id, *in_sight(session)).with_for_update()
    customer = seen(session, rows, "customer", customer_id, Customer.seller_code)
    if customer.erased_at is not None:
        raise Refused("person_erased", "this person has been erased")
    require_current(session, customer.version, customer_id)
    session.refresh(customer, ["addresses"])
    customer.version += 1
    return customer


def _added(customer: Customer, address: Address, *, is_default: bool) -> CustomerAddress:
    if len(customer.addresses) >= MOST_ADDRESSES:
        raise Refused("address_book_full", f"an address book holds at most {MOST_ADDRESSES} addresses")
    places = [entry.position for entry in customer.addresses]
    entry = CustomerAddress(id=new_id(), position=max(places, default=-1) + 1, address=address)
    customer.addresses.append(entry)
    if is_default:
        _put_first(customer, entry)
    return entry


def _put_first(customer: Customer, entry: CustomerAddress) -> None:
    entry.position = min(one.position for one in customer.addresses) - 1


def _entry(customer: Customer, address_id: UUID) -> CustomerAddress:
    found = next((entry for entry in customer.addresses if entry.id == address_id), None)
    if found is None:
        raise NotFound("address", address_id)
    return found
