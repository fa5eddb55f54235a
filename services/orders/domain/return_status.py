"""The life of a return: which action may start where, and where it leads."""

from collections.abc import Mapping
from enum import StrEnum

from shared.life import Life, Refusal


class ReturnStatus(StrEnum):
    """Where a return is in its life."""

    REQUESTED = "requested"  # customer or staff would like to; staff decide
    APPROVED = "approved"  # shipping expects the goods, until the return expires
    REJECTED = "rejected"  # final
    RECEIVED = "received"  # the goods are here, inspected; what for them is to be decided
    REFUNDED = "refunded"  # money goes back; closed when it has
    EXCHANGED = "exchanged"  # another order takes its place
    CLOSED = "closed"  # final, unless goods come after all


class ReturnReason(StrEnum):
    """Why goods come back, in words for machines; anything more personal is the note."""

    DAMAGED = "damaged"
    FAULTY = "faulty"
    WRONG_ITEM = "wrong_item"
    NOT_AS_DESCRIBED = "not_as_described"
    TOO_LATE = "too_late"
    NOT_WANTED = "not_wanted"
    OTHER = "other"


class CloseReason(StrEnum):
    """How a return ended."""

    DONE = "done"  # refunded or exchanged
    DISMISSED = "dismissed"  # received, and nothing is given for it
    EXPIRED = "expired"  # the goods never came
    WITHDRAWN = "withdrawn"


TRANSITIONS: dict[tuple[str, ReturnStatus], ReturnStatus] = {
    ("approve", ReturnStatus.REQUESTED): ReturnStatus.APPROVED,
    ("reject", ReturnStatus.REQUESTED): ReturnStatus.REJECTED,
    ("withdraw", ReturnStatus.REQUESTED): ReturnStatus.CLOSED,
    ("withdraw", ReturnStatus.APPROVED): ReturnStatus.CLOSED,
    ("expire", ReturnStatus.APPROVED): ReturnStatus.CLOSED,
    ("receive", ReturnStatus.APPROVED): ReturnStatus.RECEIVED,
    ("receive", ReturnStatus.CLOSED): ReturnStatus.RECEIVED,  # they were on their way when it was given up
    ("refund", ReturnStatus.APPROVED): ReturnStatus.REFUNDED,  # without the goods: that needs a reason
    ("refund", ReturnStatus.RECEIVED): ReturnStatus.REFUNDED,
    ("exchange", ReturnStatus.RECEIVED): ReturnStatus.EXCHANGED,
    ("dismiss", ReturnStatus.RECEIVED): ReturnStatus.CLOSED,
    ("close", ReturnStatus.REFUNDED): ReturnStatus.CLOSED,
    ("close", ReturnStatus.EXCHANGED): ReturnStatus.CLOSED,
}

# What a person may ask of a return; every read of it answers each with possible or the reason why not.
ACTIONS = ("approve", "reject", "withdraw", "refund", "dismiss")

# Goods of these are not coming any more, or never were to.
ENDED = frozenset({ReturnStatus.REJECTED, ReturnStatus.CLOSED})


_LIFE = Life("return", TRANSITIONS)
status_after = _LIFE.status_after


def actions(status: ReturnStatus) -> Mapping[str, Refusal | None]:
    """What is possible now (None), and what stands against everything else."""
    return {action: _LIFE.status_refusal(action, status) for action in ACTIONS}
