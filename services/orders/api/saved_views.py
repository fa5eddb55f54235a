"""Saved views over HTTP: parse, call one command or query, answer."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.api.schemas.saved_views import (
    ShareArguments,
    SharedViewSchema,
    ViewArguments,
    ViewChangeArguments,
    ViewSchema,
)
from services.orders.commands import saved_views as commands
from services.orders.models import SavedView
from services.orders.queries import saved_views as queries
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import PageArguments, decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "saved_views",
    __name__,
    url_prefix="/v1",
    description="Filters of the list of orders, saved by name for yourself or shared with a seller's staff.",
)


@blueprint.route("/views", methods=["GET"])
@blueprint.response(200, ViewSchema(many=True))
@requires("orders:read")
@query
def list_views(session: Session) -> Sequence[SavedView]:
    """Your own views, 50 at most, oldest first; nobody else sees them."""
    return queries.all_own(session)


@blueprint.route("/views", methods=["POST"])
@blueprint.arguments(ViewArguments)
@blueprint.response(201, ViewSchema)
@requires("orders:read")
@command
def save_view(session: Session, view: dict[str, Any]) -> tuple[SavedView, dict[str, str]]:
    """Save a list's filters and sort order as a view of your own.

    Refused (409) with its reason: `name_taken`, `too_many_views`.
    """
    saved = commands.save_view(session, **view)
    return saved, {"Location": f"/v1/views/{saved.id}"}


@blueprint.route("/views/<uuid:view_id>", methods=["PATCH"])
@blueprint.arguments(ViewChangeArguments)
@blueprint.response(200, ViewSchema)
@requires("orders:read")
@command
def change_view(session: Session, changes: dict[str, Any], view_id: UUID) -> SavedView:
    """Rename one of your views or change its query; what is left out stays as it is.

    So a view can be renamed whose filters the list takes no more. Refused (409) with its reason:
    `name_taken`.
    """
    return commands.change_view(session, view_id, **changes)


@blueprint.route("/views/<uuid:view_id>", methods=["DELETE"])
@blueprint.response(204)
@requires("orders:read")
@command
def delete_view(session: Session, view_id: UUID) -> None:
    """Delete one of your views; orders are not affected."""
    commands.delete_view(session, view_id)


@blueprint.route("/views/<uuid:view_id>/share", methods=["POST"])
@blueprint.arguments(ShareArguments)
@blueprint.response(200, SharedViewSchema)
@requires("orders:read", "views:share")
@command
def share_view(session: Session, wanted: dict[str, Any], view_id: UUID) -> SavedView:
    """Share one of your views with everyone who reads a seller's orders; it moves to the shared views.

    Refused (409) with its reason: `name_taken`, `too_many_views`.
    """
    return commands.share_view(session, view_id, **wanted)


@blueprint.route("/shared-views", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(SharedViewSchema))
@requires("orders:read")
@query
def list_shared_views(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """The views shared in your sellers, 50 at most in each, by seller and name."""
    after = decode_cursor(page["cursor"], str, str) if "cursor" in page else None
    rows = queries.shared(session, page["limit"] + 1, after)
    return page_of(rows, page["limit"], "seller_code", "name_folded")


@blueprint.route("/shared-views/<uuid:view_id>", methods=["PATCH"])
@blueprint.arguments(ViewChangeArguments)
@blueprint.response(200, SharedViewSchema)
@requires("orders:read", "views:share")
@command
def change_shared_view(session: Session, changes: dict[str, Any], view_id: UUID) -> SavedView:
    """Rename a shared view or change its query for everybody, whoever made it.

    Refused (409) with its reason: `name_taken`.
    """
    return commands.change_shared_view(session, view_id, **changes)


@blueprint.route("/shared-views/<uuid:view_id>", methods=["DELETE"])
@blueprint.response(204)
@requires("orders:read", "views:share")
@command
def delete_shared_view(session: Session, view_id: UUID) -> None:
    """Delete a shared view for everybody, whoever made it."""
    commands.delete_shared_view(session, view_id)
