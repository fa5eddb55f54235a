"""What can be done to many orders at once."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BulkAct:
    """One button of the bulk bar."""

    name: str  # its words are bulk.<name>
    operation: str
    dangerous: bool = False


ACTS: tuple[BulkAct, ...] = ()
