"""Settings of the shipping service, beyond those that all services have."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared.settings import ServiceSettings, is_webhook_secret, only


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of shipping's processes."""

    # carrier=whsec_…, or carrier/seller=whsec_… for an account that the seller has with it: what signs calls;
    # while it is changed the same name twice
    carrier_secrets: tuple[str, ...] = only("api", default=(), is_optional=True)

    def faults(self) -> Iterator[str]:
        """The settings that are invalid, by environment variable."""
        yield from super().faults()
        if not all(is_webhook_secret(entry.partition("=")[2]) for entry in self.carrier_secrets):
            yield (
                "CARRIER_SECRETS should be carrier=whsec_ or carrier/seller=whsec_ and base64, "
                "separated by commas"
            )

    def secrets_of_carrier(self, carrier: str, seller: str = "") -> tuple[str, ...]:
        """The secrets for a carrier's calls, or those of a seller's own account; two during a rotation."""
        account = f"{carrier}/{seller}" if seller else carrier
        named = (entry.split("=", 1) for entry in self.carrier_secrets)
        return tuple(secret for name, secret in named if name == account)

    def sellers_with_account(self, carrier: str) -> frozenset[str]:
        """The sellers that have an account of their own with a carrier."""
        accounts = (entry.partition("=")[0].partition("/") for entry in self.carrier_secrets)
        return frozenset(seller for of, _, seller in accounts if of == carrier and seller)
