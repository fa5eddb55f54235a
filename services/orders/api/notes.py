"""Notes and tags over HTTP: parse, call one command or query, answer."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.notes import (
    NoteArguments,
    NotePageSchema,
    NoteSchema,
    TagArguments,
    TagsSchema,
)
from services.orders.commands import notes as commands
from services.orders.models import Note, Order
from services.orders.queries import history
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import PageArguments, decode_cursor, page_of

blueprint = Blueprint(
    "notes",
    __name__,
    url_prefix="/v1/orders/<uuid:order_id>",
    description="Notes and tags that staff put on orders; customers never see them.",
)


@blueprint.route("/notes", methods=["POST"])
@blueprint.arguments(NoteArguments)
@blueprint.response(201, NoteSchema)
@requires("orders:write")
@command
def add_note(session: Session, note: dict[str, Any], order_id: UUID) -> Note:
    """Add a note for staff only: no customer, document, e-mail or other service ever gets it."""
    return commands.add_note(session, order_id, **note)


@blueprint.route("/notes", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, NotePageSchema)
@requires("notes:read")
@query
def list_notes(session: Session, page: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """The notes on an order, newest first."""
    queries.order(session, order_id)
    [before] = decode_cursor(page["cursor"], UUID) if "cursor" in page else [None]
    return page_of(history.notes(session, order_id, page["limit"] + 1, before), page["limit"], "id")


@blueprint.route("/tags", methods=["POST"])
@blueprint.arguments(TagArguments)
@blueprint.response(200, TagsSchema)
@requires("orders:write")
@command
def tag_order(session: Session, tags: dict[str, Any], order_id: UUID) -> Order:
    """Add tags to an order and remove others; lists can be filtered by tag.

    Tags that differ only in capitals, accents and the like are one. An order has 30 at most.
    """
    return commands.tag_order(session, order_id, **tags)
