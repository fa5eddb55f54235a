"""Settings of the documents service, in addition to those of every service."""

from collections.abc import Iterator
from dataclasses import dataclass

from shared import stores
from shared.settings import ServiceSettings, only

KEEPERS = ("api", "worker", "agent", "rendering")  # who stores bytes, or erases them


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of the documents service's processes."""

    documents_store: str  # the address of what keeps the papers' bytes: file:///folder, s3://bucket/prefix
    # How an object store is reached; what is empty the library finds out as its clouds' own programs do.
    store_endpoint: str = ""  # of a server that is not the cloud's own
    store_region: str = ""
    store_key_id: str = only(*KEEPERS, is_optional=True)
    store_secret: str = only(*KEEPERS, is_optional=True)

    def faults(self) -> Iterator[str]:
        """Invalid values, by variable."""
        yield from super().faults()
        if fault := stores.fault_of(self.documents_store):
            yield f"DOCUMENTS_STORE {fault}"
        if self.store_endpoint and not self.store_endpoint.startswith(("http://", "https://")):
            yield "STORE_ENDPOINT should begin with http:// or https://"
        if bool(self.store_key_id) != bool(self.store_secret):
            yield "STORE_KEY_ID and STORE_SECRET belong together, but one of them is not set"

    def store_at(self, address: str) -> stores.Store:
        """The store at an address, reached as these settings say."""
        return stores.at(
            address,
            stores.Access(
                endpoint=self.store_endpoint,
                region=self.store_region,
                key_id=self.store_key_id,
                secret=self.store_secret,
            ),
        )
