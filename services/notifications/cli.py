"""Operator commands of notifications, and checks of its mail server, event feed and webhooks."""

from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

import click
from sqlalchemy import select

from services.notifications import consumers, db, jobs, sending, webhook_jobs  # noqa: F401 - they register themselves
from services.notifications.domain.webhooks import TOLD_AFTER, WebhookState
from services.notifications.messaging import messaging
from services.notifications.models import FeedHead, FeedOrder, Webhook
from services.notifications.queries import feed, webhooks
from services.notifications.settings import Settings
from shared.cli import Service, make_cli
from shared.doctor import LATE_SECONDS, Patient, Trouble
from shared.secrets_at_rest import opened, sealed

MOST_NAMED = 5


def mail_server(patient: Patient) -> Iterator[Trouble]:
    """Whether the mail server accepts our connection and login."""
    assert isinstance(patient.settings, Settings)
    if not patient.settings.smtp_url:
        return  # this process sends nothing and is not told; run it where the worker runs
    try:
        sending.greet(patient.settings.smtp_url)
    except sending.Delayed as error:
        yield Trouble(
            f"the mail server refuses us: {error}",
            "E-mails are not sent, and given up after three days",
            "Check that it is running, and that SMTP_URL has the right host, user and password",
        )


def feed_of_events(patient: Patient) -> Iterator[Trouble]:
    """Whether events get their positions in the feed."""
    with patient.sessions() as session:
        waits = feed.oldest_waiting_seconds(session)
        unreadable = feed.count_unreadable(session)
    if waits > LATE_SECONDS:
        yield Trouble(
            f"an event has been waiting {waits:.0f} s for its place in the feed",
            "Neither readers of the feed nor webhooks get new events",
            "Check that notifications' agent is running, and check its log",
        )

    if unreadable:
        yield Trouble(
            f"{unreadable} events have no place in the feed because they can't be read",
            "No integration receives them",
            "See feed_event_set_aside in the agent's log; once fixed, empty `held_for` in `feed_waiting`",
        )


def programs(patient: Patient) -> Iterator[Trouble]:
    """Whether webhooks are being sent and accepted."""
    with patient.sessions() as session:
        late = webhooks.oldest_due_seconds(session)
        troubled = webhooks.in_trouble(session, TOLD_AFTER)
    off = [one for one in troubled if one.state != WebhookState.ACTIVE]
    failing = [one for one in troubled if one.state == WebhookState.ACTIVE]
    if late > LATE_SECONDS:
        yield Trouble(
            f"a webhook has been waiting to be sent for {late:.0f} s",
            "Integrations are told late, through no fault of theirs",
            "Check that the worker of the queue notifications.webhooks is running, and check its log",
        )
    if off:
        yield Trouble(
            f"{len(off)} webhooks were switched off: {_named(off)}",
            "Their events are only in the feed now, for as long as it keeps them",
            "See what they answered (`GET /v1/webhooks/{id}/deliveries`), then `POST …/enable`, `…/resend`",
        )
    if failing:
        yield Trouble(
            f"{len(failing)} webhooks have accepted nothing for over an hour: {_named(failing)}",
            "After five days they are switched off",
            "Ask whoever maintains each (see `email`); `deliveries` shows its responses",
        )


def _named(some: Sequence[Webhook]) -> str:
    """Webhooks by id and host; the rest of a URL may be a secret."""
    named = [f"{one.id} ({urlsplit(one.address).hostname})" for one in some[:MOST_NAMED]]
    return ", ".join([*named, "…"] if len(some) > MOST_NAMED else named)


cli = make_cli(
    messaging,
    db.sessions,
    Settings,
    db.bind,
    versions=[FeedOrder.__table__.c.sequence],
    positions=[FeedHead.__table__.c.position],
    checks=[mail_server, feed_of_events, programs],
)


@cli.command()
@click.pass_obj
def reseal(service: Service) -> None:
    """Re-encrypt every webhook's secret with the newest of WEBHOOK_KEYS, so that older ones can go."""
    assert isinstance(service.settings, Settings)
    keys = service.settings.webhook_keys
    if not keys:
        raise click.ClickException("WEBHOOK_KEYS is not set: run this where notifications' API runs")
    with service.session() as session:
        ids = session.scalars(select(Webhook.id)).all()
    for webhook_id in ids:
        with service.session() as session:
            webhook = session.get(Webhook, webhook_id, with_for_update=True)
            if webhook is None:  # deleted meanwhile
                continue
            webhook.secret = sealed(keys, opened(keys, webhook.secret))
            if webhook.previous_secret is not None:
                webhook.previous_secret = sealed(keys, opened(keys, webhook.previous_secret))
    click.echo(f"{len(ids)} webhooks' secrets are encrypted with the newest key")


if __name__ == "__main__":
    cli()
