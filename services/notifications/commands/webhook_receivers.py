"""The health of webhook receivers: paused when they fail, disabled in the end, their owners notified."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from uuid import NAMESPACE_URL, UUID, uuid5

from prometheus_client import Counter
from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from services.notifications.commands import notices
from services.notifications.commands.emails import join_line
from services.notifications.domain.notices import Notable, NoticeKind
from services.notifications.domain.webhooks import (
    ALL,
    FAILURES_BEFORE_REST,
    LONGEST_REST,
    OFF_AFTER,
    TOLD_AFTER,
    Answer,
    WebhookState,
    rest_after,
)
from services.notifications.models import Delivery, Email, Webhook
from services.notifications.queries import emails_in_line
from services.notifications.queries import webhooks as queries
from shared import clock
from shared.events.snapshots import OrderSnapshot, Recipient, Step
from shared.logging import correlation_id, logger
from shared.messaging.backoff import is_databases_own
from shared.metrics import when_committed

log = logger(__name__)

SAID_ANEW = timedelta(minutes=1)
NO_MARKETS_LOCALE = "en-GB"

SWITCHED_OFF = Counter(
    "waybill_webhooks_switched_off",
    "Webhooks that are sent nothing any more: failed (for five days) or gone (they answered 410).",
    ["state"],
)
for state in (WebhookState.FAILED, WebhookState.GONE):
    SWITCHED_OFF.labels(state)  # a rate is only seen from a 0 on

# What each is told as, in an e-mail and on the seller's panel.
_NEWS = {
    Step.WEBHOOK_FAILING: NoticeKind.WEBHOOK_FAILING,
    Step.WEBHOOK_OFF: NoticeKind.WEBHOOK_OFF,
    Step.WEBHOOK_GONE: NoticeKind.WEBHOOK_OFF,
}


def note_answers(session: Session, answers: Sequence[tuple[Delivery, Answer]]) -> None:
    """Update receivers by their responses. Responses to tests don't count.

    A good answer of one that was well is noted once a minute.
    """
    telling = [pair for pair in answers if not pair[0].is_test]
    telling.sort(key=lambda pair: (pair[0].webhook_id, pair[1].at))
    by_webhook = {webhook_id: [*pairs] for webhook_id, pairs in groupby(telling, lambda p: p[0].webhook_id)}
    failed = {delivery.webhook_id for delivery, answer in telling if not answer.is_taken}
    rows = select(Webhook).where(
        Webhook.id.in_(by_webhook),
        or_(
            Webhook.id.in_(failed),
            Webhook.failures > 0,
            Webhook.last_taken_at.is_(None),
            Webhook.last_taken_at < clock.now() - SAID_ANEW,
        ),
    )
    locked = rows.order_by(Webhook.id).with_for_update(key_share=True)  # what is owed to it does not wait
    for webhook in session.scalars(locked.execution_options(populate_existing=True)):
        for delivery, answer in by_webhook[webhook.id]:
            _note(session, webhook, delivery, answer)


def _note(session: Session, webhook: Webhook, delivery: Delivery, answer: Answer) -> None:
    if answer.is_taken:
        webhook.failures, webhook.failing_since = 0, None
        webhook.rested_until = webhook.told_at = None
        webhook.last_taken_at = answer.at
        return
    if webhook.state != WebhookState.ACTIVE:
        return
    if answer.is_gone:
        _switch_off(session, webhook, delivery, WebhookState.GONE)
        return
    pause = answer.pause
    if pause:
        _rest(webhook, answer.at + min(pause, LONGEST_REST))
    if webhook.rested_until is not None and answer.at < webhook.rested_until and not pause:
        return  # it was under way when the others failed, and says no more than they
    webhook.failures += 1
    webhook.failing_since = webhook.failing_since or answer.at
    rest = rest_after(webhook.failures)
    if rest:
        _rest(webhook, clock.now() + rest)
    failing_for = answer.at - webhook.failing_since
    if failing_for >= OFF_AFTER and webhook.failures >= FAILURES_BEFORE_REST:
        _switch_off(session, webhook, delivery, WebhookState.FAILED)
    elif failing_for >= TOLD_AFTER and webhook.told_at is None:
        webhook.told_at = clock.now()
        _tell_owner(session, webhook, delivery, Step.WEBHOOK_FAILING)


def _rest(webhook: Webhook, until: datetime) -> None:
    webhook.rested_until = max(webhook.rested_until or until, until)


def _switch_off(session: Session, webhook: Webhook, delivery: Delivery, state: WebhookState) -> None:
    webhook.state = state
    when_committed(session, SWITCHED_OFF.labels(state).inc)
    log.warning("webhook_switched_off", webhook_id=str(webhook.id), state=state)
    _tell_owner(
        session, webhook, delivery, Step.WEBHOOK_GONE if state is WebhookState.GONE else Step.WEBHOOK_OFF
    )


def _tell_owner(session: Session, webhook: Webhook, delivery: Delivery, step: Step) -> None:
    """Notify whoever maintains the program, in the language of the order's market; and on the notices.

    The panel tells it on the order whose news did not arrive. Of an endpoint that hears all sellers none of
    them is told: it is not theirs. Where no order is known that it could hear of, there is no panel to tell
    it on, and the e-mail is in English.
    """
    order = _order_to_write_about(session, delivery, webhook)
    if order is not None and ALL not in webhook.sellers:
        notices.tell(
            session,
            order_id=order.order_id,
            number=order.number,
            seller=order.seller.seller,
            market=order.market.market,
            news=[Notable(_NEWS[step], webhook.id)],
        )
    line = emails_in_line(session, owner_id(webhook.id))
    join_line(session, line, [_email(webhook, order, step)])


def _order_to_write_about(session: Session, delivery: Delivery, webhook: Webhook) -> OrderSnapshot | None:
    """An order whose market has the language; None if there is none, or none that can be read."""
    try:
        with session.begin_nested():
            return queries.order_to_write_about(session, delivery.order_id, webhook)
    except Exception as error:
        if is_databases_own(error):
            raise
        log.exception("webhook_owner_told_without_order", webhook_id=str(webhook.id))
        return None


def owner_id(webhook_id: UUID) -> UUID:
    """A stand-in for the order id in e-mails about a webhook, which form a queue of their own."""
    return uuid5(NAMESPACE_URL, f"webhook:{webhook_id}")


def _email(webhook: Webhook, order: OrderSnapshot | None, step: Step) -> Email:
    now = clock.now()
    key = f"email:{step}:{now:%Y%m%dT%H%M%S%f}:{webhook.id}"
    return Email(
        key=key,
        order_id=owner_id(webhook.id),
        number="",
        seller=ALL if order is None or ALL in webhook.sellers else order.seller.seller,
        market=ALL if order is None or ALL in webhook.sellers else order.market.market,
        step=step,
        about=order and order.order_id,
        recipient=Recipient.SELLER,
        recipient_id=str(webhook.id),
        address=webhook.email,
        reply_to="",
        sender_name="",
        locale=order.market.locale if order else NO_MARKETS_LOCALE,
        attachments=[],
        message_id=uuid5(NAMESPACE_URL, key),
        correlation_id=correlation_id.get(),
        created_at=now,
    )
