"""Notifications' operator verbs, and the check of its mail server."""

from collections.abc import Iterator

from services.notifications import consumers, db, jobs, sending, webhook_jobs  # noqa: F401 - they register themselves
from services.notifications.messaging import messaging
from services.notifications.models import FeedHead, FeedOrder
from services.notifications.settings import Settings
from shared.cli import make_cli
from shared.doctor import Patient, Trouble


def mail_server(patient: Patient) -> Iterator[Trouble]:
    """Whether the mail server lets us in."""
    assert isinstance(patient.settings, Settings)
    if not patient.settings.smtp_url:
        return  # this process sends nothing and is not told; run it where the worker runs
    try:
        sending.greet(patient.settings.smtp_url)
    except sending.Delayed as error:
        yield Trouble(
            f"the mail server does not let us in: {error}",
            "E-mails wait, and are given up after three days",
            "See that it runs, and that SMTP_URL names it, the user and the password",
        )


cli = make_cli(
    messaging,
    db.sessions,
    Settings,
    db.bind,
    versions=[FeedOrder.__table__.c.sequence],
    positions=[FeedHead.__table__.c.position],
    checks=[mail_server],
)

if __name__ == "__main__":
    cli()
