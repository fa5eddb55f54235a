"""The four steps that a customer sees, in the customer's language."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from shared.events.snapshots import MethodKind
from shared.wording import locale_of, words_in


class TimelineStep(StrEnum):
    """A step of the timeline; a shipment has four, the third depending on its method."""

    ACCEPTED = "accepted"
    PREPARING = "preparing"
    SENT = "sent"
    READY_FOR_PICKUP = "ready_for_pickup"
    READY = "ready"
    FINISHED = "finished"


_THIRD = {MethodKind.DELIVERY: TimelineStep.SENT, MethodKind.PICKUP: TimelineStep.READY_FOR_PICKUP}


@dataclass(frozen=True, kw_only=True)
class Milestones:
    """When a shipment reached each stage; None for those still ahead."""

    kind: MethodKind
    accepted_at: datetime | None
    released_at: datetime | None
    ready_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None


@dataclass(frozen=True, kw_only=True)
class ReachedStep:
    """A step of the timeline."""

    step: TimelineStep
    label: str
    at: datetime | None  # None while it lies ahead


def timeline(passed: Milestones, locale: str) -> tuple[ReachedStep, ...]:
    """The four steps of a shipment, with the time each was reached."""
    words = words_in(locale_of(locale).language, "timeline")
    third = _THIRD.get(passed.kind, TimelineStep.READY)
    left = passed.shipped_at if third is TimelineStep.SENT else passed.ready_at
    steps = {
        TimelineStep.ACCEPTED: passed.accepted_at,
        TimelineStep.PREPARING: passed.released_at,
        third: left or passed.delivered_at,
        TimelineStep.FINISHED: passed.delivered_at,
    }
    return tuple(ReachedStep(step=step, label=words[step], at=at) for step, at in steps.items())
