"""Webhook deliveries: claimed by senders, attempted, taken or given up. The caller owns the transaction.

Senders change the rows of deliveries one after the other: a lock of their own makes that sure, and is held
for milliseconds. So what one statement finds is so until the commit, and an order's next event is let go
by whoever ends the one before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

import msgspec
from prometheus_client import Counter, Histogram
from sqlalchemy import Row, func, insert, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert as insert_or_leave
from sqlalchemy.orm import Session

from services.notifications.commands import webhook_receivers
from services.notifications.domain.webhooks import (
    DEATHS,
    SUSPICIOUS_DEATHS,
    Answer,
    DeliveryState,
    next_try,
)
from services.notifications.models import Delivery, DeliveryAttempt, EventBody
from services.notifications.queries import webhooks as queries
from shared import clock
from shared.events.feed import Entry, public_form
from shared.logging import logger
from shared.messaging.backoff import is_databases_own
from shared.metrics import when_committed

log = logger(__name__)

ATTEMPTS = Counter(
    "waybill_webhook_attempts",
    "Tries of a webhook by their outcome: taken, failed (it is sent again) or given_up.",
    ["outcome"],
)
for outcome in ("taken", "failed", "given_up"):
    ATTEMPTS.labels(outcome)  # a rate is only seen from a 0 on
DELAY_SECONDS = Histogram(
    "waybill_webhook_delay_seconds",
    "From when an event fell due for a webhook, with its place in the feed, to its first try.",
    buckets=(0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600),
)

MOST_UNDER_WAY = 8  # of one endpoint at a time, over all senders; of one that fails: 1
# A sender has 10 s for a try, and writes down at once what came of it.
LEASE = timedelta(seconds=30)
_SENDERS = 0x57617962  # the lock's name: any number that nobody else uses
_DIED = f"the process that was sending it died {DEATHS} times"
_FORGOTTEN = "the event is no longer kept"
_UNMADE = "the request body could not be built"
_UNWRITTEN = "the response could not be stored"


@dataclass(frozen=True, kw_only=True)
class Room:
    """How many more deliveries a sender may have in flight.

    In all; to who fails; to who has others under way; and that may be deadly.
    """

    all: int
    failing: int
    further: int
    deadly: int


@dataclass(frozen=True, kw_only=True)
class Claimed:
    """A delivery claimed by a sender, with everything needed to send it."""

    number: int
    attempt: int
    delivery_id: UUID
    webhook_id: UUID
    event_id: UUID
    address: str
    secrets: tuple[bytes, ...]  # sealed; the newest first
    content: bytes
    people: bool  # whether people's data is in it
    is_test: bool
    is_failing: bool  # its endpoint did not take what was sent last
    is_further: bool  # its endpoint had others under way
    is_deadly: bool  # senders died that had it


@dataclass(frozen=True, kw_only=True)
class Tried:
    """The result of an attempt, with its number: a slow sender may have lost the delivery to another."""

    number: int
    attempt: int
    answer: Answer
    people: bool = False  # whether people's data was sent
    is_last: bool = False  # trying again can't help


# Each endpoint by itself, so that those with thousands waiting cost no more than those with one. Healthy ones
# go first, and of these who has the fewest under way, so slow ones with much that waits are before no other.
# An order's event goes when none of the order before it waits. A row that is due though a sender had it has
# outlived that sender. Patience counts from the first try: before that it could not go, as one of
# its order was before it, its receiver rested or was switched off.
_CLAIM = text(f"""
    with open_ones as (
        select id, failures > 0 as is_failing, (
            select count(*) from webhook_deliveries
            where webhook_id = webhooks.id and sending_until > now()
        ) as under_way
        from webhooks where state = 'active' and hidden_to is null
            and (rested_until is null or rested_until <= now())
    ), due as (
        select one.number, one.next_at, one.due_at, open_ones.is_failing,
            open_ones.under_way + row_number() over (partition by id order by next_at, number) as turn,
            one.deaths >= {SUSPICIOUS_DEATHS} as is_deadly
        from open_ones, lateral (
            select number, next_at, due_at, deaths from webhook_deliveries as mine
            where webhook_id = open_ones.id and state = 'waiting' and next_at <= now()
            and not exists (
                select from webhook_deliveries as earlier
                where earlier.line = mine.line and earlier.state = 'waiting'
                and earlier.position < mine.position
            )
            order by next_at, number
            limit greatest(0, case when open_ones.is_failing then 1 else :each end - open_ones.under_way)
        ) as one
    ), ranked as (
        select *, turn > 1 as is_further,
            row_number() over (partition by is_failing, is_deadly order by turn, next_at, number) as place,
            row_number() over (
                partition by turn > 1 order by is_failing, turn, next_at, number
            ) as further_place
        from due
    ), picked as (
        select number, due_at, is_failing, is_further, is_deadly from ranked
        where (not is_failing or place <= :failing) and (not is_deadly or place <= :deadly)
        and (turn = 1 or further_place <= :further)
        order by is_failing, turn, next_at, number limit :all
    )
    update webhook_deliveries as mine
    set attempts = attempts + 1, deaths = deaths + (sending_until is not null)::int,
        due_at = case when mine.failures > 0 and mine.due_at >= coalesce(webhooks.enabled_at, mine.due_at)
            then mine.due_at else now() end,
        failures = case when mine.due_at < webhooks.enabled_at then 0 else mine.failures end,
        sending_until = now() + :lease, next_at = now() + :lease
    from picked, webhooks
    where mine.number = picked.number and webhooks.id = mine.webhook_id
    returning mine.number, mine.id, mine.webhook_id, mine.event_id, mine.attempts, mine.deaths,
        greatest(picked.due_at, webhooks.enabled_at) as due_at, mine.order_id, mine.position,
        webhooks.address, webhooks.secret, webhooks.people,
        case when webhooks.previous_until > now() then webhooks.previous_secret end as previous_secret,
        picked.is_failing, picked.is_further, picked.is_deadly""")  # noqa: S608 - a number of ours

# What is behind something that waits to be tried again is not looked at until then; what is owed in the
# meantime is put off as it is owed.
_HOLD_BACK = text("""
    update webhook_deliveries as mine set next_at = failed.next_at
    from webhook_deliveries as failed
    where failed.number = any(:failed) and mine.line = failed.line and mine.state = 'waiting'
    and mine.position > failed.position and mine.sending_until is null and mine.next_at < failed.next_at""")

_LET_NEXT_GO = text("""
    update webhook_deliveries as mine set next_at = now()
    from (
        select distinct on (behind.line) behind.number
        from webhook_deliveries as ended
        join webhook_deliveries as behind on behind.line = ended.line and behind.state = 'waiting'
        where ended.number = any(:ended)
        order by behind.line, behind.position
    ) as next
    where mine.number = next.number and mine.sending_until is null and mine.next_at > now()""")

_WRITE_DOWN = text("""
    update webhook_deliveries as mine
    set state = came.state, next_at = coalesce(came.next_at, mine.next_at), failures = came.failures,
        ended_at = came.ended_at, sending_until = null, deaths = 0
    from jsonb_to_recordset(cast(:rows as jsonb)) as came(
        number bigint, state text, next_at timestamptz, failures int, ended_at timestamptz)
    where mine.number = came.number""")


_END_UNTOLD = text("""
    update webhook_deliveries set state = 'failed', ended_at = now(), sending_until = null
    where number = :number and attempts = :attempt and state = 'waiting'""")


def lock_senders(session: Session) -> None:
    """Lock out other senders until the transaction ends."""
    session.execute(select(func.pg_advisory_xact_lock(_SENDERS)))


def claim(session: Session, room: Room) -> list[Claimed]:
    """Claim due deliveries for the duration of an attempt; if the sender dies, the next one takes over.

    What killed its sender too often is given up instead. The caller has locked the senders.
    """
    rows = session.execute(_CLAIM, asdict(room) | {"each": MOST_UNDER_WAY, "lease": LEASE}).all()
    if not rows:
        return []
    bodies = _bodies(session, {(row.event_id, row.people) for row in rows if row.deaths < DEATHS})
    sendable = {place: content for place, content in bodies.items() if content}
    lost = [row for row in rows if (row.event_id, row.people) not in sendable]
    if lost:
        record_each(session, [_given_up(row, is_kept=(row.event_id, row.people) in bodies) for row in lost])
    claimed = [row for row in rows if (row.event_id, row.people) in sendable]
    for row in claimed:
        if row.attempts == 1 and row.position is not None:
            waited = (clock.now() - row.due_at).total_seconds()
            when_committed(session, lambda waited=waited: DELAY_SECONDS.observe(waited))  # type: ignore[misc]
    return [_claimed(row, sendable[row.event_id, row.people]) for row in claimed]


def record(session: Session, tried: Sequence[Tried]) -> None:
    """Record results of attempts: taken, to be retried or given up; and update their webhooks.

    Each try is in the log, also one that came too late to count. The caller has locked the senders.
    """
    by_number = {one.number: one for one in tried}
    rows = session.scalars(
        select(Delivery)
        .where(Delivery.number.in_(by_number))
        .order_by(Delivery.number)
        .execution_options(populate_existing=True)
    ).all()
    held = [
        row
        for row in rows
        if row.state == DeliveryState.WAITING and row.attempts == by_number[row.number].attempt
    ]
    if rows:
        session.execute(insert(DeliveryAttempt), _logged(session, rows, by_number))
    if not held:
        return
    written = [_outcome(row, by_number[row.number]) for row in held]
    session.execute(_WRITE_DOWN, {"rows": msgspec.json.encode(written).decode()})
    ended = [one["number"] for one in written if one["ended_at"]]
    if ended:
        session.execute(_LET_NEXT_GO, {"ended": ended})
    failed = [one["number"] for one in written if one["next_at"]]
    if failed:
        session.execute(_HOLD_BACK, {"failed": failed})
    for one in written:
        outcome = "given_up" if one["state"] == DeliveryState.FAILED else one["state"]
        when_committed(session, ATTEMPTS.labels("failed" if one["next_at"] else outcome).inc)
    # What can't be sent was not tried: it says nothing of its receiver.
    answered = [(row, by_number[row.number]) for row in held if not by_number[row.number].is_last]
    webhook_receivers.note_answers(session, [(row, one.answer) for row, one in answered])
    for row in rows:
        session.expunge(row)  # what it has read is old by now


def record_each(session: Session, tried: Sequence[Tried]) -> None:
    """Record results of attempts together or, where that fails, one by one.

    What can't be written down as it is stands in the log without what was answered; where not even that can
    be it is given up without a word there, and the next of its order goes. None holds up another. The caller
    has locked the senders. Raises where it is the database's own fault.
    """
    if _is_recorded(session, tried):
        return
    for one in tried:
        bare = replace(one.answer, text="", retry_after="", error=_UNWRITTEN)
        if not (_is_recorded(session, [one]) or _is_recorded(session, [replace(one, answer=bare)])):
            session.execute(_END_UNTOLD, {"number": one.number, "attempt": one.attempt})
            session.execute(_LET_NEXT_GO, {"ended": [one.number]})


def _is_recorded(session: Session, tried: Sequence[Tried]) -> bool:
    try:
        with session.begin_nested():
            record(session, tried)
    except Exception as error:
        if is_databases_own(error):
            raise
        log.exception("webhook_outcome_not_written", deliveries=[one.number for one in tried])
        return False
    return True


def _outcome(row: Delivery, tried: Tried) -> dict[str, Any]:
    answer = tried.answer
    failures = 0 if answer.is_taken else row.failures + 1
    again = None
    if not (answer.is_taken or answer.is_gone or tried.is_last):
        again = next_try(failures, row.due_at, answer)
    state = DeliveryState.TAKEN if answer.is_taken else DeliveryState.FAILED
    return {
        "number": row.number,
        "state": DeliveryState.WAITING if again else state,
        "next_at": again,
        "failures": failures,
        "ended_at": None if again else clock.now(),
    }


def _logged(
    session: Session, rows: Sequence[Delivery], by_number: Mapping[int, Tried]
) -> list[dict[str, Any]]:
    """Log entries for attempts; without the response where the person was erased in the meantime."""
    wordy = [row for row in rows if by_number[row.number].answer.text or by_number[row.number].answer.error]
    erased = queries.erased_of(session, {row.order_id for row in wordy if row.order_id}) if wordy else set()
    return [
        {
            "delivery_number": row.number,
            "at": answer.at,
            "milliseconds": answer.milliseconds,
            "status": answer.status,
            "people": by_number[row.number].people,
            "answer": "" if str(row.order_id) in erased else answer.text,
            "error": "" if str(row.order_id) in erased else answer.error,
        }
        for row in rows
        for answer in [by_number[row.number].answer]
    ]


def _given_up(row: Row[Any], *, is_kept: bool) -> Tried:
    """The final attempt of a delivery that can't be sent."""
    why = _DIED if row.deaths >= DEATHS else _UNMADE if is_kept else _FORGOTTEN
    log.error("webhook_given_up", delivery_id=str(row.id), webhook_id=str(row.webhook_id), error=why)
    answer = Answer(at=clock.now(), milliseconds=0, error=why)
    return Tried(number=row.number, attempt=row.attempts, answer=answer, is_last=True)


def _claimed(row: Row[Any], content: bytes) -> Claimed:
    return Claimed(
        number=row.number,
        attempt=row.attempts,
        delivery_id=row.id,
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        address=row.address,
        secrets=tuple(secret for secret in (row.secret, row.previous_secret) if secret),
        content=content,
        people=row.people,
        is_test=row.position is None,
        is_failing=row.is_failing,
        is_further=row.is_further,
        is_deadly=row.is_deadly,
    )


def _bodies(session: Session, wanted: set[tuple[UUID, bool]]) -> dict[tuple[UUID, bool], bytes]:
    """The request bodies of events, with or without people; built on the first attempt and kept for the rest.

    Missing is what is kept no longer, and empty what can't be put together.
    """
    bodies = _kept(session, wanted)
    new = wanted - bodies.keys()
    if new:
        entries = queries.contents(session, {event_id for event_id, _ in new})
        made = {
            (event_id, people): _put_together(entries[event_id], with_people=people)
            for event_id, people in new
            if event_id in entries
        }
        rows: list[dict[str, Any]] = [
            {
                "event_id": event_id,
                "people": people,
                "order_id": entries[event_id].order_id,
                "content": content,
            }
            for (event_id, people), content in made.items()
            if content
        ]
        if rows:
            session.execute(insert_or_leave(EventBody).on_conflict_do_nothing(), rows)
        bodies |= made
    return bodies


def _put_together(entry: Entry, *, with_people: bool) -> bytes:
    try:
        return msgspec.json.encode(public_form(entry, with_people=with_people))
    except Exception:
        # Of one event it holds up no other.
        log.exception("webhook_body_not_made", event_id=str(entry.event_id))
        return b""


def _kept(session: Session, wanted: set[tuple[UUID, bool]]) -> dict[tuple[UUID, bool], bytes]:
    kept = select(EventBody).where(tuple_(EventBody.event_id, EventBody.people).in_(wanted))
    return {(body.event_id, body.people): body.content for body in session.scalars(kept)}
