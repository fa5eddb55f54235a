"""Messages for an order's customer, by the signed link: as JSON, and as a small page with a form."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, current_app, request, url_for
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from services.notifications import queries, rendering
from services.notifications.api.schemas.messages import (
    CustomerMessageSchema,
    CustomerMessageToPostSchema,
)
from services.notifications.commands import messages as commands
from services.notifications.domain.messages import LONGEST_TEXT, opens_to_customer
from services.notifications.models import Message
from shared.db import new_id
from shared.errors import Refused
from shared.events.snapshots import Author
from shared.text import legible, one_line
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.customer_link import customer
from shared.web.customer_pages import also_as_pages, page_answer, style_of
from shared.web.paging import PageArguments, decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "customer",
    __name__,
    url_prefix="/v1/customer",
    description="Messages as the order's customer sees them, by the link that the customer was sent.",
)

MOST_SHOWN = 100
LONGEST_KEY = 64


@blueprint.route("/messages", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(CustomerMessageSchema))
@customer
@query
def list_messages(session: Session, arguments: dict[str, Any], order_id: UUID) -> dict[str, Any]:
    """The order's messages, newest first."""
    before = decode_cursor(arguments["cursor"], UUID)[0] if "cursor" in arguments else None
    limit = arguments["limit"]
    found = queries.messages(session, order_id, limit + 1, before, internal=False)
    return page_of(found, limit, "id")


@blueprint.route("/messages", methods=["POST"])
@blueprint.arguments(CustomerMessageToPostSchema)
@blueprint.response(201, CustomerMessageSchema)
@customer
@command
def post_message(session: Session, message: dict[str, Any], order_id: UUID) -> Message:
    """Post a message to the seller of the order.

    Refused (409) for more than ten messages an hour (too_many_messages), and once the person is erased
    (person_erased). Publishes `message.posted`.
    """
    return commands.post_message(session, order_id, author=Author.CUSTOMER, **message)


@blueprint.route("/messages/read", methods=["POST"])
@blueprint.response(204)
@customer
@command
def mark_read(session: Session, order_id: UUID) -> None:
    """Mark the seller's messages so far as read by the customer; showing the page never does."""
    commands.mark_read(session, order_id, Author.CUSTOMER)


@blueprint.route("/messages/page", methods=["GET"])
@blueprint.response(200, {"type": "string"}, content_type="text/html")
@customer
@query
def show_messages(session: Session, order_id: UUID) -> Response:
    """The messages as a page for people, in the order's language, with a form for writing."""
    return _page(session, order_id)


@blueprint.route("/messages/page", methods=["POST"])
@blueprint.response(303)
@blueprint.doc(responses=also_as_pages(409, 422))
@customer
@command
def post_form(session: Session, order_id: UUID) -> Response:
    """Submit the page's form and redirect to the page; errors are shown on it."""
    typed = {"text": legible(request.form.get("text", ""))}
    try:
        message = CustomerMessageToPostSchema().load(typed)
    except ValidationError:
        wrong = "empty" if not typed["text"].strip() else "too_long"
        return _page(session, order_id, wrong, HTTPStatus.UNPROCESSABLE_ENTITY, typed["text"])
    key = one_line(request.form.get("key", ""))[:LONGEST_KEY] or None
    try:
        commands.post_message(session, order_id, author=Author.CUSTOMER, key=key, **message)
    except Refused as refusal:
        return _page(session, order_id, refusal.reason, HTTPStatus.CONFLICT, typed["text"])
    answer = Response(status=HTTPStatus.SEE_OTHER)
    answer.headers["Location"] = url_for("customer.show_messages", token=request.args["token"])
    return answer


def _page(
    session: Session, order_id: UUID, wrong: str = "", status: int = HTTPStatus.OK, typed: str = ""
) -> Response:
    order = queries.visible_order(session, order_id)
    found = queries.messages(session, order_id, MOST_SHOWN, internal=False)
    style = style_of(order.seller.colour)
    page = rendering.render_page(
        "messages",
        order,
        style=style,
        messages=[*reversed(found)],
        wrong=wrong,
        typed=typed,
        longest=LONGEST_TEXT,
        key=str(new_id()),
        action=url_for("customer.post_form", token=request.args["token"]),
        link_to=_link_to,
    )
    return page_answer(page, style, status)


def _link_to(message: Message, paper: Mapping[str, Any]) -> str:
    """The customer's link to an attached document; empty if only staff may see the document."""
    if not opens_to_customer(paper["kind"], Author(message.author)):
        return ""
    address = current_app.extensions["settings"].customer_page(
        "documents", f"documents/{paper['document_id']}/content"
    )
    return f"{address}?token={request.args['token']}"
