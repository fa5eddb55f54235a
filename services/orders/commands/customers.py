"""Customers and their address books: made or changed as a whole. The caller owns the transaction."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import delete
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders.models import Customer, CustomerAddress, Seller
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, NotFound
from shared.events.snapshots import Address


def put_customer(
    session: Session, customer_id: UUID, *, seller: str, addresses: Sequence[Address], **person: str
) -> Customer:
    """Make or change a customer of a seller; placed orders keep what they were placed with.

    Raises NotFound where the id is another seller's customer, Invalid for an unknown seller.
    """
    if not actor_of(session).may_see_seller(seller) or session.get(Seller, seller) is None:
        raise Invalid(seller="there is no such seller")
    stored = (
        insert(Customer)
        .values(id=customer_id, seller_code=seller, created_at=clock.now(), **person)
        .on_conflict_do_update(index_elements=["id"], set_=dict(person), where=Customer.seller_code == seller)
        .returning(Customer.id)
    )
    if session.execute(stored).first() is None:
        raise NotFound("customer", customer_id)
    session.execute(delete(CustomerAddress).where(CustomerAddress.customer_id == customer_id))
    session.add_all(
        CustomerAddress(customer_id=customer_id, position=position, address=address)
        for position, address in enumerate(addresses)
    )
    session.flush()
    return session.get_one(Customer, customer_id, populate_existing=True)
