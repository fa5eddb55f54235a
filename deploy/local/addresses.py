"""Where a running Waybill is reached: all that one needs to drive it from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The way into one running system."""

    services: Mapping[str, str]  # the base address of each service's API
    token: str  # a bearer token for everything
    gateway_secret: str  # what the payment gateway signs its calls with
    flower: str
    mail_page: str | None  # None where mails go to an outside server
    mail_folder: Path | None
