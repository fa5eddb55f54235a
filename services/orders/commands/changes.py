"""Changes to an order: locked, versioned, recorded in its history, and derived values kept up to date."""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import delete, func, insert, select, text, tuple_, update
from sqlalchemy.orm import Session

from services.orders import events, queries
from services.orders.domain import shown_statuses
from services.orders.domain.deadlines import Allowed, Deadlines, deadlines_at
from services.orders.domain.fulfilment import awaiting_inventory, fulfilment_of
from services.orders.domain.order_status import OVER, refusals, status_after
from services.orders.domain.search_words import WordKind, word_of
from services.orders.messaging import messaging
from services.orders.models import CUSTOMER_COLUMNS, CouponUse, HistoryEntry, Order, OrderWord, Payment
from shared import clock
from shared.access import actor_of, require_current
from shared.db import new_id
from shared.events.snapshots import RefundState
from shared.folding import searchable
from shared.messaging import outbox
from shared.messaging.jobs import enqueue
from shared.messaging.order_locks import lock_order
from shared.messaging.outbox import without_snapshot

# What the history shows of an order before and after a change, where the two differ.
_SHOWN = (
    "status",
    "fulfilment",
    "awaiting",
    "payment_state",
    *("lines_minor", "fees_minor", "shipping_minor", "discounts_minor", "tax_added_minor", "total_minor"),
    "cancelled_minor",
    "received_minor",
    "refunded_minor",
    "credited_minor",
    "refund_pending_minor",
    "tags",
)
# And of its customer: only where it is changed, for who ordered, and where it goes, is in the order itself.
PERSON_SHOWN = (*CUSTOMER_COLUMNS.values(), "billing_address", "delivery_addresses")

Word = tuple[WordKind, str]

_INSERT_WORDS = text("""
    insert into order_words (kind, word, placed_at, order_id)
    select new.kind, new.word, orders.placed_at, orders.id
    from orders, unnest(cast(:kinds as text[]), cast(:words as text[])) as new (kind, word)
    where orders.id = :order_id
    order by new.kind, new.word
    on conflict do nothing
""")


# Made once and in one round trip, for this follows every event that is heard.
_INSERT_HEARD = text("""
    insert into order_history (id, order_id, source, event_id, at, actor, action, before, after, detail)
    values (:id, :order_id, :source, :event_id, :at, :actor, :action, '{}', '{}', cast(:detail as jsonb))
    on conflict (event_id) do update set event_id = excluded.event_id
    returning exists (select from orders where orders.id = order_id and anonymised_at is not null)
""")


def locked_order(session: Session, order_id: UUID) -> Order:
    """Lock an order until the transaction ends, and load its current state.

    Raises NotFound for an unknown id or another seller's order, Stale if the caller decided on an older one.
    """
    if not actor_of(session).sees_everything:
        queries.refuse_unseen(session, order_id)  # before the lock: nobody waits at another's order
    lock_order(session, order_id)
    order = queries.order(session, order_id)
    require_current(session, order.version, order_id)
    return order


@contextmanager
def change(session: Session, order: Order, action: str, **detail: Any) -> Iterator[dict[str, Any]]:
    """Make one change: the order's version goes up by one and its history gets one entry, with this detail.

    It is found from then on by what stands in it afterwards; what is read off the rest, the views, the uses
    of coupons and the deadlines, follows by itself.
    """
    before, words, uses, deadlines = (
        _compared(order, _SHOWN + PERSON_SHOWN),
        _search_words(order),
        _coupon_uses(order),
        _deadlines(order),
    )
    yield detail
    derive_columns(order, clock.now())
    order.version += 1
    _update_search_words(session, order, words)
    _update_coupon_uses(session, order, uses)
    session.add(history_entry(session, order, action, before, detail))
    watch_deadline(session, order, deadlines)


def complete_if_done(session: Session, order: Order) -> None:
    """Complete a locked order if every unit was delivered, returned or cancelled, and nothing is owed."""
    if refusals("complete", order.facts):
        return
    with change(session, order, "complete"):
        order.status = status_after("complete", order.status)
        order.completed_at = clock.now()
    outbox.publish(session, events.order_completed(order))


def derive_payment(session: Session, order: Order) -> None:
    """Recalculate the order's payment totals and status from its payments and refunds."""
    session.flush()
    received = select(func.coalesce(func.sum(Payment.amount_minor), 0)).where(
        Payment.order_id == order.id, Payment.voided_at.is_(None)
    )
    order.received_minor = int(session.execute(received).scalar_one())
    standing = [refund for refund in order.refunds if refund.state is not RefundState.WITHDRAWN]
    settled = [refund for refund in standing if refund.state is RefundState.SETTLED]
    order.credited_minor = sum(refund.credited_minor for refund in standing)
    order.refunded_minor = sum(refund.amount_minor for refund in settled)
    order.refund_pending_minor = sum(refund.amount_minor for refund in standing) - order.refunded_minor
    order.payment_state = order.balance.state
    if not order.balance.covered:
        order.covered_at = None
    elif order.covered_at is None:
        order.covered_at = clock.now()


def add_search_words(session: Session, order_id: UUID, kind: WordKind, texts: Iterable[str]) -> None:
    """Add search words to an order; duplicates and empty texts are ignored."""
    _insert(session, order_id, {(kind, word) for text in texts if (word := word_of(kind, text))})


def search_word_rows(order: Order) -> list[dict[str, Any]]:
    """The search words of an order that is being placed, as rows."""
    place = {"placed_at": order.placed_at, "order_id": order.id}
    return [{"kind": kind, "word": word, **place} for kind, word in _search_words(order)]


def coupon_use_rows(order: Order) -> list[dict[str, Any]]:
    """The coupon uses of an order that is being placed, as rows: limits are counted from these alone."""
    of_order = {
        "seller_code": order.seller_code,
        "market_code": order.market_code,
        "order_id": order.id,
        "customer_id": order.customer_id,
    }
    return [of_order | {"code": code, "email": email} for code, email in _coupon_uses(order).items()]


def _update_search_words(session: Session, order: Order, before: frozenset[Word]) -> None:
    """Replace an order's search words with the current ones, after a change."""
    after = _search_words(order)
    if gone := before - after:
        session.execute(
            delete(OrderWord).where(
                tuple_(OrderWord.kind, OrderWord.word).in_(gone),
                OrderWord.placed_at == order.placed_at,
                OrderWord.order_id == order.id,
            )
        )
    _insert(session, order.id, after - before)


def _coupon_uses(order: Order) -> dict[str, str]:
    """The coupons that an order uses, limited or not, each with who by; none once it came to nothing."""
    email = word_of(WordKind.EMAIL, order.customer_email)
    used = () if order.status in OVER else order.coupons
    return {code: email for code in used if code not in order.coupons_refused}


def _update_coupon_uses(session: Session, order: Order, before: Mapping[str, str]) -> None:
    """Record which coupons an order uses now, after a change; earlier uses are given back."""
    after = _coupon_uses(order)
    of_order = CouponUse.order_id == order.id
    if gone := before.keys() - after.keys():
        session.execute(delete(CouponUse).where(of_order, CouponUse.code.in_(gone)))
    if new := [row for row in coupon_use_rows(order) if row["code"] not in before]:
        session.execute(insert(CouponUse), new)
    if any(before[code] != after[code] for code in before.keys() & after.keys()):
        email = word_of(WordKind.EMAIL, order.customer_email)
        session.execute(update(CouponUse).where(of_order).values(email=email))


def history_entry(
    session: Session, order: Order, action: str, before: Mapping[str, Any], detail: Mapping[str, Any]
) -> HistoryEntry:
    """The history entry for a change just made by the session's actor, with the values that changed."""
    after = _compared(order, before or _SHOWN)
    return HistoryEntry(
        order_id=order.id,
        source=messaging.name,
        event_id=None,
        version=order.version,
        at=clock.now(),
        actor=actor_of(session).name,
        action=action,
        before=_differing(before, after),
        after=_differing(after, before),
        detail=detail,
    )


def record_heard(session: Session, envelope: Mapping[str, Any]) -> bool:
    """Record another service's event in its order's history, once, without its snapshot.

    The snapshot holds all the personal data. Answers whether the order's person is erased, of whom the
    teller did not know yet. The event's row in the inbox is forgotten some day; the history is not.
    """
    data: dict[str, Any] = envelope["data"]
    detail = without_snapshot(data)
    if not any("order_id" in data[name] for name in data.keys() - detail.keys()):
        return False  # it is about something else, such as a SKU
    source = envelope["source"].removeprefix("/")
    told = {
        "id": new_id(),
        "order_id": UUID(envelope["subject"]),
        "source": source,
        "event_id": UUID(envelope["id"]),
        "at": datetime.fromisoformat(envelope["time"]),
        "actor": envelope.get("actor") or source,
        "action": envelope["type"],
        "detail": msgspec.json.encode(detail).decode(),
    }
    is_of_an_erased_person: bool = session.execute(_INSERT_HEARD, told).scalar_one()
    return is_of_an_erased_person


def _compared(order: Order, names: Iterable[str]) -> dict[str, Any]:
    return {name: msgspec.to_builtins(getattr(order, name)) for name in names}


def _differing(values: Mapping[str, Any], others: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in others or others[name] != value}


def derive_columns(order: Order, now: datetime) -> None:
    """Update all derived columns: fulfilment, views, deadlines, folded name."""
    goods = order.goods or ()
    held = bool(order.standing_holds)
    order.fulfilment = fulfilment_of(order.wanted_units, goods)
    order.awaiting = None if order.goods is None else awaiting_inventory(goods)
    order.lifecycle = shown_statuses.lifecycle_of(order.status, goods, order.returned_units)
    order.queues = shown_statuses.queues_of(goods)
    order.csr_status = shown_statuses.csr_status_of(order.status, held=held)
    pickup_groups = {group.id for group in order.delivery_groups if group.pickup_point is not None}
    order.timeline = shown_statuses.timeline_of(order.status, goods, pickup_groups)
    deadlines = deadlines_at(
        now,
        _deadlines(order),
        Allowed(
            pay_within_seconds=order.market.pay_within_seconds,
            accept_within_seconds=order.market.accept_within_seconds,
        ),
        status=order.status,
        to_be_paid=not (order.balance.covered or order.payment_method.pays_on_delivery),
        held=held,
    )
    order.payment_due_at = deadlines.payment_due_at
    order.acceptance_due_at = deadlines.acceptance_due_at
    order.held_since = deadlines.held_since
    is_acceptable = not refusals("accept", order.facts)
    order.acceptable_since = (order.acceptable_since or now) if is_acceptable else None
    order.customer_name_folded = searchable(order.customer_name)


def _deadlines(order: Order) -> Deadlines:
    """The order's current deadlines."""
    return Deadlines(
        payment_due_at=order.payment_due_at,
        acceptance_due_at=order.acceptance_due_at,
        held_since=order.held_since,
    )


def watch_deadline(session: Session, order: Order, before: Deadlines) -> None:
    """Schedule a job for the order's new deadline, if it has one and is not on hold."""
    deadlines = _deadlines(order)
    due_at = deadlines.payment_due_at or deadlines.acceptance_due_at
    if due_at is None or deadlines == before or deadlines.held_since is not None:
        return
    enqueue(
        session,
        "deadline",
        key=f"deadline:{order.id}:{due_at.isoformat()}",
        order_id=order.id,
        number=order.number,
        argument={"order_id": str(order.id)},
        run_at=due_at,
    )


def _search_words(order: Order) -> frozenset[Word]:
    """The search words in the order itself."""
    addresses = [group.address for group in order.delivery_groups if group.address]
    found = [
        (WordKind.REFERENCE, order.external_reference or ""),
        (WordKind.EMAIL, order.customer_email),
        (WordKind.PHONE, order.customer_phone),
        *((WordKind.PHONE, address.phone) for address in addresses),
        *((WordKind.SKU, line.sku) for line in order.lines),
        *((WordKind.TAG, tag) for tag in order.tags),
        *((WordKind.QUEUE, queue) for queue in order.queues),
        # A seller has few orders in a queue that, of all sellers, has many.
        *((WordKind.QUEUE, f"{order.seller_code} {queue}") for queue in order.queues),
    ]
    return frozenset((kind, word) for kind, text in found if (word := word_of(kind, text)))


def _insert(session: Session, order_id: UUID, words: Iterable[Word]) -> None:
    if pairs := sorted(words):
        kinds, texts = zip(*pairs, strict=True)
        session.execute(
            _INSERT_WORDS, {"order_id": order_id, "kinds": [str(kind) for kind in kinds], "words": [*texts]}
        )
