"""Keeping the words that orders are found by. The caller owns the transaction."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import delete, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.orders.domain.finding import WordKind, word_of
from services.orders.models import Order, OrderWord

Word = tuple[WordKind, str]


def words_of(order: Order) -> frozenset[Word]:
    """The words that stand in the order itself."""
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


def rows_of(order: Order) -> list[dict[str, Any]]:
    """The same as rows, for an order that is being placed."""
    place = {"placed_at": order.placed_at, "order_id": order.id}
    return [{"kind": kind, "word": word, **place} for kind, word in words_of(order)]


def restate_words(session: Session, order: Order, before: frozenset[Word]) -> None:
    """Find an order by what stands in it now, no longer by what only stood in it before a change."""
    after = words_of(order)
    if gone := before - after:
        session.execute(
            delete(OrderWord).where(
                tuple_(OrderWord.kind, OrderWord.word).in_(gone),
                OrderWord.placed_at == order.placed_at,
                OrderWord.order_id == order.id,
            )
        )
    _insert(session, order.id, after - before)


def add_words(session: Session, order_id: UUID, kind: WordKind, texts: Iterable[str]) -> None:
    """Find an order by more words, also by some it has already; an empty text is none."""
    _insert(session, order_id, {(kind, word) for text in texts if (word := word_of(kind, text))})


def _insert(session: Session, order_id: UUID, words: Iterable[Word]) -> None:
    for kind, word in sorted(words):
        row = select(literal(kind, OrderWord.kind.type), literal(word), Order.placed_at, Order.id)
        columns = ["kind", "word", "placed_at", "order_id"]
        new = insert(OrderWord).from_select(columns, row.where(Order.id == order_id))
        session.execute(new.on_conflict_do_nothing())
