"""What shipping needs to know beyond what every service does."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.settings import ServiceSettings, is_webhook_secret


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of shipping's processes."""

    carrier_secrets: tuple[str, ...] = ()  # carrier=whsec_…: what each signs its calls with

    def faults(self) -> Iterator[str]:
        """What can't be meant, by the variable."""
        yield from super().faults()
        if not all(is_webhook_secret(entry.partition("=")[2]) for entry in self.carrier_secrets):
            yield "CARRIER_SECRETS should be carrier=whsec_ and base64, separated by commas"

    def carrier_secret(self, carrier: str) -> str | None:
        """What a carrier signs its calls with; None for one that makes none."""
        return dict(entry.split("=", 1) for entry in self.carrier_secrets).get(carrier)
