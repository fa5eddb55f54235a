"""The one form of a tracking number, whoever writes it."""


def normalise(typed: str) -> str:
    """A tracking number in capitals and without blanks: people and carriers write one in both ways."""
    return "".join(typed.split()).upper()
