"""What shipping needs to know beyond what every service does."""

from dataclasses import dataclass

from shared.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of shipping's processes."""

    carrier_secrets: tuple[str, ...] = ()  # carrier=whsec_…: what each signs its calls with

    def carrier_secret(self, carrier: str) -> str | None:
        """What a carrier signs its calls with; None for one that makes none."""
        return dict(entry.split("=", 1) for entry in self.carrier_secrets).get(carrier)
