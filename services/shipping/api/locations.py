"""Locations over HTTP: parse, call one command or query, answer."""

from typing import Any

from sqlalchemy.orm import Session

from services.shipping import queries
from services.shipping.api.schemas.locations import LocationArguments, LocationSchema
from services.shipping.commands import master_data as commands
from services.shipping.models import Location
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import PageArguments, decode_cursor, page, page_schema

blueprint = Blueprint(
    "locations",
    __name__,
    url_prefix="/v1/locations",
    description="Locations: warehouses and stores where goods are kept.",
)

CODE = "<string(maxlength=40):code>"


@blueprint.route("", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(LocationSchema))
@requires("stock:read")
@query
def list_locations(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """The locations that you may see, by code."""
    limit = arguments["limit"]
    [after] = decode_cursor(arguments["cursor"], str) if "cursor" in arguments else [None]
    rows = queries.locations_page(session, after=after, limit=limit + 1)
    return page(rows, limit, lambda location: (location.code,))


@blueprint.route(f"/{CODE}", methods=["GET"])
@blueprint.response(200, LocationSchema)
@requires("stock:read")
@query
def get_location(session: Session, code: str) -> Location:
    """One location: where stock is kept and shipments start.

    `may_change` says whether the token's sellers let it be changed.
    """
    return queries.location(session, code)


@blueprint.route(f"/{CODE}", methods=["PUT"])
@blueprint.arguments(LocationArguments)
@blueprint.response(200, LocationSchema)
@blueprint.alt_response(201, schema=LocationSchema)
@requires("stock:write")
@command
def put_location(session: Session, location: dict[str, Any], code: str) -> tuple[Location, int]:
    """Create (201) or replace (200) a location; its seller cannot be changed.

    A code with a dot is for the seller whose name stands before it; a token that is bound to sellers makes no
    others. Shipments that wait for stock are served if the location can serve them now. Refused (409) with
    its reason: `seller_is_fixed`.
    """
    put, is_new = commands.put_location(session, code, **location)
    return put, 201 if is_new else 200
