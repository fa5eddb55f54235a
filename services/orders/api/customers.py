"""Customers over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.people import (
    CustomerArguments,
    CustomerSchema,
    CustomerSearchArguments,
    ErasureSchema,
)
from services.orders.commands import customers as commands
from services.orders.commands import erasure as erasure_commands
from services.orders.models import Customer
from services.orders.queries.erasure import erasure
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "customers",
    __name__,
    url_prefix="/v1/customers",
    description="Customers of sellers, and the erasure of a person.",
)


@blueprint.route("/<uuid:customer_id>", methods=["PUT"])
@blueprint.arguments(CustomerArguments)
@blueprint.response(200, CustomerSchema)
@requires("customers:write")
@command
def put_customer(session: Session, customer: dict[str, Any], customer_id: UUID) -> Customer:
    """Create or replace a customer and their address book; the caller chooses the id.

    Orders placed before keep what they were placed with. Refused (409) with its reason: `person_erased`; a
    new customer needs a new id.
    """
    return commands.put_customer(session, customer_id, **customer)


@blueprint.route("/<uuid:customer_id>", methods=["GET"])
@blueprint.response(200, CustomerSchema)
@requires("customers:read")
@query
def show_customer(session: Session, customer_id: UUID) -> Customer:
    """One customer."""
    return queries.customer(session, customer_id)


@blueprint.route("/<uuid:customer_id>/erase", methods=["POST"])
@blueprint.response(202, ErasureSchema)
@requires("admin")
@command
def erase_customer(session: Session, customer_id: UUID) -> dict[str, Any]:
    """Erase a person from all services: the customer, and anyone with the same e-mail at this seller.

    The customer is empty at once; each order follows, an open one when it has ended. The answer names what is
    kept, and why. Publishes `order.anonymised` for each order. Refused (409) with its reason:
    `other_markets`, if the person also bought in markets that the token does not see.
    """
    erasure_commands.erase_customer(session, customer_id)
    return erasure(session, customer_id)


@blueprint.route("/<uuid:customer_id>/erasure", methods=["GET"])
@blueprint.response(200, ErasureSchema)
@requires("customers:read")
@query
def show_erasure(session: Session, customer_id: UUID) -> dict[str, Any]:
    """The progress of a person's erasure; 404 if none was requested."""
    return erasure(session, customer_id)


@blueprint.route("", methods=["GET"])
@blueprint.arguments(CustomerSearchArguments, location="query")
@blueprint.response(200, page_schema(CustomerSchema))
@requires("customers:read")
@query
def list_customers(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Customers by id, highest first; ids that we generated come newest first."""
    before = decode_cursor(page["cursor"], UUID)[0] if "cursor" in page else None
    customers = queries.customers(session, page["limit"] + 1, before, page.get("search"), page.get("seller"))
    return page_of(customers, page["limit"], "id")
