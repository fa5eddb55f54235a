"""What shipping needs to know."""

from dataclasses import dataclass

from shared.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of shipping's processes: what every service needs, and nothing more."""
