"""Where a running Waybill can be reached, for driving it from outside."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.local.databases import SERVICES
from deploy.local.keys import ALL_SCOPES, Keys
from deploy.local.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Addresses:
    """The addresses and tokens of one running system."""

    services: Mapping[str, str]  # the base address of each service's API
    token: str  # a bearer token for everything
    gateway_secret: str  # what the payment gateway signs its calls with
    mail_page: Callable[[str], str] | None  # by its path; None where mails go to an outside server
    mail_folder: Path | None


def behind_gateway(settings: Settings, gateway: str) -> Addresses:
    """Access to a system with all services at one address, using this machine's keys."""
    keys = Keys(settings.folder / "keys")
    return Addresses(
        services={service: f"{gateway}/{service}" for service in SERVICES},
        token=keys.token("operator", scopes=ALL_SCOPES),
        gateway_secret=settings.secrets.get("GATEWAY_SECRET", keys.gateway_secret).partition(",")[0],
        mail_page=None,
        mail_folder=None,
    )
