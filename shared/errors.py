"""Errors raised on purpose; the web layer turns each into a problem response."""

from typing import Any


class NotFound(Exception):  # noqa: N818 - reads as what happened
    """The thing does not exist, or belongs to someone else."""

    def __init__(self, kind: str, identity: object) -> None:
        super().__init__(f"there is no {kind} {identity}")
        self.kind = kind
        self.identity = str(identity)


class Refused(Exception):  # noqa: N818
    """An action not allowed in the current state, with a machine-readable reason."""

    def __init__(self, reason: str, detail: str = "", **facts: Any) -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason
        self.detail = detail
        self.facts = facts


class Stale(Exception):  # noqa: N818
    """The caller acted on an outdated version; carries the current one."""

    def __init__(self, current_version: int) -> None:
        super().__init__(f"the current version is {current_version}")
        self.current_version = current_version


class Invalid(Exception):  # noqa: N818
    """Input that a schema can't check; names each field and what is wrong with it."""

    def __init__(self, **fields: str) -> None:
        super().__init__("; ".join(f"{field}: {reason}" for field, reason in fields.items()))
        self.fields = fields


class Unavailable(Exception):  # noqa: N818
    """An external dependency is unavailable: nothing was changed, and the caller may retry.

    What the caller is told stands first; why, for whoever runs the system, is in the text alone.
    """

    def __init__(self, told: str, why: str) -> None:
        super().__init__(f"{told}: {why}")
        self.told = told
        self.why = why
