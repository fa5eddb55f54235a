"""Settings of the orders service, beyond those that all services have."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.settings import ServiceSettings, is_webhook_secret, only


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of the orders service."""

    # whsec_…: what the payment gateway and we sign our calls with (Standard Webhooks); while it is changed
    # two, separated by a comma: either is accepted, and both sign
    gateway_secret: str = only("api", "worker")
    gateway_url: str = ""  # where it is asked to pay back; without it people do that by hand

    def faults(self) -> Iterator[str]:
        """The settings that are invalid, by environment variable."""
        yield from super().faults()
        if not all(map(is_webhook_secret, self.gateway_secrets)):
            yield "GATEWAY_SECRET should be whsec_ and base64, or two of these separated by a comma"

    @property
    def gateway_secrets(self) -> tuple[str, ...]:
        """The secrets shared with the gateway: one, or two during a rotation."""
        return tuple(secret.strip() for secret in self.gateway_secret.split(",") if secret.strip())
