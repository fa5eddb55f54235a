"""Waybill's own carrier: it makes its tracking numbers and links itself and needs no network."""

CARRIER = "waybill"
SERIAL_DIGITS = 10


def tracking_number(serial: int) -> str:
    """The number of a parcel: WB, ten digits and a check digit, so that a slip of the pen is found out."""
    digits = f"{serial:0{SERIAL_DIGITS}d}"
    return f"WB{digits}{check_digit(digits)}"


def tracking_link(number: str) -> str:
    """Where a customer sees how far a parcel has come."""
    return f"https://track.waybill.example/{number}"


def check_digit(digits: str) -> str:
    """The check digit of GS1 (modulo 10, weights 3 and 1 from the right)."""
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-weighted % 10)
