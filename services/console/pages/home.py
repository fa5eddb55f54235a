"""Home: what is due, by the clock."""

from flask import Blueprint, g, render_template

from services.console.apis import SERVICES, Part, read
from services.console.markets import masters
from services.console.screens import Screen

SHOWN = 5
MOST_SELLERS = 6  # whose bank lines are shown; who sees more sellers looks there

blueprint = Blueprint("home", __name__)

# The list that a queue leads to.
LISTS = {
    "To accept": {"status": "placed"},
    "To prepare": {"queue": "To prepare"},
    "Ready to ship": {"queue": "Ready to ship"},
    "In transit": {"queue": "In transit"},
    "Finalized": {"queue": "Finalized"},
}
# The same queues as the warehouse has them, for who sees goods and no orders.
GOODS = {"to_prepare": "To prepare", "ready_to_ship": "Ready to ship", "in_transit": "In transit"}


@blueprint.get("/")
def show() -> str:
    """The page with every queue, each part from its own service."""
    few = {"limit": SHOWN}
    known = masters()
    queues = {} if g.apis.may("orders.lists_show_queues") else GOODS
    parts = g.apis.together(
        **{f"goods_{name}": read("shipping.queues_list_queue", few, name=name) for name in queues},
        queues=read("orders.lists_show_queues"),
        unanswered=read("notifications.messages_list_unanswered", few),
        overdue=read("shipping.queues_list_queue", few, name="overdue"),
        returns=read("orders.returns_list_returns", few | {"status": "requested"}),
        to_decide=read("orders.discrepancies_list_discrepancies", few),
        received=read("orders.returns_list_returns", few | {"status": "received"}),
        **{
            f"bank_{seller}": read("orders.banking_list_lines", few | {"state": "open", "seller": seller})
            for seller in list(known.sellers)[:MOST_SELLERS]
        },
        **{f"dead_{service}": read(f"{service}.operations_list_dead_letters") for service in SERVICES},
    )
    dead: dict[str, Part] = {service: parts.pop(f"dead_{service}") for service in SERVICES}
    bank = {name.removeprefix("bank_"): parts.pop(name) for name in list(parts) if name.startswith("bank_")}
    goods = {label: parts.pop(f"goods_{name}") for name, label in queues.items()}
    return render_template(
        "home/home.html", parts=parts, goods=goods, bank=bank, dead=dead, lists=LISTS, masters=known
    )


SCREEN = Screen(blueprint, "home.show", "", "nav.home", "house")
