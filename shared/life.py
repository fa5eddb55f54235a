"""The life of a thing as a table: which action may start in which status, where it leads, and why not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from shared.errors import Refused

Status = TypeVar("Status", bound=StrEnum)


@dataclass(frozen=True)
class Refusal:
    """Why an action is not possible, for machines and for people, with the facts it rests on."""

    reason: str
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def refuse(refusal: Refusal | None, **facts: Any) -> None:
    """Go on only if nothing stands against an action; raises Refused with its reason and facts, and these."""
    if refusal:
        raise Refused(refusal.reason, refusal.detail, **refusal.facts, **facts)


@dataclass(frozen=True)
class Life(Generic[Status]):
    """The moves of one kind of thing: every move that is not among them is refused."""

    thing: str
    transitions: Mapping[tuple[str, Status], Status]
    reason: Callable[[str, Status], str] = lambda _action, _status: "wrong_status"

    def may(self, action: str, status: Status) -> bool:
        """Whether an action may start in a status."""
        return (action, status) in self.transitions

    def status_after(self, action: str, status: Status) -> Status:
        """Where an action leads; raises Refused where it can't start."""
        refuse(self.status_refusal(action, status))
        return self.transitions[action, status]

    def status_refusal(self, action: str, status: Status) -> Refusal | None:
        """What a thing's status has against an action; None where it may start."""
        return None if self.may(action, status) else self.wrong_status(action, status)

    def wrong_status(self, action: str, status: Status) -> Refusal:
        """The refusal of an action because of the status."""
        return Refusal(
            self.reason(action, status),
            f"{action} is not possible while the {self.thing} is {status}",
            {f"{self.thing}_status": status.value},
        )
