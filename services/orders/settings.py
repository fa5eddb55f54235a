"""What the orders service needs to know beyond what every service does."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.settings import ServiceSettings, is_webhook_secret, only


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of the orders service."""

    # whsec_…: what the payment gateway and we sign our calls with (Standard Webhooks)
    gateway_secret: str = only("api", "worker")
    gateway_url: str = ""  # where it is asked to pay back; without it people do that by hand

    def faults(self) -> Iterator[str]:
        """What can't be meant, by the variable."""
        yield from super().faults()
        if self.gateway_secret and not is_webhook_secret(self.gateway_secret):
            yield "GATEWAY_SECRET should be whsec_ and base64"
