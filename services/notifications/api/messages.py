"""Conversations over HTTP for the seller's staff: read, answer, see who is waiting."""

from datetime import datetime
from typing import Any
from uuid import UUID

from flask import g
from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.api.schemas.messages import (
    ConversationSchema,
    MessageSchema,
    MessageToPostSchema,
)
from services.notifications.commands import messages as commands
from services.notifications.models import Conversation, Message
from shared.events.snapshots import Author
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import PageArguments, decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "messages",
    __name__,
    url_prefix="/v1",
    description="Messages between customers and sellers, and who waits for an answer.",
)


@blueprint.route("/orders/<uuid:order_id>/messages", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(MessageSchema))
@requires("notifications:read")
@query
def list_messages(session: Session, arguments: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """The order's messages, newest first; staff notes only with the scope `notes:read`."""
    before = decode_cursor(arguments["cursor"], UUID)[0] if "cursor" in arguments else None
    limit = arguments["limit"]
    found = queries.messages(session, order_id, limit + 1, before, internal="notes:read" in g.actor.scopes)
    return page_of(found, limit, "id")


@blueprint.route("/orders/<uuid:order_id>/messages", methods=["POST"])
@blueprint.arguments(MessageToPostSchema)
@blueprint.response(201, MessageSchema)
@requires("notifications:write")
@command
def post_message(session: Session, message: dict[str, Any], order_id: UUID) -> Message:
    """Post a message to an order's customer, who gets an e-mail; or, with `internal`, a note for staff only.

    Refused (409) once the person is erased (person_erased). Publishes `message.posted`, unless it is
    internal.
    """
    return commands.post_message(session, order_id, author=Author.SELLER, **message)


@blueprint.route("/orders/<uuid:order_id>/conversation", methods=["GET"])
@blueprint.response(200, ConversationSchema)
@requires("notifications:read")
@query
def get_conversation(session: Session, order_id: UUID) -> Conversation:
    """Who wrote last on an order, and whether the customer is waiting for an answer."""
    return queries.conversation(session, order_id)


@blueprint.route("/orders/<uuid:order_id>/conversation/read", methods=["POST"])
@blueprint.response(200, ConversationSchema)
@requires("notifications:write")
@command
def mark_read(session: Session, order_id: UUID) -> Conversation:
    """Mark the customer's messages so far as read by the seller.

    Notes among staff are not counted.
    """
    commands.mark_read(session, order_id, Author.SELLER)
    return queries.conversation(session, order_id)


@blueprint.route("/orders/<uuid:order_id>/conversation/no-answer-needed", methods=["POST"])
@blueprint.response(200, ConversationSchema)
@requires("notifications:write")
@command
def need_no_answer(session: Session, order_id: UUID) -> Conversation:
    """Take an order off the list of unanswered messages without answering.

    Refused (409) where nobody waits for an answer (not_unanswered).
    """
    return commands.need_no_answer(session, order_id)


@blueprint.route("/conversations/unanswered", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(ConversationSchema))
@requires("notifications:read")
@query
def list_unanswered(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Orders whose customers are waiting for an answer, the most urgent first."""
    after = decode_cursor(arguments["cursor"], datetime, UUID) if "cursor" in arguments else None
    limit = arguments["limit"]
    found = queries.unanswered(session, limit + 1, after)
    return page_of(found, limit, "reply_due_at", "order_id")
