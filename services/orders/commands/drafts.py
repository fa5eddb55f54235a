"""Drafts: created, also by reordering, changed, placed, abandoned, deleted.

The caller owns the transaction.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Unpack, cast
from uuid import UUID

import msgspec
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.commands.placing import place_order
from services.orders.domain.draft_status import refuse_unless_possible, status_after
from services.orders.models import DeliveryGroup, Draft, Market, Order, OrderLine
from services.orders.pricing.contents import (
    DeliveryInput,
    LineInput,
    OrderContents,
    Quoted,
    delivery_input,
)
from services.orders.pricing.quotes import Quote, contents_of, quote
from services.orders.pricing.terms import Offer, Terms, terms_of
from services.orders.queries.drafts import draft as visible_draft
from shared import clock
from shared.access import actor_of, require_current, visible
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events.snapshots import OrderStatus, PaymentMethod
from shared.messaging.jobs import enqueue
from shared.messaging.order_locks import lock_order


def create_draft(session: Session, *, seller: str, market: str, **contents: Unpack[OrderContents]) -> Quote:
    """Create a draft from whatever is known; the answer says what is still missing.

    Raises Invalid for an unknown market, seller, customer or product.
    """
    return _add(session, seller, market, contents)


def _add(
    session: Session,
    seller: str,
    market: str,
    contents: OrderContents,
    *,
    reorder_of: UUID | None = None,
) -> Quote:
    """Store a new draft; lines of a reorder may be of products that no longer exist."""
    now = clock.now()
    draft = Draft(
        id=new_id(),
        version=1,
        status=OrderStatus.DRAFT,
        seller_code=seller,
        market_code=market,
        reorder_of=reorder_of,
        created_by=actor_of(session).name,
        created_at=now,
    )
    earlier = contents.get("lines", []) if reorder_of else []
    quoted = _fill(session, draft, contents, earlier)
    session.add(draft)
    session.flush()
    _owe_abandonment(session, draft)
    return quoted


def reorder(session: Session, order_id: UUID) -> Quote:
    """Create a draft with an order's customer, addresses, methods, lines and coupons.

    Everything is priced anew: what is gone, what costs another price and which coupon grants nothing any
    more is named among the draft's notices, line by line. Prices, fees and discounts given by hand are not
    repeated. Raises NotFound, or Refused (person_erased).
    """
    order = queries.order(session, order_id)
    queries.refuse_erased(session, order.customer_id)
    return _add(session, order.seller_code, order.market_code, _contents(order), reorder_of=order.id)


def change_draft(session: Session, draft_id: UUID, **contents: Unpack[OrderContents]) -> Quote:
    """Replace the contents of a draft; a manual price keeps the name of whoever set it.

    Raises NotFound, Stale, Refused (already_placed, wrong_status), Invalid for an unknown customer or
    product.
    """
    draft = _locked(session, draft_id)
    refuse_unless_possible("change", draft.status)
    draft.version += 1
    return _fill(session, draft, contents, contents_of(draft).get("lines", []))


def place_draft(session: Session, draft_id: UUID, *, total_minor: int | None = None) -> Order:
    """Place a draft as an order, once; the order takes over its id. Publishes order.placed.

    Raises NotFound, Stale, Refused (already_placed, wrong_status, no_lines, incomplete; total_changed if it
    does not come to the total that is named).
    """
    return _place(session, _locked(session, draft_id), total_minor)


def check_out(session: Session, draft_id: UUID) -> None:
    """Place the draft with this id, whose customer has paid; does nothing if there is no such draft.

    A draft that was given up is placed too: its customer has come back. Raises Refused (no_lines,
    incomplete): whoever tells of the payment tells it again until it can be placed.
    """
    lock_order(session, draft_id)
    draft = session.get(Draft, draft_id, populate_existing=True)
    if draft is None or draft.status is OrderStatus.PLACED:
        return
    draft.status = OrderStatus.DRAFT
    if "payment_method" not in draft.contents:
        draft.contents = draft.contents | {"payment_method": PaymentMethod.ONLINE.value}
    _place(session, draft, None)


def abandon_draft(session: Session, draft_id: UUID) -> Quote:
    """Abandon a draft; raises NotFound, Stale, Refused (already_placed, wrong_status)."""
    draft = _locked(session, draft_id)
    refuse_unless_possible("abandon", draft.status)
    _abandon(session, draft)
    return quote(session, draft)


def abandon_if_untouched(session: Session, draft_id: UUID) -> None:
    """Abandon a draft that nobody has touched for as long as its market allows, or check again when due.

    A term that is shortened shortens the wait of drafts that are begun or looked at after it.
    """
    draft = session.get(Draft, draft_id, populate_existing=True)
    if draft is None or draft.status is not OrderStatus.DRAFT:
        return
    if _abandoned_at(draft) > clock.now():
        _owe_abandonment(session, draft)
    else:
        _abandon(session, draft)


def delete_drafts(session: Session, draft_ids: Iterable[UUID]) -> list[tuple[UUID, str | None]]:
    """Delete drafts; returns None for each, or why it was not deleted: not_found, already_placed.

    What is an order can't be deleted, only cancelled.
    """
    wanted = list(dict.fromkeys(draft_ids))
    # The same order everywhere: two that delete the same drafts wait for each other instead of deadlocking.
    drafts = select(Draft.id).where(Draft.id.in_(wanted)).order_by(Draft.id)
    mine = session.scalars(visible(session, drafts, Draft.seller_code, Draft.market_code)).all()
    reasons: dict[UUID, str | None] = {draft_id: _deleted(session, draft_id) for draft_id in mine}
    orders = select(Order.id).where(Order.id.in_(wanted), Order.id.not_in(mine))
    for order_id in session.scalars(visible(session, orders, Order.seller_code, Order.market_code)):
        reasons[order_id] = "already_placed"
    return [(draft_id, reasons.get(draft_id, "not_found")) for draft_id in wanted]


def _locked(session: Session, draft_id: UUID) -> Draft:
    """Lock a draft until the transaction ends, and load its current state; raises NotFound or Stale."""
    visible_draft(session, draft_id)  # before the lock: nobody waits at another's draft
    lock_order(session, draft_id)
    draft = visible_draft(session, draft_id)
    require_current(session, draft.version, draft_id)
    return draft


def _place(session: Session, draft: Draft, total_minor: int | None) -> Order:
    refuse_unless_possible("place", draft.status)
    refuse_unless_possible("place", draft.status, quote(session, draft).lacks)
    origin = {"drafted_by": draft.created_by, "drafted_at": draft.created_at, "reorder_of": draft.reorder_of}
    order = place_order(
        session,
        seller=draft.seller_code,
        market=draft.market_code,
        order_id=draft.id,
        origin=origin,
        **contents_of(draft),
    )
    if total_minor not in {None, order.total_minor}:
        raise Refused("total_changed", f"the total is now {order.total_minor}", total_minor=order.total_minor)
    draft.status = status_after("place", draft.status)
    draft.version += 1
    _touch(session, draft)
    draft.customer_id, draft.total_minor = order.customer_id, order.total_minor
    # The order has it all; a second copy would only be one more to erase.
    draft.contents, draft.customer_name, draft.customer_email = {}, "", ""
    return order


def _fill(session: Session, draft: Draft, contents: OrderContents, earlier: Sequence[LineInput]) -> Quote:
    terms = terms_of(session, draft.seller_code, draft.market_code, contents)
    if "lines" in contents:
        contents = contents | {"lines": _settled(session, terms, contents["lines"], earlier)}
    draft.contents = msgspec.to_builtins(contents)
    draft.market = session.get_one(Market, draft.market_code)
    _touch(session, draft)
    quoted = quote(session, draft, terms)
    draft.customer_id = terms.customer.id if terms.customer else None
    draft.customer_name, draft.customer_email = quoted.customer.name, quoted.customer.email
    draft.total_minor = quoted.totals.total_minor
    return quoted


def _settled(
    session: Session, terms: Terms, lines: Sequence[LineInput], earlier: Sequence[LineInput]
) -> list[LineInput]:
    """The lines, each with who set its price, and the earlier name and price of its product.

    Naming the market's price is no override: it takes note of that price.
    """
    known = {line["sku"]: line for line in earlier}
    named_by = {
        (line["sku"], line["unit_price_minor"]): line.get("price_set_by")
        for line in earlier
        if "unit_price_minor" in line
    }
    unknown = [
        place for place, line in enumerate(lines) if line["sku"] not in terms.offers.keys() | known.keys()
    ]
    if unknown:
        raise Invalid(**{f"lines.{place}.sku": "the seller has no such product" for place in unknown})
    settled = []
    for line in lines:
        offer, before = terms.offers.get(line["sku"]), known.get(line["sku"])
        price = line.get("unit_price_minor")
        kept: LineInput = {**line}
        if price is None or (offer is not None and price == offer.price_minor):
            kept.pop("unit_price_minor", None)
        else:
            kept["price_set_by"] = named_by.get((line["sku"], price)) or actor_of(session).name
        if before is not None and "quoted" in before and price is None:
            kept["quoted"] = before["quoted"]
        elif offer is not None:
            kept["quoted"] = _quoted(offer)
        settled.append(kept)
    return settled


def _quoted(offer: Offer) -> Quoted:
    return {"name": offer.name, "price_minor": offer.price_minor}


def _deleted(session: Session, draft_id: UUID) -> str | None:
    lock_order(session, draft_id)
    draft = session.get(Draft, draft_id, populate_existing=True)
    if draft is None:  # deleted by another meanwhile
        return "not_found"
    if draft.status is OrderStatus.PLACED:
        return "already_placed"
    session.delete(draft)
    session.flush()
    return None


def _abandon(session: Session, draft: Draft) -> None:
    draft.status = status_after("abandon", draft.status)
    draft.version += 1
    _touch(session, draft)


def _touch(session: Session, draft: Draft) -> None:
    draft.updated_by, draft.updated_at = actor_of(session).name, clock.now()


def _abandoned_at(draft: Draft) -> datetime:
    return draft.updated_at + timedelta(days=draft.market.abandon_drafts_after_days)


def _owe_abandonment(session: Session, draft: Draft) -> None:
    # One job at a time: the next is owed when this one finds that the draft was touched.
    enqueue(
        session,
        "abandonment",
        key=f"abandonment:{draft.id}:{new_id()}",
        order_id=draft.id,
        number="",
        run_at=_abandoned_at(draft),
        argument={"draft_id": str(draft.id)},
    )


def _contents(order: Order) -> OrderContents:
    places = {group.id: place for place, group in enumerate(order.delivery_groups)}
    contents: OrderContents = {
        "customer": {"id": order.customer_id},
        "billing_address": order.billing_address,
        "delivery_groups": [_delivery(group) for group in order.delivery_groups],
        "lines": [_line(line, places[line.group_id]) for line in order.lines],
        "coupons": order.coupons,
        "channel": order.channel,
        "locale": order.locale,
    }
    if order.payment_method in order.market.payment_methods:
        contents["payment_method"] = order.payment_method
    return contents


def _delivery(group: DeliveryGroup) -> DeliveryInput:
    """The same delivery, without the requested date, which is past."""
    again = delivery_input(group) | {"requested_on": None}
    return cast(DeliveryInput, {name: value for name, value in again.items() if value is not None})


def _line(line: OrderLine, place: int) -> LineInput:
    # The market's price, which is not what was asked where another tax is inside it, or none.
    named = line.price_set_by is not None or line.list_price_minor is None
    price = line.unit_price_minor if named else line.list_price_minor
    return {
        "sku": line.sku,
        "quantity": line.quantity,
        "delivery_group": place,
        "quoted": {"name": line.name, "price_minor": price},
    }
