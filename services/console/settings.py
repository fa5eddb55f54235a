"""What the console needs to know: where the APIs and the sessions are, and who says who somebody is."""

from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from shared.settings import ProcessSettings, only

LOOPBACK = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Settings(ProcessSettings):
    """The settings of the console."""

    oidc_issuer: str = ""  # the OpenID Connect provider's address; its access tokens are what the APIs take
    oidc_client_id: str = ""
    oidc_client_secret: str = only("api", is_optional=True)  # a public client has PKCE alone
    oidc_scopes: str = "openid profile"
    local_people: str = ""  # local stacks only: people with tokens, or their file; anybody may be any of them
    # With it, none but those who open /login?key=… first: other people use the machine too.
    local_key: str = only("api", is_optional=True)
    flower_url: str = ""  # where operators find Flower; it asks for its login itself
    session_hours: float = 12  # after so long without a request somebody has to sign in again

    @property
    def is_local(self) -> bool:
        """Whether this is a stack on one machine, where nobody has to prove who they are."""
        return bool(self.local_people)

    @property
    def is_plain(self) -> bool:
        """Whether browsers come by plain http, to which they send no cookie that is marked as secure."""
        return self.is_local and not self.public_url.startswith("https://")

    def faults(self) -> Iterator[str]:
        """What can't be meant, by the variable."""
        yield from super().faults()
        if self.broker_url.startswith("sentinel"):
            yield "BROKER_URL should begin with redis:// or rediss:// here, for sessions are kept there"
        if bool(self.oidc_issuer) is self.is_local:
            yield "OIDC_ISSUER says who signs people in, or LOCAL_PEOPLE who there is; give one of them"
        if self.oidc_issuer and not self.oidc_client_id:
            yield "OIDC_CLIENT_ID is not set"
        if self.oidc_issuer and not _is_safe(self.oidc_issuer):
            yield "OIDC_ISSUER should begin with https://"
        if self.flower_url and not _is_an_address(self.flower_url):
            yield "FLOWER_URL should begin with https:// or http:// and have no login in it"
        if self.oidc_issuer and not self.public_url:
            # Otherwise whoever sends a request says, by its Host, where the code of a login goes.
            yield "PUBLIC_URL is not set, and OIDC_ISSUER sends people back to it"
        if self.is_local and self.public_url and urlsplit(self.public_url).hostname not in LOOPBACK:
            yield "LOCAL_PEOPLE lets everybody in, so PUBLIC_URL may be an address of this machine only"


def _is_an_address(text: str) -> bool:
    parts = urlsplit(text)
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.username is None


def _is_safe(address: str) -> bool:
    parts = urlsplit(address)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in LOOPBACK)
