"""Sending e-mails, one job each: put into words, fetch what is attached, hand over, note the answer."""

from functools import partial
from typing import Any
from uuid import UUID

import httpx
from sqlalchemy.orm import Session, sessionmaker

from services.notifications import attachments, queries, rendering, sending
from services.notifications.commands import emails as commands
from services.notifications.db import settings_of
from services.notifications.domain.answers import Answer, answer
from services.notifications.domain.steps import Step
from services.notifications.messaging import jobs
from services.notifications.models import Email
from services.notifications.settings import Settings
from shared.events.snapshots import DocumentsSnapshot, OrderSnapshot, ShipmentsSnapshot
from shared.logging import causation_id, correlation_id
from shared.messaging import copies
from shared.messaging.backoff import Backoff
from shared.messaging.jobs import Effect, PermanentFailure, RetryLater
from shared.messaging.subjects import lock_order

PATIENCE_SECONDS = 3 * 24 * 3600  # as long as mail servers keep trying among themselves


@jobs.kind("email", limit_seconds=60, patience_seconds=PATIENCE_SECONDS)
def send_email(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Send an e-mail that is still owed.

    A kill between the server's 250 and the commit that follows sends it again, with the same Message-ID
    and the same bytes: SMTP has no way to ask whether an e-mail has arrived.
    """
    email_id = UUID(argument["email_id"])
    email, settings = _worded(sessions, email_id)
    if email.status == "sent" or not email.address:  # sent by a worker that was thought dead, or erased
        return None
    # The job may have been owed when the e-mail before it ended; what is told follows from its own cause.
    correlation_id.set(email.correlation_id)
    causation_id.set(str(email.caused_by or ""))
    try:
        papers = tuple(
            sending.Attachment(
                filename=paper["filename"],
                content=attachments.fetch(paper, settings.documents_url, settings.service_token),
            )
            for paper in email.attachments
        )
        taken = sending.send(sending.message(_outgoing(email, papers), settings.mail_from), settings.smtp_url)
    except httpx.HTTPError as error:
        raise _later(sessions, email, answer(None, f"documents: {type(error).__name__}"), settings) from error
    except sending.Delayed as error:
        raise _later(sessions, email, error.answer, settings) from error
    except attachments.Missing as error:
        _log(sessions, email, "refused", answer(None, str(error)))
        raise PermanentFailure(str(error)) from error
    except sending.RefusedForGood as error:
        _log(sessions, email, "refused", error.answer)
        raise PermanentFailure(str(error)) from error
    return partial(commands.email_sent, email_id=email_id, answer=taken)


@jobs.on_dead("email")
def give_up_email(session: Session, argument: dict[str, Any], reason: str) -> None:
    """An e-mail that can't be sent fails with the reason, and the next one's turn comes."""
    told = answer(None, reason.removeprefix("PermanentFailure: ").removeprefix("RetryLater: "))
    commands.give_up_email(session, UUID(argument["email_id"]), told.text)


def _worded(sessions: sessionmaker[Session], email_id: UUID) -> tuple[Email, Settings]:
    """The e-mail with its words, which are written once, from the newest that is known at its first try."""
    with sessions() as session:
        settings = settings_of(session)
        email = session.get_one(Email, email_id)
        if email.subject or not email.address:
            return email, settings
        order = copies.newest(session, email.order_id, OrderSnapshot)
        shipments = copies.newest(session, email.order_id, ShipmentsSnapshot)
        documents = copies.newest(session, email.order_id, DocumentsSnapshot)
    assert order is not None  # no e-mail is owed before its order is known
    words = rendering.render(
        Step(email.step), email.locale, email.about, order=order, shipments=shipments, documents=documents
    )
    with sessions.begin() as session:
        lock_order(session, email.order_id)
        worded = commands.put_into_words(
            session, email_id, subject=words.subject, text=words.text, html=words.html
        )
    return worded, settings


def _outgoing(email: Email, papers: tuple[sending.Attachment, ...]) -> sending.Outgoing:
    return sending.Outgoing(
        message_id=email.message_id,
        address=email.address,
        reply_to=email.reply_to,
        sender_name=email.sender_name,
        locale=email.locale,
        subject=email.subject,
        text=email.text,
        html=email.html,
        written_at=email.created_at,
        attachments=papers,
    )


def _later(sessions: sessionmaker[Session], email: Email, delayed: Answer, settings: Settings) -> RetryLater:
    _log(sessions, email, "delayed", delayed)
    with sessions() as session:
        tries = queries.number_of_attempts(session, email.id)
    backoff = Backoff(settings.retry_base_seconds, settings.retry_cap_seconds)
    return RetryLater(backoff.seconds(tries), str(delayed))


def _log(sessions: sessionmaker[Session], email: Email, outcome: str, answer: Answer) -> None:
    with sessions.begin() as session:
        lock_order(session, email.order_id)
        commands.log_attempt(session, email.id, outcome, answer)
