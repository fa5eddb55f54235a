"""Sending e-mails, one job each: render, fetch attachments, send, record the reply."""

from dataclasses import replace
from datetime import timedelta
from email.utils import parseaddr
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from prometheus_client import Counter
from sqlalchemy.orm import Session, sessionmaker

from services.notifications import attachments, queries, rendering, sending
from services.notifications.commands import emails as commands
from services.notifications.commands import overdue
from services.notifications.db import settings_of
from services.notifications.domain import headers
from services.notifications.domain.order_snapshots import CustomerSecrets, OrderSnapshots
from services.notifications.domain.smtp_replies import SmtpReply, smtp_reply
from services.notifications.domain.steps import ABOUT_WEBHOOKS, is_merged
from services.notifications.domain.webhooks import ALL
from services.notifications.messaging import jobs
from services.notifications.models import Email, Webhook
from services.notifications.rendering import RenderedEmail
from services.notifications.settings import Settings
from shared import clock
from shared.collect_codes import collect_code
from shared.customer_tokens import make_token
from shared.db import each_alone
from shared.events.snapshots import EmailStatus, Recipient, Step
from shared.logging import causation_id, correlation_id
from shared.messaging.backoff import Backoff
from shared.messaging.jobs import Effect, PermanentFailure, RetryLater
from shared.messaging.order_locks import lock_order
from shared.metrics import when_committed
from shared.settings import bearer

EMAILS = Counter(
    "waybill_emails",
    "Tries of an e-mail by their outcome: sent, delayed (it is tried again) or given_up.",
    ["outcome"],
)
for outcome in ("sent", "delayed", "given_up"):
    EMAILS.labels(outcome)  # a rate is only seen from a 0 on

MOST_OVERDUE = 1000  # read for a digest, which counts them and names the first of each kind
PATIENCE_SECONDS = 3 * 24 * 3600  # as long as mail servers keep trying among themselves


@jobs.kind("email", limit_seconds=60, patience_seconds=PATIENCE_SECONDS)
def send_email(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Send an e-mail if it is still to be sent.

    A kill between the server's 250 and the commit that follows sends it again, with the same Message-ID
    and the same bytes: SMTP has no way to ask whether an e-mail has arrived.
    """
    email_id = UUID(argument["email_id"])
    with sessions() as session:
        each_alone(session)
        settings = settings_of(session)
        email, content, paused_until = queries.email_to_send(session, email_id)
        is_called_off = email.recipient == Recipient.COURIER and not commands.courier_of(
            queries.shipments_of(session, email.order_id), email
        )
    if (
        email.status in {EmailStatus.SENT, EmailStatus.MERGED} or not email.address
    ):  # by a worker thought dead; or erased
        return None
    if is_called_off:
        raise PermanentFailure("the shipment is no longer this courier's to deliver")
    if paused_until and (wait := (paused_until - clock.now()).total_seconds()) > 0:
        # Spread, so that those who wait do not all knock at once.
        raise RetryLater(Backoff(wait, wait).seconds(1), "its domain is throttling us")
    # The job may have been owed when the e-mail before it ended; what is told follows from its own cause.
    correlation_id.set(email.correlation_id)
    causation_id.set(str(email.caused_by or ""))
    try:
        content = content or _put_into_words(sessions, email, settings)
        if not content:
            return None
        sender = headers.wire_address("From", parseaddr(settings.mail_from)[1])
        recipient = headers.wire_address("To", email.address)
        envelope = sending.Envelope(sender=sender, recipient=recipient, content=content)
        taken = sending.send(envelope, settings.smtp_url)
        EMAILS.labels("sent").inc()
    except httpx2.HTTPError as error:
        raise _later(
            sessions, email, smtp_reply(None, f"documents: {type(error).__name__}"), settings
        ) from error
    except sending.Delayed as error:
        raise _later(sessions, email, error.answer, settings) from error
    except (attachments.Missing, headers.Unsafe) as error:
        _log(sessions, email, "refused", smtp_reply(None, str(error)))
        raise PermanentFailure(str(error)) from error
    except sending.RefusedForGood as error:
        _log(sessions, email, "refused", error.answer)
        raise PermanentFailure(str(error)) from error
    return partial(commands.email_sent, sent=email, answer=taken, was_throttled=paused_until is not None)


@jobs.kind("digest", limit_seconds=30)
def write_digest(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:  # noqa: ARG001 - all of it is effect
    """Queue a seller's morning e-mail about overdue tasks in a market, if there are any."""
    return partial(overdue.write_digest, argument=argument)


@jobs.on_dead("email")
def give_up_email(session: Session, argument: dict[str, Any], reason: str) -> None:
    """Mark an e-mail as failed, with the reason, and let the next one go."""
    told = smtp_reply(None, reason.removeprefix("PermanentFailure: ").removeprefix("RetryLater: "))
    when_committed(session, EMAILS.labels("given_up").inc)
    commands.give_up_email(session, UUID(argument["email_id"]), told.text)


def _put_into_words(sessions: sessionmaker[Session], email: Email, settings: Settings) -> bytes:
    """Render an e-mail once, from the newest state at its first attempt, and store it before sending."""
    merged: list[Email] = []
    if email.step == Step.OVERDUE:
        words = _digest(sessions, email)
    elif email.step in ABOUT_WEBHOOKS:
        words = _about_webhook(sessions, email, settings)
    else:
        words, merged = _letter(sessions, email, settings)
    papers = tuple(
        sending.Attachment(
            filename=paper["filename"],
            content=attachments.fetch(paper, settings.documents_url, bearer(settings.service_token)),
        )
        for paper in commands.enclosures(email, merged)
    )
    content = sending.message(_outgoing(email, words, papers), settings.mail_from)
    with sessions.begin() as session:
        lock_order(session, email.order_id)
        return commands.keep_content(session, email.id, subject=words.subject, content=content, merged=merged)


def _letter(
    sessions: sessionmaker[Session], email: Email, settings: Settings
) -> tuple[RenderedEmail, list[Email]]:
    """The text of an e-mail about an order, and the queued ones it makes redundant."""
    with sessions() as session:
        each_alone(session)
        known = queries.snapshots_of(session, email.order_id)
        behind = queries.behind(session, email)
        messages = queries.quoted_messages(session, email, behind)
    assert known is not None  # no e-mail is owed before its order is known
    merged = [later for later in behind if is_merged(later.step, email.step, known.order)]
    encloses = email.step == Step.ACCEPTED and bool(commands.enclosures(email, merged))
    known = replace(known, messages=messages, encloses=encloses)
    secrets = _customer_secrets(email, known, settings)
    words = rendering.render(Step(email.step), email.locale, email.about, known, secrets)
    return words, merged


def _digest(sessions: sessionmaker[Session], email: Email) -> RenderedEmail:
    with sessions() as session:
        assert email.about is not None
        known = queries.snapshots_of(session, email.about)  # any order of theirs: it knows the seller
        late = queries.overdue(session, email.seller, email.market, clock.now(), MOST_OVERDUE)
    assert known is not None
    return rendering.render_digest(email.locale, known.order, late)


def _about_webhook(sessions: sessionmaker[Session], email: Email, settings: Settings) -> RenderedEmail:
    with sessions() as session:
        each_alone(session)
        # An order of the market that reads it, if there is any.
        known = None if email.about is None else queries.snapshots_of(session, email.about)
        webhook = session.get(Webhook, UUID(email.recipient_id))
    if webhook is None or webhook.deleted_at is not None:
        raise PermanentFailure("the webhook was deleted")
    own = f"{settings.public_url}/notifications" if settings.public_url else settings.notifications_url
    return rendering.render_webhook(
        Step(email.step),
        email.locale,
        known.order if known else None,
        is_sellers=email.seller != ALL,
        host=urlsplit(webhook.address).hostname or "",
        api=f"{own}/v1/webhooks/{webhook.id}",
        since=webhook.failing_since or email.created_at,
    )


def _customer_secrets(email: Email, known: OrderSnapshots, settings: Settings) -> CustomerSecrets:
    """The customer's link, and the collection code of the shipment the e-mail is about."""
    if email.recipient != Recipient.CUSTOMER:
        return CustomerSecrets()
    keys = settings.customer_link_keys
    ends_at = email.created_at + timedelta(days=settings.customer_link_days)
    token = make_token(keys, email.order_id, ends_at, known.order.link_serial)
    codes = [
        collect_code(keys, shipment.shipment_id, shipment.collect_code)
        for shipment in (known.shipments.shipments if known.shipments else ())
        if shipment.shipment_id == email.about and shipment.collect_code
    ]
    return CustomerSecrets(
        order_page=f"{settings.customer_page('orders', 'order')}?token={token}",
        messages_page=f"{settings.customer_page('notifications', 'messages/page')}?token={token}",
        collect_code="".join(codes),
    )


def _outgoing(email: Email, words: RenderedEmail, papers: tuple[sending.Attachment, ...]) -> sending.Outgoing:
    return sending.Outgoing(
        message_id=email.message_id,
        address=email.address,
        reply_to=email.reply_to,
        sender_name=email.sender_name,
        locale=email.locale,
        subject=words.subject,
        text=words.text,
        html=words.html,
        written_at=email.created_at,
        attachments=papers,
    )


def _later(
    sessions: sessionmaker[Session], email: Email, delayed: SmtpReply, settings: Settings
) -> RetryLater:
    EMAILS.labels("delayed").inc()
    with sessions.begin() as session:
        lock_order(session, email.order_id)
        commands.email_delayed(session, email.id, delayed)
        tries = queries.number_of_attempts(session, email.id)
    backoff = Backoff(settings.retry_base_seconds, settings.mail_retry_cap_seconds)
    return RetryLater(backoff.seconds(tries), str(delayed))


def _log(sessions: sessionmaker[Session], email: Email, outcome: str, answer: SmtpReply) -> None:
    with sessions.begin() as session:
        lock_order(session, email.order_id)
        commands.log_attempt(session, email.id, outcome, answer)
