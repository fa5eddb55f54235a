"""What can go wrong on purpose; the web turns each into a problem answer."""

from typing import Any


class NotFound(Exception):  # noqa: N818 - reads as what happened
    """There is no such thing, or it belongs to someone else."""

    def __init__(self, kind: str, identity: object) -> None:
        super().__init__(f"there is no {kind} {identity}")
        self.kind = kind
        self.identity = str(identity)


class Refused(Exception):  # noqa: N818
    """An action that the thing's state does not allow, with a machine-readable reason."""

    def __init__(self, reason: str, detail: str = "", **facts: Any) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.facts = facts


class Stale(Exception):  # noqa: N818
    """The caller decided on a version that is no longer the newest; carries the current one."""

    def __init__(self, current_version: int) -> None:
        super().__init__(f"the current version is {current_version}")
        self.current_version = current_version


class Invalid(Exception):  # noqa: N818
    """Input that no schema could catch; names each field and what is wrong with it."""

    def __init__(self, **fields: str) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in fields.items()))
        self.fields = fields


class Unavailable(Exception):  # noqa: N818
    """What is needed from outside can't be had now: nothing was changed, and it may be asked again.

    What the caller is told stands first; why, for whoever runs the system, is in the text alone.
    """

    def __init__(self, told: str, why: str) -> None:
        super().__init__(f"{told}: {why}")
        self.told = told
        self.why = why
