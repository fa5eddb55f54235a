"""State machines as tables: which action is allowed in which status, where it leads, and why not."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Generic, TypeVar

from shared.errors import Refused

Status = TypeVar("Status", bound=StrEnum)


@dataclass(frozen=True)
class Refusal:
    """Why an action is not possible, for programs and people, with the underlying facts."""

    reason: str
    detail: str
    facts: Mapping[str, Any] = field(default_factory=dict)


def refuse(refusal: Refusal | None, **facts: Any) -> None:
    """Raise Refused if there is a refusal, with its reason, its facts and any given here."""
    if refusal:
        raise Refused(refusal.reason, refusal.detail, **refusal.facts, **facts)


@dataclass(frozen=True)
class StateMachine(Generic[Status]):
    """The transitions of one kind of thing; any that isn't listed is refused."""

    thing: str
    transitions: Mapping[tuple[str, Status], Status]
    reason: Callable[[str, Status], str] = lambda _action, _status: "wrong_status"

    def may(self, action: str, status: Status) -> bool:
        """Whether an action is allowed in a status."""
        return (action, status) in self.transitions

    def status_after(self, action: str, status: Status) -> Status:
        """The status an action leads to; raises Refused if it isn't allowed."""
        refuse(self.status_refusal(action, status))
        return self.transitions[action, status]

    def status_refusal(self, action: str, status: Status) -> Refusal | None:
        """The refusal a status gives for an action; None if it is allowed."""
        return None if self.may(action, status) else self.wrong_status(action, status)

    def wrong_status(self, action: str, status: Status) -> Refusal:
        """The refusal of an action because of the current status."""
        return Refusal(
            self.reason(action, status),
            f"{action} is not possible while the {self.thing} is {status}",
            {f"{self.thing}_status": status.value},
        )
