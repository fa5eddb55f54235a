"""Deadlines for paying and then accepting a placed order; both are suspended while it is on hold."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.events.snapshots import OrderStatus


@dataclass(frozen=True, kw_only=True)
class Deadlines:
    """The deadlines of an order; one that does not apply, or no longer does, is None."""

    payment_due_at: datetime | None = None
    acceptance_due_at: datetime | None = None
    held_since: datetime | None = None  # since when some hold has stood without a break


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """How long a market waits; None means without limit."""

    pay_within_seconds: int | None
    accept_within_seconds: int | None


def deadlines_at(
    now: datetime,
    before: Deadlines,
    allowed: Allowed,
    *,
    status: OrderStatus,
    to_be_paid: bool,
    held: bool,
) -> Deadlines:
    """The current deadlines of an order, from its previous ones.

    An order that must be paid before it is accepted has its payment's deadline first; the seller's time to
    accept begins when the money is there. Each begins when its wait does, and is put off by as long as holds
    stood.
    """
    placed = status is OrderStatus.PLACED
    held_since = (before.held_since or now) if held else None
    begins = held_since or now
    put_off = now - before.held_since if before.held_since and not held else timedelta()
    return Deadlines(
        payment_due_at=_due(
            placed and to_be_paid, before.payment_due_at, put_off, begins, allowed.pay_within_seconds
        ),
        acceptance_due_at=_due(
            placed and not to_be_paid,
            before.acceptance_due_at,
            put_off,
            begins,
            allowed.accept_within_seconds,
        ),
        held_since=held_since,
    )


def _due(
    awaited: bool,
    before: datetime | None,
    put_off: timedelta,
    begins: datetime,
    seconds: int | None,
) -> datetime | None:
    if not awaited:
        return None
    if before is not None:
        return before + put_off
    return None if seconds is None else begins + timedelta(seconds=seconds)
