"""Keeping a list's filters under a name: save, rename, change, share, delete."""

from typing import Any
from uuid import UUID

from flask import Blueprint, abort, g, redirect, render_template, request

from services.console.acting import act, key, version
from services.console.markets import masters
from services.console.pages.orders import addressed, render_list, shown_query
from services.console.saved_views import View, reads, views_of
from services.console.screens import Screen

# Every address here has the list's own query behind it, so that one is on the same list afterwards.
blueprint = Blueprint("views", __name__, url_prefix="/orders/views")

KIND = "<any(own, shared):kind>/<uuid:view_id>"
CHANGE = {"own": "orders.saved_views_change_view", "shared": "orders.saved_views_change_shared_view"}
DELETE = {"own": "orders.saved_views_delete_view", "shared": "orders.saved_views_delete_shared_view"}


@blueprint.get("")
@blueprint.get(f"/{KIND}")
@blueprint.get(f"/{KIND}/share")
def show(kind: str = "", view_id: UUID | None = None) -> Any:  # noqa: ARG001 - whatever was sent to this address
    """The list that a form was sent from, for who loads its answer again."""
    return redirect(addressed(), 302)


@blueprint.post("")
def save() -> Any:
    """Keep what the list shows as an own view."""
    body = {"name": request.form.get("name", "").strip(), "query": shown_query()}
    return act(
        "view-save",
        lambda: g.apis.write("orders.saved_views_save_view", body, key=key()),
        render_list,
        lambda view: addressed(view=view["view_id"]),
        said="done.view_saved",
    )


@blueprint.post(f"/{KIND}")
def change(kind: str, view_id: UUID) -> Any:
    """Rename a view, or have it show what the list shows now."""
    renames = "name" in request.form
    body = {"name": request.form["name"].strip()} if renames else {"query": shown_query()}
    return act(
        "view-rename" if renames else "view-change",
        lambda: g.apis.write(CHANGE[kind], body, key=key(), version=version(), view_id=view_id),
        render_list,
        lambda _: addressed(view=str(view_id)),
        said="done.view_changed",
    )


@blueprint.post("/own/<uuid:view_id>/share")
def share(view_id: UUID) -> Any:
    """Make an own view a seller's."""
    body = {"seller": request.form.get("seller", "")}
    return act(
        "view-share",
        lambda: g.apis.write(
            "orders.saved_views_share_view", body, key=key(), version=version(), view_id=view_id
        ),
        render_list,
        lambda _: addressed(view=str(view_id)),
        said="done.view_shared",
    )


@blueprint.get(f"/{KIND}/delete")
def ask_delete(kind: str, view_id: UUID) -> Any:
    """Whether it shall really go, and for whom it goes."""
    return render_template(
        "orders/delete_view.html",
        view=_found(kind, view_id),
        masters=masters(),
        back=addressed(view=str(view_id)),
        addressed=addressed,
    )


@blueprint.post(f"/{KIND}/delete")
def delete(kind: str, view_id: UUID) -> Any:
    """Delete a view; the list it showed is still there."""
    return act(
        "view-delete",
        lambda: g.apis.write(DELETE[kind], key=key(), version=version(), view_id=view_id),
        lambda: ask_delete(kind, view_id),
        lambda _: addressed(view=None),
        said="done.view_deleted",
    )


def _found(kind: str, view_id: UUID) -> View:
    known = views_of(g.apis.together(**reads()))
    found = next((one for one in known if one.view_id == str(view_id) and one.kind == kind), None)
    if found is None:
        abort(404)
    return found


SCREEN = Screen(blueprint, "views.show", "orders.saved_views_list_views", within="orders")
