"""What notifications needs to know beside what every service does."""

from dataclasses import dataclass

from shared.settings import ServiceSettings


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of notifications' processes."""

    smtp_url: str  # smtp://user:password@host:port (STARTTLS where it is offered) or smtps://…
    mail_from: str  # the address that every e-mail is sent from, with the name that sellers see
