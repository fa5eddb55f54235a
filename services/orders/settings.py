"""What the orders service needs to know beyond what every service does."""

from dataclasses import dataclass

from shared.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of the orders service."""

    gateway_secret: str  # whsec_…: what the payment gateway and we sign our calls with (Standard Webhooks)
    gateway_url: str = ""  # where it is asked to pay back; without it people do that by hand
