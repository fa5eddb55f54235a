"""E-mails over HTTP: what was written about an order, and why."""

from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.api.schemas.emails import EmailsSchema, WordedEmailSchema
from services.notifications.models import Email
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import query

blueprint = Blueprint("emails", __name__, url_prefix="/v1")


@blueprint.route("/orders/<uuid:order_id>/notifications", methods=["GET"])
@blueprint.response(200, EmailsSchema)
@requires("orders:read")
@query
def list_notifications(session: Session, order_id: UUID) -> dict[str, Any]:
    """Every e-mail of an order: what made it due, what came of it, each attempt with the server's answer."""
    return {"items": queries.emails_of_order(session, order_id)}


@blueprint.route("/emails/<uuid:email_id>", methods=["GET"])
@blueprint.response(200, WordedEmailSchema)
@requires("orders:read")
@query
def get_email(session: Session, email_id: UUID) -> Email:
    """One e-mail with its text and HTML, as they were sent."""
    return queries.email(session, email_id)
