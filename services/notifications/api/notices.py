"""The seller's notices over HTTP: what happened, and which of it the caller has read."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.api.schemas.notices import (
    NoticesArguments,
    NoticeSchema,
    ReadToSchema,
    UnreadSchema,
)
from services.notifications.commands import notices as commands
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import decode_cursor, encode_cursor, page_schema

blueprint = Blueprint(
    "notices",
    __name__,
    url_prefix="/v1/notices",
    description="Notices for a seller's staff: what happened, and what of it you have read.",
)

MOST_COUNTED = 99  # more is shown as "many" anyway, and a count without end costs


@blueprint.route("", methods=["GET"])
@blueprint.arguments(NoticesArguments, location="query")
@blueprint.response(200, page_schema(NoticeSchema))
@requires("orders:read")
@query
def list_notices(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Notices on the caller's sellers' orders, newest first."""
    before = decode_cursor(arguments["cursor"], UUID)[0] if "cursor" in arguments else None
    limit = arguments["limit"]
    found = queries.notices(session, limit + 1, before, unread=arguments["unread"])
    items = found[:limit]
    following = encode_cursor(items[-1].Notice.id) if len(found) > limit else None
    return {"items": items, "next": following}


@blueprint.route("/unread", methods=["GET"])
@blueprint.response(200, UnreadSchema)
@requires("orders:read")
@query
def count_unread(session: Session) -> dict[str, Any]:
    """The number of notices the caller has not read."""
    unread = queries.unread_notices(session, MOST_COUNTED + 1)
    return {"unread": min(unread, MOST_COUNTED), "more": unread > MOST_COUNTED}


@blueprint.route("/<uuid:notice_id>/read", methods=["POST"])
@blueprint.response(204)
@requires("orders:read")
@command
def mark_read(session: Session, notice_id: UUID) -> None:
    """Mark a notice as read.

    For you alone: others' notices stay unread.
    """
    commands.mark_read(session, notice_id)


@blueprint.route("/read", methods=["POST"])
@blueprint.arguments(ReadToSchema)
@blueprint.response(204)
@requires("orders:read")
@command
def mark_all_read(session: Session, read: dict[str, UUID]) -> None:
    """Mark a notice and all older ones as read.

    For you alone: others' notices stay unread.
    """
    commands.mark_all_read(session, **read)
