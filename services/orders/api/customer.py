"""An order as its customer sees it through the signed link: as a small page, and as JSON for shops."""

import re
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Response, current_app, request, url_for
from marshmallow import ValidationError
from sqlalchemy.orm import Session

from services.orders import rendering
from services.orders.api.schemas.customer import ProgressSchema
from services.orders.api.schemas.returns import ReturnArguments
from services.orders.commands import returns as commands
from services.orders.queries.progress import progress
from shared.access import acting_as, actor_of
from shared.errors import Invalid, Refused, Stale
from shared.text import legible
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.customer_link import customer
from shared.web.customer_pages import also_as_pages, page_answer, style_of

QUANTITY = re.compile("[0-9]{1,6}")
VERSION = re.compile("[0-9]{1,12}")

blueprint = Blueprint(
    "customer",
    __name__,
    url_prefix="/v1/customer",
    description="The order as its customer sees it, by the link that the customer was sent.",
)


@blueprint.route("/order", methods=["GET"])
@blueprint.response(200, {"type": "string"}, content_type="text/html")
@customer
@query
def show_page(session: Session, order_id: UUID) -> Response:
    """The page that e-mails link to, in the order's language: steps, parcels, documents, messages."""
    return _page(session, order_id)


@blueprint.route("/order", methods=["POST"])
@blueprint.response(303)
@blueprint.doc(responses=also_as_pages(409, 412, 422))
@customer
@command
def ask_for_return(session: Session, order_id: UUID) -> Response:
    """Submit the page's return form and redirect back to the page, which says what is wrong if it is refused.

    A form that is sent twice, or from a page that is out of date, changes nothing.
    """
    try:
        version, wanted = _form()
    except ValidationError:
        return _page(session, order_id, "nothing", HTTPStatus.UNPROCESSABLE_ENTITY)
    seen = actor_of(session).expecting(version, order_id)  # what the customer saw is what they ask about
    try:
        with session.begin_nested(), acting_as(session, seen):
            commands.request_return(session, order_id, by_customer=True, **wanted)
    except Stale:
        return _page(session, order_id, "stale", HTTPStatus.PRECONDITION_FAILED)
    except Invalid:
        return _page(session, order_id, "nothing", HTTPStatus.UNPROCESSABLE_ENTITY)
    except Refused as refusal:
        return _page(session, order_id, refusal.reason, HTTPStatus.CONFLICT)
    answer = Response(status=HTTPStatus.SEE_OTHER)
    answer.headers["Location"] = url_for("customer.show_page", token=request.args["token"])
    return answer


@blueprint.route("/order/progress", methods=["GET"])
@blueprint.response(200, ProgressSchema)
@customer
@query
def show_progress(session: Session, order_id: UUID) -> dict[str, Any]:
    """The same as JSON, for a shop that shows its customers the progress of their orders."""
    return progress(session, order_id)


def _address(service: str, page: str) -> str:
    """The address of another service's page about the order, opened by the same link."""
    address: str = current_app.extensions["settings"].customer_page(service, page)
    return f"{address}?token={request.args['token']}"


def _page(session: Session, order_id: UUID, wrong: str = "", status: int = HTTPStatus.OK) -> Response:
    seen = progress(session, order_id)
    style = style_of(seen["seller"].colour)
    action = url_for("customer.ask_for_return", token=request.args["token"])
    return page_answer(rendering.order_page(seen, style, _address, action=action, wrong=wrong), style, status)


def _form() -> tuple[int, dict[str, Any]]:
    """The order version that the customer saw, and what is to be returned; raises ValidationError."""
    lines = [
        {"line_id": name.removeprefix("line-"), "quantity": int(quantity)}
        for name, quantity in request.form.items()
        if name.startswith("line-") and QUANTITY.fullmatch(quantity) and int(quantity)
    ]
    version = request.form.get("order_version", "")
    if not VERSION.fullmatch(version):
        raise ValidationError("no version")
    typed = {
        "reason": request.form.get("reason", ""),
        "note": legible(request.form.get("note", "")),
        "lines": lines,
    }
    wanted: dict[str, Any] = ReturnArguments().load(typed)
    return int(version), wanted
