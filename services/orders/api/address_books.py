"""Address books over HTTP: parse, call one command or query, answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.people import AddressEntryArguments, AddressEntrySchema
from services.orders.commands import customers as commands
from services.orders.models import CustomerAddress
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "address_books",
    __name__,
    url_prefix="/v1/customers/<uuid:customer_id>/addresses",
    description="Customers' address books; orders keep the addresses they were placed with.",
)


@blueprint.route("", methods=["GET"])
@blueprint.response(200, AddressEntrySchema(many=True))
@requires("customers:read")
@query
def list_addresses(session: Session, customer_id: UUID) -> Sequence[CustomerAddress]:
    """A customer's addresses, 50 at most; the first is the default."""
    return queries.customer(session, customer_id).addresses


@blueprint.route("", methods=["POST"])
@blueprint.arguments(AddressEntryArguments)
@blueprint.response(201, AddressEntrySchema)
@requires("customers:write")
@command
def add_address(session: Session, entry: dict[str, Any], customer_id: UUID) -> CustomerAddress:
    """Add an address, as the default or after the others.

    Refused (409) with its reason: `person_erased`, `address_book_full`.
    """
    return commands.add_address(session, customer_id, **entry)


@blueprint.route("/<uuid:address_id>", methods=["PUT"])
@blueprint.arguments(AddressEntryArguments)
@blueprint.response(200, AddressEntrySchema)
@requires("customers:write")
@command
def change_address(
    session: Session, entry: dict[str, Any], customer_id: UUID, address_id: UUID
) -> CustomerAddress:
    """Change an address; `default` makes it the default.

    Orders keep the address that they were placed with.
    """
    return commands.change_address(session, customer_id, address_id, **entry)


@blueprint.route("/<uuid:address_id>", methods=["DELETE"])
@blueprint.response(204)
@requires("customers:write")
@command
def remove_address(session: Session, customer_id: UUID, address_id: UUID) -> None:
    """Remove an address; if it was the default, the next one becomes the default.

    Orders keep the address that they were placed with.
    """
    commands.remove_address(session, customer_id, address_id)
