"""The signed link that opens one order to its customer: order and end of validity, no account needed."""

from collections.abc import Sequence
from functools import wraps
from typing import Any

from flask import current_app, g, request

from shared.access import EVERYTHING, Actor
from shared.customer_tokens import LinkError, read_token
from shared.web.auth import refuse_access
from shared.web.blueprint import View


def customer(view: View) -> View:
    """Let in whoever has the link of an order, and hand the view that order's id as `order_id`."""

    def admit() -> None:
        keys: Sequence[str] = current_app.extensions["settings"].customer_link_keys
        try:
            order_id = read_token(keys, request.args.get("token", ""))
        except LinkError as error:
            refuse_access(401, str(error), 'CustomerLink realm="token"')
        g.customer_order_id = order_id
        everything = frozenset({EVERYTHING})  # of the one order; the view is handed no other's id
        g.actor = Actor(name=f"customer:{order_id}", sellers=everything, markets=everything)

    @wraps(view)
    def run(*arguments: Any, **named: Any) -> Any:
        return view(*arguments, order_id=g.customer_order_id, **named)

    marked: Any = run
    marked.admit = admit
    document = getattr(view, "_apidoc", {})
    marked._apidoc = document | {  # noqa: SLF001 - where flask-smorest keeps what it documents
        "manual_doc": document.get("manual_doc", {}) | {"security": [{"customer": []}]}
    }
    return run
