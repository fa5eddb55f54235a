"""Staff notes and tags on an order. The caller owns the transaction."""

from collections.abc import Collection
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from services.orders.commands.changes import change, locked_order
from services.orders.domain.search_words import WordKind, word_of
from services.orders.models import Note, Order
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid

MOST_TAGS = 30


def add_note(session: Session, order_id: UUID, *, text: str) -> Note:
    """Add a note to an order, whatever its status; no event is published. Raises NotFound."""
    order = locked_order(session, order_id)
    note = Note(order_id=order.id, text=text, created_by=actor_of(session).name, created_at=clock.now())
    session.add(note)
    session.flush()
    with change(session, order, "add_note", note_id=note.id):
        pass  # nothing of the order itself differs; the note is the record of what it says
    return note


def tag_order(
    session: Session, order_id: UUID, *, add: Collection[str] = (), remove: Collection[str] = ()
) -> Order:
    """Add tags to an order and remove others; adding an existing or removing a missing one does nothing.

    Tags that are found by the same word are one. Raises NotFound, Invalid for more than MOST_TAGS.
    """
    order = locked_order(session, order_id)
    gone = set(map(_word, remove))
    tags = {_word(tag): tag for tag in order.tags if _word(tag) not in gone}
    for tag in add:
        tags.setdefault(_word(tag), tag)
    if len(tags) > MOST_TAGS:
        raise Invalid(add=f"would give the order more than {MOST_TAGS} tags")
    if list(tags.values()) != order.tags:
        with change(session, order, "tag"):
            order.tags = list(tags.values())
    return order


_word = partial(word_of, WordKind.TAG)
