"""The four steps that a customer sees, in the customer's language."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.events.snapshots import MethodKind
from shared.wording import locale_of, words_in


class Step(StrEnum):
    """One of the four; the third is one of the last three, never another than its method's."""

    ACCEPTED = "accepted"
    PREPARING = "preparing"
    FINISHED = "finished"
    SHIPPED = "shipped"
    READY_TO_COLLECT = "ready_to_collect"
    READY = "ready"


_THIRD = {MethodKind.DELIVERY: Step.SHIPPED, MethodKind.PICKUP: Step.READY_TO_COLLECT}


@dataclass(frozen=True, kw_only=True)
class Milestones:
    """When a shipment got where; None for what lies ahead."""

    kind: MethodKind
    accepted_at: datetime | None
    released_at: datetime | None
    ready_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class Reached:
    """A step of the timeline."""

    step: Step
    label: str
    at: datetime | None  # None while it lies ahead


def timeline(passed: Milestones, locale: str) -> tuple[Reached, ...]:
    """The four steps of a shipment, each with when it was reached."""
    words = words_in(locale_of(locale).language, "timeline")
    third = _THIRD.get(passed.kind, Step.READY)
    left = passed.shipped_at if third is Step.SHIPPED else passed.ready_at
    steps = {
        Step.ACCEPTED: passed.accepted_at,
        Step.PREPARING: passed.released_at,
        third: left or passed.delivered_at,
        Step.FINISHED: passed.delivered_at,
    }
    return tuple(Reached(step=step, label=words[step], at=at) for step, at in steps.items())
