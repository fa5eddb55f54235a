"""The order in which an order's steps follow each other."""

from collections import deque

from services.orders.domain.order_status import TRANSITIONS
from shared.events.snapshots import OrderStatus


def steps_before(action: str, status: OrderStatus) -> list[str]:
    """What an order of this status has to go through before the action can start, by the shortest way.

    Empty where the action can start at once, and where no way leads to it any more.
    """
    ways: deque[tuple[OrderStatus, list[str]]] = deque([(status, [])])
    seen = {status}
    while ways:
        at, steps = ways.popleft()
        if (action, at) in TRANSITIONS:
            return steps
        for (step, start), end in TRANSITIONS.items():
            if start is at and end not in seen:
                seen.add(end)
                ways.append((end, [*steps, step]))
    return []
