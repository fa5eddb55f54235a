"""Telling others how much there is, as seldom as once a second for each SKU."""

from sqlalchemy.orm import Session

from services.shipping import events, queries
from services.shipping.commands.stock import lock_levels_of
from shared import clock
from shared.messaging import outbox
from shared.messaging.subjects import lock_order, next_version
from shared.skus import subject

AT_ONCE = 50  # SKUs told in one transaction


def tell_changed_stock(session: Session) -> int:
    """Tell stock.changed for SKUs whose levels changed since they were last told of; answers for how many.

    Each event carries all levels of its SKU. A SKU that was told of within the last second has its turn
    later, with what it has come to by then; two agents that do this at once do not tell twice.
    """
    due = queries.skus_to_tell(session, limit=AT_ONCE)
    for sku in due:
        lock_order(session, subject(sku))
    still_due = queries.skus_to_tell(session, among=due, limit=AT_ONCE) if due else []
    for sku in still_due:
        levels = lock_levels_of(session, sku)
        now = clock.now()
        for level in levels:
            level.told_version = level.version
            level.told_at = now
        session.flush()
        version = next_version(session, subject(sku))
        owners = queries.owners(session, {level.location for level in levels})
        outbox.publish(session, events.stock_changed(sku, version, now, levels, owners))
    return len(still_due)
