"""E-mails over HTTP: every e-mail of an order in full and why it was sent; resending, and sending by hand."""

from typing import Any
from uuid import UUID

from flask import Response
from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.api.schemas.emails import (
    EmailSchema,
    EmailsSchema,
    PaperToSendSchema,
    WordedEmailSchema,
)
from services.notifications.commands import requested_emails as commands
from services.notifications.models import Email
from shared.errors import NotFound
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query

blueprint = Blueprint(
    "emails",
    __name__,
    url_prefix="/v1",
    description="E-mails of an order: why each was sent and how it went; resend them, or send a document.",
)

# What somebody wrote into an order must not run, load or send anything where staff look at it.
SHOWN_SAFELY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; sandbox; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)


@blueprint.route("/orders/<uuid:order_id>/notifications", methods=["GET"])
@blueprint.response(200, EmailsSchema)
@requires("notifications:read")
@query
def list_notifications(session: Session, order_id: UUID) -> dict[str, Any]:
    """Every e-mail of an order: why it was sent, its status, and each attempt with the server's reply."""
    return {"items": queries.emails_of_order(session, order_id)}


@blueprint.route("/orders/<uuid:order_id>/notifications", methods=["POST"])
@blueprint.arguments(PaperToSendSchema)
@blueprint.response(201, EmailSchema)
@requires("notifications:write")
@command
def send_paper(session: Session, paper: dict[str, UUID], order_id: UUID) -> Email:
    """E-mail a stored document of the order to the customer, such as its delivery note; repeatable.

    Refused (409) are papers that are not for customers (not_for_customers), not stored (not_stored) or on
    their way already (still_queued), and where there is nobody to write to (no_address, person_erased).
    Publishes `email.sent` or `email.failed` once that is known.
    """
    return commands.send_paper(session, order_id, **paper)


@blueprint.route("/emails/<uuid:email_id>", methods=["GET"])
@blueprint.response(200, WordedEmailSchema)
@requires("notifications:read")
@query
def get_email(session: Session, email_id: UUID) -> Email:
    """One e-mail with its text and HTML, without the customer's link token and collection code."""
    return queries.email(session, email_id)


@blueprint.route("/emails/<uuid:email_id>/page", methods=["GET"])
@blueprint.response(200, {"type": "string"}, content_type="text/html")
@requires("notifications:read")
@query
def show_email(session: Session, email_id: UUID) -> Response:
    """One e-mail as its recipient saw it, for a browser, without the link token and collection code."""
    answer = Response(queries.email(session, email_id).shown.html, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = SHOWN_SAFELY
    return answer


@blueprint.route("/emails/<uuid:email_id>/content", methods=["GET"])
@blueprint.response(200, {"type": "string", "format": "binary"}, content_type="message/rfc822")
@requires("notifications:write")
@query
def get_content(session: Session, email_id: UUID) -> Response:
    """The raw e-mail as handed to the server, with attachments; 404 before its first attempt.

    The customer's link is in it, which lets whoever has it write as the customer, and the code to collect
    the goods: hence the scope.
    """
    queries.email(session, email_id)
    content = queries.content(session, email_id)
    if not content:
        raise NotFound("content of email", email_id)
    answer = Response(content, mimetype="message/rfc822")
    answer.headers["Content-Disposition"] = f'attachment; filename="{email_id}.eml"'
    return answer


@blueprint.route("/emails/<uuid:email_id>/resend", methods=["POST"])
@blueprint.response(201, EmailSchema)
@requires("notifications:write")
@command
def resend_email(session: Session, email_id: UUID) -> Email:
    """Resend an e-mail, with updated content, to the current address; the new one refers to the old.

    Refused (409) while the old one is on its way (still_queued), and where there is nobody to write to
    (no_address, person_erased) or the shipment is another courier's by now (not_their_delivery). Publishes
    `email.sent` or `email.failed` once that is known.
    """
    return commands.resend_email(session, email_id)
