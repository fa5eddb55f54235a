"""Settings of the notifications service, in addition to those of every service."""

from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import parseaddr

from shared.email_addresses import is_email_address
from shared.messaging.retention import KEPT
from shared.secrets_at_rest import is_key
from shared.settings import ServiceSettings, only


@dataclass(frozen=True, kw_only=True)
class Settings(ServiceSettings):
    """The settings of the notifications service's processes."""

    # Papers are fetched for e-mails, and their links written.
    service_token: str = only("api", "worker", "agent")
    customer_link_keys: tuple[str, ...] = only("api", "worker", default=())
    smtp_url: str = only(
        "worker"
    )  # smtp://user:password@host:port (STARTTLS where it is offered) or smtps://…
    mail_from: str  # the address that every e-mail is sent from, with the name that sellers see
    merge_seconds: float = 5  # how long "received" and "accepted" wait, to tell what happens meanwhile too
    mail_retry_cap_seconds: float = 3600  # the longest wait before an e-mail is tried again
    digest_hour: int = 8  # of the market's clock, when sellers are told what is overdue
    reply_hours: float = 24  # within which a customer's message is to be answered
    customer_link_days: int = 90  # how long the link in an e-mail opens its order
    feed_days: int = KEPT.days  # how long the feed of events goes back; no longer than what was heard is kept
    # What webhooks' secrets are sealed with in the database: 32 bytes each in base64, newest first.
    webhook_keys: tuple[str, ...] = only("api", "webhooks", default=())
    webhooks_per_seller: int = 20
    webhook_days: int = 30  # how long is kept what webhooks were sent, and what they answered
    webhooks_local: int = 0  # 1: they may go to this machine itself, by http; for development on one machine

    def faults(self) -> Iterator[str]:
        """Invalid values, by variable."""
        yield from super().faults()
        if self.smtp_url and not self.smtp_url.startswith(("smtp://", "smtps://")):
            yield "SMTP_URL should begin with smtp:// or smtps://"
        if not self.mail_from.isprintable() or not is_email_address(parseaddr(self.mail_from)[1]):
            yield "MAIL_FROM should be an e-mail address, with a name before it or not"
        if not all(map(is_key, self.webhook_keys)):
            yield "WEBHOOK_KEYS should be keys of 32 bytes in base64"
        if self.webhooks_local not in {0, 1}:
            yield "WEBHOOKS_LOCAL should be 0 or 1"
        if self.digest_hour not in range(24):
            yield "DIGEST_HOUR should be from 0 to 23"
        if not 1 <= self.feed_days <= KEPT.days:
            yield f"FEED_DAYS should be from 1 to {KEPT.days}"
