"""Sending webhooks: a job is a round of a few seconds, with many deliveries in flight at once."""

import asyncio
import mmap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from functools import partial
from typing import Any, TypeVar
from uuid import UUID

import psycopg
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from services.notifications.commands import webhook_deliveries, webhooks
from services.notifications.commands.webhook_deliveries import Claimed, Room, Tried
from services.notifications.db import settings_of
from services.notifications.domain.webhooks import Answer
from services.notifications.messaging import jobs
from services.notifications.queries import webhooks as queries
from services.notifications.settings import Settings
from services.notifications.webhook_client import WebhookClient, signed
from shared import clock, secrets_at_rest
from shared.db import GIVE_UP, libpq_url
from shared.logging import logger
from shared.messaging.backoff import is_databases_own
from shared.messaging.fault_points import crash_point
from shared.messaging.jobs import Effect

log = logger(__name__)

T = TypeVar("T")

_UNSIGNED = "not sent: its secret can't be decrypted for signing; create a new one"

# The next round is owed after ROUND_SECONDS and may find all processes busy for as long as another one's last
# tries take. The newest round goes on until then: so with two processes somebody always takes on what comes.
TAKES_ON_SECONDS = webhooks.ROUND_SECONDS + 2
AT_MOST_SECONDS = TAKES_ON_SECONDS + 13
LIMIT_SECONDS = 45
MOST_UNDER_WAY = 500
MOST_FAILING = 250  # of these to endpoints that did not take what was sent last: they never fill a round
MOST_FURTHER = 350  # of these to endpoints that have others under way: slow ones never fill a round
MOST_DEADLY = 1
POLL_SECONDS = 0.5  # the guarantee behind LISTEN; what is to be sent again is found so
# What comes within it is written down and taken on together.
TURN_SECONDS = 0.02
SLICE_SECONDS = 2.0  # of work that goes on for long: then other jobs of the queue have their turn

_stopping = mmap.mmap(-1, 1)  # a byte that a worker shares with the processes that it forks


def stop() -> None:
    """Stop the rounds of this process and its forks from claiming more, because the worker is stopping."""
    _stopping[0] = 1


@jobs.kind("webhooks", limit_seconds=LIMIT_SECONDS, queue="webhooks")
def send_webhooks(sessions: sessionmaker[Session], argument: dict[str, Any]) -> None:
    """Send what is due now or becomes due during the round."""
    asyncio.run(Round(sessions, name=argument.get("round", "")).run())


@jobs.kind("webhook_resend", limit_seconds=120)
def resend_since(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect:
    """Queue failed and missed deliveries of a webhook again, in batches, so that others aren't held up.

    A job does a slice of it and owes the next, so that e-mails and others' jobs have their turn. `after` is
    how far it has come in what failed, `missed` what is left of the feed.
    """
    webhook_id = UUID(argument["webhook_id"])
    since, until = (datetime.fromisoformat(argument[name]) for name in ("since", "until"))
    done = dict(argument)

    def owe_some(session: Session) -> bool:
        if done.get("after", 0) is not None:
            done["after"] = webhooks.owe_again(session, webhook_id, since, until, done.get("after", 0))
            return True
        if "missed" not in done:
            missed = queries.positions_between(session, since, until)
            done["missed"] = [missed.start, missed.stop]
        first, stop = done["missed"]
        upto = min(first + webhooks.MOST_AT_A_TIME, stop)
        if first < upto:
            webhooks.owe_missed(session, webhook_id, first, upto - 1)
        done["missed"] = [upto, stop]
        is_more: bool = upto < stop
        return is_more

    if _is_left(sessions, owe_some):
        return partial(webhooks.owe_resending, webhook_id=webhook_id, argument=done)
    return partial(webhooks.end_resending, webhook_id=webhook_id)


@jobs.on_dead("webhook_resend")
def give_up_resending(session: Session, argument: dict[str, Any], reason: str) -> None:  # noqa: ARG001 - in the log
    """Let resending be requested again."""
    webhooks.end_resending(session, UUID(argument["webhook_id"]))


@jobs.kind("webhook_forget", limit_seconds=120)
def forget(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Delete a deleted webhook's deliveries, or those one may no longer have, a batch at a time."""
    webhook_id = UUID(argument["webhook_id"])
    if _is_left(sessions, lambda session: webhooks.forget_some(session, webhook_id)):
        return partial(webhooks.owe_forgetting, webhook_id=webhook_id)
    return None


@jobs.kind("webhook_bring_forward", limit_seconds=120)
def bring_forward(sessions: sessionmaker[Session], argument: dict[str, Any]) -> Effect | None:
    """Send an enabled webhook's pending deliveries now, a batch at a time."""
    webhook_id, after = UUID(argument["webhook_id"]), argument["after"]

    def bring_some(session: Session) -> bool:
        nonlocal after
        after = webhooks.bring_some_forward(session, webhook_id, after)
        return after is not None

    if _is_left(sessions, bring_some):
        return partial(webhooks.owe_bringing_forward, webhook_id=webhook_id, after=after)
    return None


def _is_left(sessions: sessionmaker[Session], do_some: Callable[[Session], bool]) -> bool:
    """Work in batches, each its own commit, for a time slice; returns whether there may be more."""
    ends_at = time.monotonic() + SLICE_SECONDS
    is_more = True
    while is_more and time.monotonic() < ends_at:
        with sessions.begin() as session:
            is_more = do_some(session)
        crash_point("after_commit")
    return is_more


class Round:
    """One process's sending for a few seconds; rounds may overlap, and newer ones have later names."""

    def __init__(
        self,
        sessions: sessionmaker[Session],
        *,
        client: Callable[[Settings], WebhookClient] | None = None,
        seconds: float = TAKES_ON_SECONDS,
        name: str | None = None,
    ) -> None:
        self._sessions = sessions
        with sessions() as session:
            self._settings = settings_of(session)
        self._make_client = client or (lambda settings: WebhookClient(local=bool(settings.webhooks_local)))
        self._seconds = seconds
        self._name = name
        # One: a round's transactions follow each other, and never wait for a name to be looked up.
        self._database = ThreadPoolExecutor(1, thread_name_prefix="database")
        self._tried: list[Tried] = []
        self._under_way: dict[asyncio.Task[None], Claimed] = {}

    async def run(self) -> None:
        """Claim what is due until the time is up, and finish what was claimed."""
        self._wake = asyncio.Event()
        client = self._make_client(self._settings)
        listening = asyncio.create_task(self._listen())
        takes_on_until = time.monotonic() + self._seconds
        at_the_latest = time.monotonic() + AT_MOST_SECONDS
        is_open = True
        try:
            while is_open or self._under_way or self._tried:
                await self._turn(client, is_open=is_open)
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
                self._wake.clear()
                await asyncio.sleep(TURN_SECONDS)
                if is_open and takes_on_until < time.monotonic() < at_the_latest and await self._is_alone():
                    takes_on_until = time.monotonic() + POLL_SECONDS
                is_open = time.monotonic() < takes_on_until and not _stopping[0]
        finally:
            listening.cancel()
            for task in self._under_way:
                task.cancel()
            await asyncio.gather(listening, *self._under_way, return_exceptions=True)
            await client.close()
            self._database.shutdown()

    async def _is_alone(self) -> bool:
        """Whether the next round can't start yet and no newer one is running."""
        if self._name is None:
            return False
        try:
            return await self._in_database(partial(self._is_last_before_the_next, self._name))
        except Exception as error:
            log.warning("webhook_round_not_prolonged", exc_info=error)
            return False

    def _is_last_before_the_next(self, name: str) -> bool:
        with self._sessions() as session:
            return queries.is_last_before_the_next(session, name)

    async def _turn(self, client: WebhookClient, *, is_open: bool) -> None:
        """Record results and claim more, in one commit."""
        tried, self._tried = self._tried, []
        try:
            claimed = await self._in_database(partial(self._record_and_claim, tried, is_open=is_open))
        except Exception as error:
            log.warning("webhooks_not_recorded", exc_info=error)
            await self._record_after(error, tried, is_open=is_open)
            await asyncio.sleep(POLL_SECONDS)
            return
        for one in claimed:
            task = asyncio.create_task(self._send(client, one))
            self._under_way[task] = one
            task.add_done_callback(self._ended)

    async def _record_after(self, error: BaseException, tried: list[Tried], *, is_open: bool) -> None:
        """Record results that could not be recorded together with the rest of a turn."""
        if not is_databases_own(error):
            try:
                await self._in_database(partial(self._record_each, tried))
            except Exception as again:
                log.warning("webhooks_not_recorded", exc_info=again)
            else:
                return
        if is_open:
            # A database that is away or full comes back; what it is not told is sent again after its lease.
            self._tried = tried + self._tried

    def _record_each(self, tried: list[Tried]) -> None:
        with self._sessions.begin() as session:
            webhook_deliveries.lock_senders(session)
            webhook_deliveries.record_each(session, tried)

    def _record_and_claim(self, tried: list[Tried], *, is_open: bool) -> list[Claimed]:
        room = self._room()
        is_claiming = is_open and room.all > 0
        if not tried and not is_claiming:
            return []
        with self._sessions.begin() as session:
            webhook_deliveries.lock_senders(session)
            if tried:
                webhook_deliveries.record(session, tried)
            if not is_claiming:
                return []
            claimed = webhook_deliveries.claim(session, room)
        crash_point("after_commit")
        return claimed

    def _room(self) -> Room:
        under_way = [*self._under_way.values()]
        return Room(
            all=MOST_UNDER_WAY - len(under_way),
            failing=max(0, MOST_FAILING - sum(one.is_failing for one in under_way)),
            further=max(0, MOST_FURTHER - sum(one.is_further for one in under_way)),
            deadly=max(0, MOST_DEADLY - sum(one.is_deadly for one in under_way)),
        )

    async def _send(self, client: WebhookClient, one: Claimed) -> None:
        now = clock.now()
        try:
            secrets = [secrets_at_rest.opened(self._settings.webhook_keys, kept) for kept in one.secrets]
            headers = signed(one.event_id, one.delivery_id, secrets, one.content, now)
        except Exception:
            # Ours, not the receiver's, but its owner has to know: nothing arrives until a new secret is made.
            log.exception("webhook_not_signed", delivery_id=str(one.delivery_id))
            answer = Answer(at=now, milliseconds=0, error=_UNSIGNED)
        else:
            if one.is_test:
                headers["webhook-test"] = "true"
            answer = await client.post(one.webhook_id, one.address, headers, one.content)
        crash_point("after_effect")
        self._tried.append(Tried(number=one.number, attempt=one.attempt, answer=answer, people=one.people))

    def _ended(self, task: asyncio.Task[None]) -> None:
        one = self._under_way.pop(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            # Ours, not the receiver's: sent again when its lease is over.
            log.error("webhook_not_sent", delivery_id=str(one.delivery_id), exc_info=error)
        self._wake.set()

    async def _listen(self) -> None:
        """Wait to be woken by new deliveries; if this fails, the round polls instead."""
        engine = self._sessions.kw["bind"]
        assert isinstance(engine, Engine)
        while True:
            with suppress(psycopg.Error):
                async with await psycopg.AsyncConnection.connect(
                    libpq_url(engine), autocommit=True, **GIVE_UP
                ) as connection:
                    await connection.execute("listen webhooks")
                    async for _ in connection.notifies():
                        self._wake.set()
            await asyncio.sleep(POLL_SECONDS)

    async def _in_database(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._database, work)
