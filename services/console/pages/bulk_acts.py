"""What can be done to many orders at once."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from werkzeug.datastructures import MultiDict

from services.console.pages.order_acts import REASON, Input, tags_of

MOST = 500  # orders, as the API takes them


@dataclass(frozen=True)
class BulkAct:
    """One button of the bulk bar."""

    name: str  # its words are bulk.<name>
    operation: str
    inputs: tuple[Input, ...] = ()
    tone: str = ""  # danger: can't be undone
    extra: Mapping[str, Any] = field(default_factory=dict)  # sent along

    def body(self, form: MultiDict[str, str], order_ids: Sequence[str]) -> dict[str, Any]:
        """What the operation is sent of a filled form."""
        given = {one.name: form.get(one.name, "").strip() for one in self.inputs}
        if self.name == "tag":
            return {"order_ids": order_ids} | {name: tags_of(text) for name, text in given.items()}
        return {"order_ids": order_ids, **given, **self.extra}


ACTS: Mapping[str, BulkAct] = {
    act.name: act
    for act in (
        BulkAct("accept", "orders.bulk_accept_orders"),
        BulkAct("hold", "orders.bulk_hold_orders", (Input("reason", required=True, hint="hold_reason"),)),
        BulkAct("tag", "orders.bulk_tag_orders", (Input("add", hint="tags"), Input("remove", hint="tags"))),
        BulkAct("refuse", "orders.bulk_refuse_orders", (REASON,), "danger"),
        BulkAct("cancel", "orders.bulk_cancel_orders", (REASON,), "danger", {"confirm": True}),
    )
}


def key_of(shown: str, order_ids: Sequence[str]) -> str:
    """The key of a form that was shown once and may be sent, after Back, for other orders too."""
    return hashlib.sha256(" ".join([shown, *sorted(order_ids)]).encode()).hexdigest()
