"""Webhooks: creating, changing and switching them; queueing deliveries. The caller owns the transaction."""

import base64
import secrets as chance
import time
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import NAMESPACE_URL, UUID, uuid5

import msgspec
from prometheus_client import Gauge
from sqlalchemy import Table, delete, func, select, text, update
from sqlalchemy.orm import Session, sessionmaker

from services.notifications.commands import feed
from services.notifications.commands.webhook_deliveries import lock_senders
from services.notifications.commands.webhook_matching import HEARS, OWE, REACHES
from services.notifications.db import settings_of
from services.notifications.domain import receivers
from services.notifications.domain.webhooks import ALL, DeliveryState, WebhookState
from services.notifications.models import Delivery, DeliveryAttempt, EventBody, Webhook
from services.notifications.queries import webhooks as queries
from shared import clock, secrets_at_rest
from shared.access import actor_of
from shared.db import new_id
from shared.errors import Invalid, Refused
from shared.events.samples import made_up
from shared.messaging import retention
from shared.messaging.jobs import enqueue

OLDEST_DUE = Gauge(
    "waybill_oldest_due_webhook_seconds", "How long the oldest webhook that could be sent has waited."
)
WEBHOOKS = Gauge("waybill_webhooks", "Webhooks by their state.", ["state"])

SECRET_BYTES = 32  # Standard Webhooks: 24 to 64

# A round of sending lasts as long as this and some seconds, and each so many seconds with news owe one: so
# there is always one that takes on what comes.
ROUND_SECONDS = 15
LATE_SECONDS = 0.5  # a round that is going on has found it by then
MOST_AT_A_TIME = 1000  # are owed again in one transaction
MOST_FORGOTTEN = 500  # in one transaction, for which senders wait
MOST_COUNTED = 10_000  # of what is to be sent again, for the answer
COUNT_SECONDS = 60.0
_ROUNDS = uuid5(NAMESPACE_URL, "webhooks")  # what the jobs are about, in place of an order

_MISSED = text(f"""
    with owed as (
        {OWE} from feed
        join webhooks on webhooks.id = :webhook_id and webhooks.deleted_at is null and {HEARS}
        where feed.position between :first and :last
        order by feed.position
        on conflict do nothing returning true
    )
    select count(*) from owed""")  # noqa: S608 - as above
# A test is nobody's.
_FORGET_BEYOND_REACH = text(f"""
    with part as (
        select number, position, event_id from webhook_deliveries
        where webhook_id = :webhook_id and number <= :hidden_to
        order by number desc limit :most
    ), gone as (
        delete from webhook_deliveries as sent using part, webhooks
        where webhooks.id = :webhook_id and sent.number = part.number and part.position is not null
        and not exists (select from feed where feed.event_id = part.event_id and {REACHES})
    )
    select case when count(*) = :most then min(number) - 1 end from part""")  # noqa: S608 - as above
_BRING_FORWARD = text("""
    with part as (
        select number from webhook_deliveries
        where webhook_id = :webhook_id and state = 'waiting' and number > :after order by number limit :most
    ), moved as (
        update webhook_deliveries as mine set next_at = now() from part, webhooks
        where mine.number = part.number and webhooks.id = mine.webhook_id
        and mine.due_at < webhooks.enabled_at and mine.sending_until is null and mine.next_at > now()
    )
    select case when count(*) = :most then max(number) end from part""")
_END_WHAT_WAITED = text("""
    with ended as (
        update webhook_deliveries set state = 'failed', ended_at = now()
        where number = any(:numbers) and state = 'waiting' and sending_until is null
        and due_at < now() - :kept
        returning number
    )
    insert into webhook_attempts (delivery_number, at, milliseconds, people, answer, error)
    select number, now(), 0, false, '', :why from ended""")


def owe_round(session: Session) -> None:
    """Enqueue a round of sending; deliveries due at about the same time share one round."""
    place = int(clock.now().timestamp()) // ROUND_SECONDS
    _owe(session, f"webhooks:{place}")


def owe_late_round(session: Session) -> None:
    """Enqueue an extra round, for deliveries left overdue because a sender died."""
    _owe(session, f"webhooks:late:{new_id()}")


def see_to_late(session: Session) -> None:
    """Check for overdue deliveries, and enqueue a round if none is about to start.

    So what is to be sent again goes out in time, and what a killed process left behind.
    """
    late = queries.oldest_due_seconds(session)
    OLDEST_DUE.set(late)
    if late > LATE_SECONDS and not queries.is_round_owed(session):
        owe_late_round(session)


class Count:
    """Counts webhooks for the metric, at most once a minute."""

    __name__ = "count_webhooks"  # of the agent's thread

    def __init__(self) -> None:
        self._next_at = 0.0

    def __call__(self, session: Session) -> None:
        """Count them if it is time."""
        now = time.monotonic()
        if now < self._next_at:
            return
        for state, number in queries.count_by_state(session).items():
            WEBHOOKS.labels(state).set(number)
        self._next_at = now + COUNT_SECONDS


def _owe(session: Session, key: str) -> None:
    named = {"round": str(new_id())}  # a later one's name comes after it
    enqueue(session, "webhooks", key=key, order_id=_ROUNDS, number="webhooks", argument=named)


def create_webhook(
    session: Session,
    *,
    address: str,
    email: str,
    description: str,
    types: list[str],
    people: bool,
    sellers: list[str] | None = None,
    markets: list[str] | None = None,
) -> tuple[Webhook, str]:
    """Create a webhook, which gets events from now on; also returns its secret, shown only this once.

    Of whom it hears is what is named, or all that its maker may see. Raises Invalid naming what is wrong,
    Refused (too_many_webhooks).
    """
    _check_address(session, address)
    reach = _reach(session, sellers, markets)
    _refuse_too_many(session, reach["sellers"])
    secret = _new_secret()
    webhook = Webhook(
        address=address,
        email=email,
        description=description,
        types=_types(types),
        people=people,
        **reach,
        secret=_sealed(session, secret),
        created_by=actor_of(session).name,
        created_at=clock.now(),
    )
    session.add(webhook)
    session.flush()
    return webhook, secret


def change_webhook(session: Session, webhook_id: UUID, **changes: Any) -> Webhook:
    """Update a webhook; raises NotFound, Invalid. Deliveries that are queued already are still sent.

    But what it hears no more of by seller or market is forgotten: whoever may see the webhook now has perhaps
    no right to that. What is not forgotten at once is neither shown nor sent until a job has looked at it.
    Refused (too_many_webhooks) of a seller that it did not hear before.
    """
    is_moved = "sellers" in changes or "markets" in changes
    if is_moved:
        # What is just being owed to it is owed by whom it heard so far: that too is looked at.
        feed.hold(session)
        _lock_reach(session, webhook_id)
        lock_senders(session)
    webhook = queries.webhook(session, webhook_id, for_change=True)
    if "address" in changes:
        _check_address(session, changes["address"])
    if "types" in changes:
        changes["types"] = _types(changes["types"])
    if is_moved:
        changes |= _reach(
            session, changes.get("sellers", webhook.sellers), changes.get("markets", webhook.markets)
        )
        _refuse_too_many(session, sorted({*changes["sellers"]} - {*webhook.sellers}))
        is_moved = any(_is_less(changes[one], getattr(webhook, one)) for one in ("sellers", "markets"))
    for name, value in changes.items():
        setattr(webhook, name, value)
    if is_moved:
        newest = select(func.max(Delivery.number)).where(Delivery.webhook_id == webhook_id)
        webhook.hidden_to = session.scalars(newest).one()
        session.flush()
        if forget_some(session, webhook_id):
            owe_forgetting(session, webhook_id)
    return webhook


def delete_webhook(session: Session, webhook_id: UUID) -> None:
    """Delete a webhook with all its deliveries; raises NotFound.

    It is there for nobody from the commit on; a job removes it, and what it was sent, bit by bit.
    """
    feed.hold(session)  # what is just being owed to it is owed before it is gone
    webhook = queries.webhook(session, webhook_id, for_change=True)
    webhook.state, webhook.deleted_at = WebhookState.DISABLED, clock.now()
    owe_forgetting(session, webhook_id)


def owe_forgetting(session: Session, webhook_id: UUID) -> None:
    """Enqueue removal of deliveries that a webhook may no longer have."""
    _owe_part(session, "webhook_forget", webhook_id)


def forget_some(session: Session, webhook_id: UUID) -> bool:
    """Delete a batch of deliveries that a webhook may no longer have, and finally a deleted webhook itself.

    Answers whether there is more.
    """
    lock_senders(session)  # before the row: so do those who write down what a receiver answered
    webhook = session.get(Webhook, webhook_id, with_for_update={"key_share": True}, populate_existing=True)
    if webhook is None:
        return False
    if webhook.deleted_at is None:
        if webhook.hidden_to is not None:
            which = {"webhook_id": webhook_id, "hidden_to": webhook.hidden_to, "most": MOST_FORGOTTEN}
            webhook.hidden_to = session.scalars(_FORGET_BEYOND_REACH, which).one()
            if webhook.hidden_to is None:
                _wake(session)
        return webhook.hidden_to is not None
    some = select(Delivery.number).where(Delivery.webhook_id == webhook_id)
    some = some.order_by(Delivery.number).limit(MOST_FORGOTTEN)
    gone = session.execute(delete(Delivery).where(Delivery.number.in_(some)).returning(Delivery.number)).all()
    if len(gone) == MOST_FORGOTTEN:
        return True
    session.execute(delete(Webhook).where(Webhook.id == webhook_id))
    return False


def rotate_secret(session: Session, webhook_id: UUID, previous_hours: float) -> tuple[Webhook, str]:
    """Create a new secret, shown only this once; the old one also signs for some hours. Raises NotFound."""
    webhook = queries.webhook(session, webhook_id, for_change=True)
    secret = _new_secret()
    is_kept = previous_hours > 0
    webhook.previous_secret = webhook.secret if is_kept else None
    webhook.previous_until = clock.now() + timedelta(hours=previous_hours) if is_kept else None
    webhook.secret = _sealed(session, secret)
    return webhook, secret


def enable_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """Enable a webhook, sending its pending deliveries first; raises NotFound.

    It begins as one that is well, and so does what waits. What came while it was off is owed by
    `resend_since`.
    """
    lock_senders(session)
    webhook = queries.webhook(session, webhook_id, for_change=True)
    webhook.state = WebhookState.ACTIVE
    webhook.failures, webhook.failing_since = 0, None
    webhook.rested_until = webhook.told_at = None
    webhook.enabled_at = clock.now()
    session.flush()
    after = bring_some_forward(session, webhook_id, 0)
    if after is not None:
        owe_bringing_forward(session, webhook_id, after)
    return webhook


def owe_bringing_forward(session: Session, webhook_id: UUID, after: int) -> None:
    """Enqueue immediate sending of a webhook's pending deliveries after a number."""
    _owe_part(session, "webhook_bring_forward", webhook_id, {"after": after})


def bring_some_forward(session: Session, webhook_id: UUID, after: int) -> int | None:
    """Make a batch of an enabled webhook's pending deliveries, after a number, due now.

    What a sender has is left to it, or it would be sent twice at once. Answers after which number there may
    be more.
    """
    lock_senders(session)
    which = {"webhook_id": webhook_id, "after": after, "most": MOST_AT_A_TIME}
    last: int | None = session.scalars(_BRING_FORWARD, which).one()
    _wake(session)
    return last


def disable_webhook(session: Session, webhook_id: UUID) -> Webhook:
    """Stop sending to a webhook until it is enabled; raises NotFound."""
    webhook = queries.webhook(session, webhook_id, for_change=True)
    webhook.state = WebhookState.DISABLED
    return webhook


def resend(session: Session, webhook_id: UUID, delivery_id: UUID) -> Delivery:
    """Send a delivery again with the same ids and bytes, whatever its result was; raises NotFound.

    Refused (webhook_off) where nothing is sent, (event_forgotten) where the event is kept no longer.
    """
    lock_senders(session)
    webhook = queries.webhook(session, webhook_id, for_change=True)
    _refuse_unless_active(webhook)
    delivery = queries.delivery(session, webhook_id, delivery_id)
    if not queries.is_kept(session, delivery.event_id):
        raise Refused("event_forgotten", "it is too old: the event is no longer kept")
    if delivery.sending_until is None:
        _owe_again(session, [delivery.number])
    _wake(session)
    session.refresh(delivery)
    return delivery


def resend_since(session: Session, webhook_id: UUID, since: datetime) -> int:
    """Queue again everything that failed or was missed since a time, in batches by a job.

    What the webhook was not told while it was off is in the feed, as far back as that is kept. Answers how
    many failed, MOST_COUNTED for so many and more. Raises NotFound; refused (webhook_off), and while the one
    before is not over (resend_under_way).
    """
    webhook = queries.webhook(session, webhook_id, for_change=True)
    _refuse_unless_active(webhook)
    if webhook.resending_since is not None:
        raise Refused("resend_under_way", "the previous resend is still running")
    webhook.resending_since, webhook.resent = since, 0
    span = {"since": since.isoformat(), "until": clock.now().isoformat()}
    owe_resending(session, webhook_id, span)
    return queries.count_failed(session, webhook_id, since, MOST_COUNTED)


def owe_resending(session: Session, webhook_id: UUID, argument: dict[str, Any]) -> None:
    """Enqueue a batch of resending what failed or was missed."""
    _owe_part(session, "webhook_resend", webhook_id, argument)


def end_resending(session: Session, webhook_id: UUID) -> None:
    """Mark resending as finished, so that it can be requested again."""
    session.execute(update(Webhook).where(Webhook.id == webhook_id).values(resending_since=None))


def owe_again(session: Session, webhook_id: UUID, since: datetime, until: datetime, after: int) -> int | None:
    """Queue a batch of deliveries that failed in a period, after a number; returns where to continue."""
    lock_senders(session)
    failed = (
        select(Delivery.number)
        .where(
            Delivery.webhook_id == webhook_id,
            Delivery.number > after,
            Delivery.state == DeliveryState.FAILED,
            Delivery.created_at >= since,
            Delivery.ended_at < until,  # what fails once more meanwhile is not sent for ever
        )
        .order_by(Delivery.number)
        .limit(MOST_AT_A_TIME)
    )
    numbers = session.scalars(failed).all()
    if not numbers:
        return None
    _owe_again(session, numbers)
    _count_resent(session, webhook_id, len(numbers))
    _wake(session)
    return numbers[-1]


def owe_missed(session: Session, webhook_id: UUID, first_position: int, last_position: int) -> None:
    """Queue missed events in a range of feed positions."""
    _lock_reach(session, webhook_id, is_read=True)
    which = {"webhook_id": webhook_id, "first": first_position, "last": last_position}
    if number := session.execute(_MISSED, which).scalar_one():
        _count_resent(session, webhook_id, number)
        _wake(session)


def send_test(session: Session, webhook_id: UUID, event_type: str) -> Delivery:
    """Send a sample event, marked as a test; raises NotFound, Invalid.

    Refused (webhook_off).
    """
    webhook = queries.webhook(session, webhook_id)
    _refuse_unless_active(webhook)
    event_id = new_id()
    content = msgspec.json.encode(made_up(event_type, event_id, with_people=webhook.people))
    session.add(EventBody(event_id=event_id, people=webhook.people, order_id=None, content=content))
    delivery = Delivery(webhook_id=webhook_id, event_id=event_id, type=event_type, order_number="")
    session.add(delivery)
    session.flush()
    _wake(session)
    session.refresh(delivery)
    return delivery


def erase_person(session: Session, order_id: UUID) -> None:
    """Erase an order's delivered bodies and the responses; pending ones are built again.

    Senders wait until this is committed, or one of them would keep a body that it has just put together.
    """
    lock_senders(session)
    session.execute(delete(EventBody).where(EventBody.order_id == order_id))
    of_order = select(Delivery.number).where(Delivery.order_id == order_id)
    tries = DeliveryAttempt.delivery_number.in_(of_order)
    session.execute(update(DeliveryAttempt).where(tries).values(answer="", error=""))


def old(days: float) -> tuple[retention.Old, ...]:
    """Finished deliveries old enough to delete. Pending ones are kept: see `end_what_waited`."""
    kept = timedelta(days=days)
    return tuple(
        (cast(Table, instant.class_.__table__), retention.older_than(instant, kept))
        for instant in (Delivery.ended_at, EventBody.created_at)
    )


def end_what_waited(sessions: sessionmaker[Session], days: float) -> None:
    """Give up deliveries that waited too long for a disabled webhook, with the reason in the log.

    What waits at one that is on is tried, and ends by itself.
    """
    kept = timedelta(days=days)
    why = f"not sent: its webhook was off for {days:g} days"
    off = select(Webhook.id).where(Webhook.state != WebhookState.ACTIVE, Webhook.deleted_at.is_(None))
    waited = (
        select(Delivery.number)
        .where(
            Delivery.webhook_id.in_(off),
            Delivery.state == DeliveryState.WAITING,
            Delivery.sending_until.is_(None),
            Delivery.due_at < func.now() - kept,
        )
        .limit(MOST_FORGOTTEN)
    )
    numbers: Sequence[int] = [0]
    while numbers:
        with sessions.begin() as session:
            numbers = session.scalars(waited).all()  # senders do not wait while it is looked for
            if numbers:
                lock_senders(session)
                session.execute(_END_WHAT_WAITED, {"numbers": numbers, "kept": kept, "why": why})


def _owe_part(
    session: Session, kind: str, webhook_id: UUID, argument: Mapping[str, Any] | None = None
) -> None:
    named = {"webhook_id": str(webhook_id)} | dict(argument or {})
    key = f"{kind}:{new_id()}"
    enqueue(session, kind, key=key, order_id=webhook_id, number="webhooks", argument=named)


def _count_resent(session: Session, webhook_id: UUID, number: int) -> None:
    more = Webhook.resent + number
    session.execute(update(Webhook).where(Webhook.id == webhook_id).values(resent=more))


def _lock_reach(session: Session, webhook_id: UUID, *, is_read: bool = False) -> None:
    """Lock a webhook's sellers and markets against changes while deliveries are matched, or vice versa."""
    lock = func.pg_advisory_xact_lock_shared if is_read else func.pg_advisory_xact_lock
    session.execute(select(lock(func.hashtextextended(f"webhook:{webhook_id}", 0))))


def _is_less(heard: Sequence[str], before: Sequence[str]) -> bool:
    return ALL not in heard and not {*before} <= {*heard}


def _wake(session: Session) -> None:
    session.execute(select(func.pg_notify("webhooks", "")))
    owe_round(session)


def _owe_again(session: Session, numbers: Sequence[int]) -> None:
    again = {"state": DeliveryState.WAITING, "next_at": clock.now(), "due_at": clock.now(), "failures": 0}
    rows = update(Delivery).where(Delivery.number.in_(numbers))
    session.execute(
        rows.values(**again, ended_at=None, deaths=0), execution_options={"synchronize_session": False}
    )


def _refuse_unless_active(webhook: Webhook) -> None:
    if webhook.state != WebhookState.ACTIVE:
        raise Refused("webhook_off", f"the webhook is {webhook.state}: enable it first", state=webhook.state)


def _refuse_too_many(session: Session, sellers: Sequence[str]) -> None:
    """Refuse a webhook if any of these sellers has too many; requests are checked one at a time."""
    session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended("webhooks", 0))))
    most = settings_of(session).webhooks_per_seller
    for seller in sellers:
        has = select(func.count()).where(Webhook.sellers.contains([seller]), Webhook.deleted_at.is_(None))
        if session.scalars(has).one() >= most:
            raise Refused("too_many_webhooks", f"{seller} already has {most} webhooks", at_most=most)


def _check_address(session: Session, address: str) -> None:
    try:
        receivers.check_address(address, local=bool(settings_of(session).webhooks_local))
    except receivers.Forbidden as error:
        raise Invalid(address=str(error)) from error


def _types(types: list[str]) -> list[str]:
    return sorted(set(types)) or [ALL]


def _reach(session: Session, sellers: list[str] | None, markets: list[str] | None) -> dict[str, list[str]]:
    """The webhook's sellers and markets: those named, or all that the caller may see; raises Invalid."""
    actor = actor_of(session)
    reach = {}
    for name, wanted, own in (("sellers", sellers, actor.sellers), ("markets", markets, actor.markets)):
        chosen = set(own if wanted is None else wanted)
        if not chosen or not (ALL in own or chosen <= own):
            raise Invalid(**{name: "contains an unknown value"})
        reach[name] = [ALL] if ALL in chosen else sorted(chosen)
    return reach


def _new_secret() -> str:
    return "whsec_" + base64.b64encode(chance.token_bytes(SECRET_BYTES)).decode()


def _sealed(session: Session, secret: str) -> bytes:
    return secrets_at_rest.sealed(settings_of(session).webhook_keys, secret)
