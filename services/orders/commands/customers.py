"""Customers and their address books: made or changed as a whole. The caller owns the transaction."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import and_, delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders.models import Customer, CustomerAddress, Seller
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, NotFound, Refused
from shared.events.snapshots import Address


def refuse_erased(session: Session, customer_id: UUID) -> None:
    """Go on only if the person is still known; raises Refused (person_erased)."""
    customer = session.get_one(Customer, customer_id)
    if customer.erased_at is not None:
        raise Refused("person_erased", "whoever this was is erased")


def put_customer(
    session: Session, customer_id: UUID, *, seller: str, addresses: Sequence[Address], **person: str
) -> Customer:
    """Make or change a customer of a seller; placed orders keep what they were placed with.

    Raises NotFound where the id is another seller's customer, Refused (person_erased), Invalid for an
    unknown seller.
    """
    if not actor_of(session).may_see_seller(seller) or session.get(Seller, seller) is None:
        raise Invalid(seller="there is no such seller")
    mine = and_(Customer.seller_code == seller, Customer.erased_at.is_(None))
    stored = (
        insert(Customer)
        .values(id=customer_id, seller_code=seller, created_at=clock.now(), **person)
        .on_conflict_do_update(index_elements=["id"], set_=dict(person), where=mine)
        .returning(Customer.id)
    )
    if session.execute(stored).first() is None:
        if session.get_one(Customer, customer_id).seller_code == seller:
            raise Refused("person_erased", "whoever this was is erased; a new customer has a new id")
        raise NotFound("customer", customer_id)
    session.execute(delete(CustomerAddress).where(CustomerAddress.customer_id == customer_id))
    session.add_all(
        CustomerAddress(customer_id=customer_id, position=position, address=address)
        for position, address in enumerate(addresses)
    )
    session.flush()
    return session.get_one(Customer, customer_id, populate_existing=True)
