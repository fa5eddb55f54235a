"""The states of a return: which actions are possible when, and what state they lead to."""

from collections.abc import Mapping

from shared.events.snapshots import ReturnStatus
from shared.state_machine import Refusal, StateMachine

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


_STATES = StateMachine("return", TRANSITIONS)
status_after = _STATES.status_after


def actions(status: ReturnStatus, *, refunded: bool = False) -> Mapping[str, Refusal | None]:
    """Each action with what blocks it, or None if it is possible now; what was refunded is not once more."""
    found = {action: _STATES.status_refusal(action, status) for action in ACTIONS}
    if refunded and found["refund"] is None:
        found["refund"] = Refusal("already_refunded", "it has already been refunded")
    return found
