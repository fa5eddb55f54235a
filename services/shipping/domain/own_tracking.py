"""Waybill's own carrier: assigns its own tracking numbers and links and needs no network."""

CARRIER = "waybill"
SERIAL_DIGITS = 10


def tracking_number(serial: int) -> str:
    """The tracking number of a parcel: WB, ten digits and a check digit that catches typing errors."""
    digits = f"{serial:0{SERIAL_DIGITS}d}"
    return f"WB{digits}{check_digit(digits)}"


def tracking_link(number: str) -> str:
    """The page where a customer can track a parcel."""
    return f"https://track.waybill.example/{number}"


def check_digit(digits: str) -> str:
    """The GS1 check digit (modulo 10, weights 3 and 1 from the right)."""
    weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(reversed(digits)))
    return str(-weighted % 10)
