"""The screens, a file each; in the order in which the navigation has them."""

from services.console.pages import (
    carts,
    catalogue,
    drafts,
    edit,
    home,
    messages,
    money,
    notices,
    operations,
    order,
    orders,
    packing,
    people,
    picking,
    stock,
    views,
    warehouse,
    webhooks,
)
from services.console.pages.screens import Screen

SCREENS: tuple[Screen, ...] = (
    home.SCREEN,
    orders.SCREEN,
    views.SCREEN,
    order.SCREEN,
    edit.SCREEN,
    carts.SCREEN,
    drafts.SCREEN,
    warehouse.SCREEN,
    picking.SCREEN,
    packing.SCREEN,
    messages.SCREEN,
    money.SCREEN,
    people.SCREEN,
    catalogue.SCREEN,
    stock.SCREEN,
    notices.SCREEN,
    webhooks.SCREEN,
    operations.SCREEN,
)
