"""An order's page: its head, and five tabs that are each an address."""

from typing import Any
from uuid import UUID

from flask import Blueprint, g, render_template

from services.console.apis import read
from services.console.pages.markets import masters
from services.console.pages.screens import Screen

blueprint = Blueprint("order", __name__, url_prefix="/orders/<uuid:order_id>")


@blueprint.get("")
def show_details(order_id: UUID) -> str:
    """What was ordered, by whom, for how much, and what was paid."""
    return _page("details", order_id)


@blueprint.get("/shipment")
def show_shipments(order_id: UUID) -> str:
    """Where the goods are."""
    return _page(
        "shipments", order_id, shipments=read("shipping.shipments_list_order_shipments", order_id=order_id)
    )


@blueprint.get("/messages")
def show_messages(order_id: UUID) -> str:
    """What was written."""
    return _page(
        "messages", order_id, messages=read("notifications.messages_list_messages", order_id=order_id)
    )


@blueprint.get("/history")
def show_history(order_id: UUID) -> str:
    """All that happened."""
    return _page("history", order_id, history=read("orders.history_show_history", order_id=order_id))


@blueprint.get("/documents")
def show_documents(order_id: UUID) -> str:
    """All papers."""
    return _page(
        "documents", order_id, documents=read("documents.documents_list_documents", order_id=order_id)
    )


def _page(tab: str, order_id: UUID, **reads: Any) -> str:
    parts = g.apis.together(order=read("orders.orders_show_order", order_id=order_id), **reads)
    order = parts.pop("order")
    if order.fault:
        raise order.fault
    return render_template("order/page.html", tab=tab, order=order.value, parts=parts, masters=masters())


SCREEN = Screen(blueprint, "order.show_details", "orders.orders_show_order")
