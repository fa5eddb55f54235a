"""Normalises tracking numbers."""


def normalise(typed: str) -> str:
    """A tracking number in capitals without spaces, since people and carriers write both ways."""
    return "".join(typed.split()).upper()
