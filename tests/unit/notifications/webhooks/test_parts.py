"""What is much of a webhook is removed, brought forward, owed again and written down in parts."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from datetime import timedelta
from uuid import UUID, uuid4

import psycopg
import pytest
from sqlalchemy import func, select, text
from sqlalchemy.exc import OperationalError
from standardwebhooks import Webhook as StandardWebhook
from standardwebhooks import WebhookVerificationError

from services.notifications import webhook_jobs
from services.notifications.agent import number_events
from services.notifications.commands import webhook_deliveries
from services.notifications.commands import webhooks as commands
from services.notifications.commands.webhook_deliveries import Room, Tried, claim
from services.notifications.domain.webhooks import Answer, DeliveryState
from services.notifications.models import Delivery, DeliveryAttempt, Webhook
from services.notifications.queries import webhooks as queries
from services.notifications.queries.feed import count_unreadable, ends
from shared import clock
from shared.errors import NotFound, Refused
from shared.events.samples import envelope
from shared.messaging import retention
from shared.messaging.jobs import enqueue
from shared.messaging.tables import inbox, jobs
from tests.waiting import until

ROOM = Room(all=500, failing=250, further=350, deadly=1)


@pytest.fixture
def small(monkeypatch):
    """Parts of two, and slices of one part."""
    monkeypatch.setattr(commands, "MOST_FORGOTTEN", 2)
    monkeypatch.setattr(commands, "MOST_AT_A_TIME", 2)
    monkeypatch.setattr(webhook_jobs, "SLICE_SECONDS", 0.000001)


@pytest.fixture
def count(sessions):
    def counted(kind):
        with sessions() as session:
            return session.scalar(select(func.count()).select_from(kind))

    return counted


def test_a_deleted_webhook_is_gone_at_once_and_what_it_was_sent_bit_by_bit(
    hook, receiver, tell, send, sessions, work_off, count, small
):
    webhook_id, _ = hook(receiver)
    other_id, _ = hook(receiver)
    tell(times=7)
    send()
    receiver.came.clear()
    tell(times=2)
    with sessions.begin() as session:
        commands.delete_webhook(session, webhook_id)

    with sessions() as session, pytest.raises(NotFound):
        queries.webhook(session, webhook_id)
    with sessions() as session:
        assert [one.id for one in queries.webhooks(session, 10)] == [other_id]
        assert queries.count_by_state(session)["active"] == 1
    assert count(Delivery) == 18, "the request removes none of them"
    tell()
    send()
    assert len(receiver.came) == 3, "to the other alone"

    assert work_off() > 3, "in several jobs"
    assert count(Webhook) == 1
    assert count(Delivery) == 10
    assert count(DeliveryAttempt) == 10


def test_a_job_that_removes_is_killed_anywhere_and_ends_what_it_began(
    hook, receiver, tell, send, sessions, work_off, count, small, monkeypatch
):
    webhook_id, _ = hook(receiver)
    tell(times=7)
    send()
    with sessions.begin() as session:
        commands.delete_webhook(session, webhook_id)

    class Killed(BaseException):
        pass

    def die(_point):
        raise Killed

    monkeypatch.setattr(webhook_jobs, "crash_point", die)
    with pytest.raises(Killed):
        work_off()
    assert count(Delivery) == 5, "one part is committed"
    monkeypatch.undo()
    with sessions.begin() as session:  # as when its lease is over
        session.execute(jobs.update().values(state="queued"))
    work_off()

    assert (count(Webhook), count(Delivery), count(DeliveryAttempt)) == (0, 0, 0)


def test_while_much_is_removed_senders_wait_for_no_more_than_a_part(
    hook, receiver, tell, sessions, small, count
):
    webhook_id, _ = hook(receiver)
    tell(times=6)
    with sessions.begin() as session:
        commands.delete_webhook(session, webhook_id)
    with sessions.begin() as session:
        assert commands.forget_some(session, webhook_id)

    assert count(Delivery) == 4


@pytest.mark.requirement("W-13")
def test_what_a_narrowed_webhook_may_have_no_more_is_hidden_at_once_and_removed_bit_by_bit(
    hook, receiver, tell, send, sessions, work_off, owed, small
):
    webhook_id, _ = hook(receiver, sellers=["lantern", "quay"])
    theirs = tell(seller="quay", times=5)
    [mine] = tell(seller="lantern")
    older = tell(seller="lantern", times=3)
    send()
    receiver.came.clear()
    tell(seller="quay", times=3)
    waiting = tell(seller="lantern")

    with sessions.begin() as session:
        commands.change_webhook(session, webhook_id, sellers=["lantern"])
    with sessions() as session:
        shown = [str(one.event_id) for one in queries.deliveries(session, webhook_id, 100)]
        assert not {*shown} & {*theirs}
        hidden = owed(event_id=theirs[0])[0]
        with pytest.raises(NotFound):
            queries.delivery(session, webhook_id, hidden.id)
    send()
    assert receiver.came == [], "nothing is sent until it is known what may be"

    assert work_off() > 1
    send()
    assert receiver.ids == waiting
    assert {str(one.event_id) for one in owed()} == {mine, *older, *waiting}
    with sessions() as session:
        assert len(queries.deliveries(session, webhook_id, 100)) == 5


def test_a_webhook_that_hears_of_more_forgets_nothing_and_rests_for_nothing(
    hook, receiver, tell, sessions, known, small
):
    webhook_id, _ = hook(receiver, sellers=["lantern"])
    tell(times=6)
    with sessions.begin() as session:
        commands.change_webhook(session, webhook_id, sellers=["lantern", "quay"])

    assert known(webhook_id).hidden_to is None


@pytest.mark.parametrize("change", ["narrow", "delete"])
def test_what_is_just_being_owed_does_not_outlive_the_change(
    hook, receiver, tell, sessions, work_off, owed, change, count
):
    """The writer of the feed has read of whom the webhook hears, and has not committed."""
    webhook_id, _ = hook(receiver, sellers=["quay"])

    def change_it():
        with sessions.begin() as session:
            if change == "narrow":
                commands.change_webhook(session, webhook_id, sellers=["lantern"])
            else:
                commands.delete_webhook(session, webhook_id)

    with ThreadPoolExecutor(1) as other, sessions.begin() as writer:
        session_of_writer(writer, webhook_id)
        changing = other.submit(change_it)
        done, _ = wait([changing], timeout=0.5)
        assert not done
        writer.commit()
        changing.result()
    work_off()

    assert owed() == []
    assert count(Webhook) == (1 if change == "narrow" else 0)


def test_what_waits_for_a_change_of_whom_a_webhook_hears_is_owed_by_what_it_is_then(
    hook, receiver, sessions, hear, owed
):
    """The writer of the feed has begun, and waits: what it saw of the webhook is no longer so."""
    webhook_id, _ = hook(receiver, sellers=["quay"])
    hear(seller="quay")
    with ThreadPoolExecutor(1) as other, sessions.begin() as changing:
        commands.change_webhook(changing, webhook_id, sellers=["lantern"])
        numbering = other.submit(number_events, sessions)
        done, _ = wait([numbering], timeout=0.5)
        assert not done
        changing.commit()
        numbering.result()

    assert owed() == []


def session_of_writer(session, webhook_id):
    """Owe an event of quay's as the feed's writer does, under its lock, and do not commit."""
    session.execute(text("select position from feed_head for update"))
    session.execute(
        text("""
            insert into webhook_deliveries (webhook_id, event_id, type, position, order_id, order_number)
            values (:webhook_id, gen_random_uuid(), 'order.placed', 1, gen_random_uuid(), 'EU-1')
        """),
        {"webhook_id": webhook_id},
    )


def test_what_was_missed_is_owed_by_whom_a_webhook_hears_when_it_is_committed(
    hook, receiver, tell, sessions, work_off, owed, monkeypatch
):
    monkeypatch.setattr(commands, "_count_resent", lambda *_: None)  # it has the row, but only at the end
    tell(seller="quay")
    webhook_id, _ = hook(receiver, sellers=["quay"])

    def narrow():
        with sessions.begin() as session:
            commands.change_webhook(session, webhook_id, sellers=["lantern"])

    with ThreadPoolExecutor(1) as other, sessions.begin() as resending:
        commands.owe_missed(resending, webhook_id, 1, 1)
        narrowing = other.submit(narrow)
        done, _ = wait([narrowing], timeout=0.5)
        assert not done
        resending.commit()
        narrowing.result()
    work_off()

    assert owed() == []


@pytest.mark.requirement("W-03")
def test_an_enabled_webhook_is_sent_all_that_waited_however_much(
    hook, receiver, tell, send, later, sessions, work_off, small
):
    webhook_id, _ = hook(receiver)
    receiver.answers = [500] * 7
    told = tell(times=7)
    until(lambda: send() or len(receiver.came) == 7)
    receiver.came.clear()
    with sessions.begin() as session:
        session.execute(text("update webhook_deliveries set next_at = now() + interval '12 hours'"))
        commands.disable_webhook(session, webhook_id)
    with sessions.begin() as session:
        commands.enable_webhook(session, webhook_id)
    with sessions() as session:
        moved = select(func.count()).where(Delivery.next_at <= func.now())
        assert session.scalar(moved) == 2, "the request moves a part"

    work_off()
    until(lambda: send() or len(receiver.came) == 7)
    assert sorted(receiver.ids) == sorted(told)


@pytest.mark.requirement("W-07")
def test_what_failed_and_was_missed_is_owed_again_in_parts_and_each_once(
    hook, receiver, tell, send, sessions, work_off, known, small
):
    since = clock.now() - timedelta(minutes=1)
    missed = tell(times=5)
    webhook_id, _ = hook(receiver)
    failed = tell(times=5)
    with sessions.begin() as session:
        session.execute(text("update webhook_deliveries set state = 'failed', ended_at = now()"))
    with sessions.begin() as session:
        assert commands.resend_since(session, webhook_id, since) == 5
    assert known(webhook_id).resending_since == since

    assert work_off() > 5, "slices, between which others' jobs have their turn"
    until(lambda: send() or len(receiver.came) == 10)

    assert sorted(receiver.ids) == sorted([*missed, *failed])
    assert (known(webhook_id).resending_since, known(webhook_id).resent) == (None, 10)


@pytest.mark.requirement("W-07")
def test_of_one_webhook_one_resend_goes_on_at_a_time(hook, receiver, sessions, work_off):
    webhook_id, _ = hook(receiver)
    other_id, _ = hook(receiver)

    def ask(which):
        with sessions.begin() as session:
            commands.resend_since(session, which, clock.now() - timedelta(hours=1))

    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(ask, webhook_id) for _ in range(4)]
        wait(asked)
    refused = [one.exception() for one in asked if one.exception()]
    assert [one.reason for one in refused if isinstance(one, Refused)] == ["resend_under_way"] * 3
    ask(other_id)

    work_off()
    ask(webhook_id)


def test_a_resend_that_is_given_up_may_be_asked_for_again(hook, receiver, sessions, known):
    webhook_id, _ = hook(receiver)
    with sessions.begin() as session:
        commands.resend_since(session, webhook_id, clock.now())
    with sessions.begin() as session:
        webhook_jobs.give_up_resending(session, {"webhook_id": str(webhook_id)}, "its worker died 8 times")

    assert known(webhook_id).resending_since is None


def test_a_resend_of_a_webhook_that_is_deleted_meanwhile_owes_nothing(
    hook, receiver, tell, sessions, work_off, count
):
    tell(times=3)
    webhook_id, _ = hook(receiver)
    with sessions.begin() as session:
        commands.resend_since(session, webhook_id, clock.now() - timedelta(hours=1))
    with sessions.begin() as session:
        commands.delete_webhook(session, webhook_id)
    work_off()

    assert (count(Webhook), count(Delivery)) == (0, 0)


def test_a_resend_that_an_older_release_owed_is_done(hook, receiver, tell, send, sessions, work_off):
    [missed] = tell()
    webhook_id, _ = hook(receiver)
    span = {"since": (clock.now() - timedelta(hours=1)).isoformat(), "until": clock.now().isoformat()}
    with sessions.begin() as session:
        enqueue(
            session,
            "webhook_resend",
            key="old",
            order_id=webhook_id,
            number="webhooks",
            argument={"webhook_id": str(webhook_id)} | span,
        )
    work_off()
    send()

    assert receiver.ids == [missed]


@pytest.fixture
def spoil(sessions):
    """Let something of webhooks be written by nobody until the test is over, by a condition of its row."""
    spoilt = []

    def spoilt_now(table, when, event="insert"):
        spoilt.append(table)
        with sessions.begin() as session:
            session.execute(
                text("""
                    create function spoilt() returns trigger language plpgsql as $$
                    begin raise exception 'this row can not be written'; end $$""")
            )
            session.execute(
                text(f"""
                    create trigger spoilt before {event} on {table}
                    for each row when ({when}) execute function spoilt()""")
            )

    yield spoilt_now
    with sessions.begin() as session:
        for table in spoilt:
            session.execute(text(f"drop trigger spoilt on {table}; drop function spoilt()"))


@pytest.mark.requirement("W-05")
def test_an_answer_that_can_not_be_written_down_holds_up_no_other(hook, receiver, tell, send, owed, spoil):
    hook(receiver)
    spoil("webhook_attempts", "new.answer = 'poison'")
    receiver.answers = [(200, {}, b"poison")]
    tell(times=5)
    until(lambda: send(1.5) or not owed(state=DeliveryState.WAITING))

    assert [one.state for one in owed()] == [DeliveryState.TAKEN] * 5
    assert len(receiver.came) == 5, "each was sent once"
    told = [one.tries[0].error for one in owed() if one.tries[0].error]
    assert told == ["the response could not be stored"]


@pytest.mark.requirement("W-05")
def test_a_delivery_of_which_nothing_can_be_written_down_dies_alone(hook, receiver, tell, send, owed, spoil):
    hook(receiver)
    order_id = uuid4()
    [poison] = tell(order_id=order_id)
    [behind] = tell(order_id=order_id)
    others = tell(times=3)
    spoil("webhook_attempts", f"new.delivery_number = {owed(event_id=poison)[0].number}")
    until(lambda: send(1.5) or not owed(state=DeliveryState.WAITING))

    assert [one.state for one in owed(event_id=poison)] == [DeliveryState.FAILED]
    assert {one.state for one in owed() if str(one.event_id) in {behind, *others}} == {DeliveryState.TAKEN}
    assert sorted(receiver.ids) == sorted([poison, behind, *others])


def test_what_can_not_be_given_up_in_words_is_given_up_without_them(
    hook, receiver, tell, later, owed, sessions, spoil
):
    hook(receiver)
    [gone, _] = tell(times=2)
    with sessions.begin() as session:
        session.execute(text("delete from inbox where event_id = :gone"), {"gone": gone})
    spoil("webhook_attempts", "true")
    with sessions.begin() as session:
        claimed = claim(session, ROOM)

    assert len(claimed) == 1
    assert [one.state for one in owed(event_id=gone)] == [DeliveryState.FAILED]


def test_while_the_database_is_full_outcomes_are_kept_and_written_down_when_it_has_room(
    hook, receiver, tell, send, owed, monkeypatch
):
    hook(receiver)
    real, failures = webhook_deliveries.record, []

    def record(session, tried):
        if len(failures) < 3:
            failures.append(tried)
            raise OperationalError("insert", {}, psycopg.errors.DiskFull("could not extend file"))
        real(session, tried)

    monkeypatch.setattr(webhook_deliveries, "record", record)
    tell(times=3)
    send(4)

    assert len(failures) == 3
    assert [one.state for one in owed()] == [DeliveryState.TAKEN] * 3
    assert len(receiver.came) == 3, "each was sent once"
    assert {one.tries[0].status for one in owed()} == {204}


def test_an_event_that_can_not_be_read_is_set_aside_and_holds_up_no_other(
    hook, receiver, sessions, send, owed
):
    hook(receiver)
    for number, version in enumerate(("1", "soon", "1")):
        hear(sessions, UUID(int=number + 1), version)
    number_events(sessions)
    send()

    assert sorted(receiver.ids) == [str(UUID(int=1)), str(UUID(int=3))]
    with sessions() as session:
        assert count_unreadable(session) == 1
        assert ends(session).last == 2
    hear(sessions, UUID(int=9), "1")
    number_events(sessions)
    send()
    assert len(receiver.came) == 3


def hear(sessions, event_id, version):
    """Hear an event, as it is stored before anybody looks into it."""
    now, order_id = clock.now(), uuid4()
    told = envelope("order.placed") | {"id": str(event_id), "time": now.isoformat(), "subject": str(order_id)}
    row = {"event_id": event_id, "source": "orders", "type": "order.placed", "subject": str(order_id)}
    with sessions.begin() as session:
        session.execute(
            inbox.insert().values(
                **row, envelope=told | {"snapshotversion": version}, via="push", next_at=now
            )
        )


def test_an_event_that_can_not_be_put_together_holds_up_no_other(
    hook, receiver, tell, send, owed, monkeypatch
):
    hook(receiver)
    poison, *others = tell(times=3)
    real = webhook_deliveries.public_form

    def made(entry, *, with_people):
        if str(entry.event_id) == poison:
            raise ValueError("of tomorrow")
        return real(entry, with_people=with_people)

    monkeypatch.setattr(webhook_deliveries, "public_form", made)
    send()

    assert sorted(receiver.ids) == sorted(others)
    [given_up] = owed(event_id=poison)
    assert given_up.state == DeliveryState.FAILED
    assert given_up.tries[0].error == "the request body could not be built"


def test_a_secret_that_can_not_be_opened_is_told_in_the_log_and_no_fault_of_the_process(
    hook, receiver_at, tell, send, owed, sessions, known
):
    lost, well = receiver_at(), receiver_at()
    webhook_id, _ = hook(lost)
    hook(well)
    with sessions.begin() as session:
        session.get_one(Webhook, webhook_id).secret = b"sealed with a key that is lost"
    tell()
    send()

    assert (len(lost.came), len(well.came)) == (0, 1)
    [delivery] = owed(webhook_id=webhook_id)
    assert "secret" in delivery.tries[0].error
    assert delivery.state == DeliveryState.WAITING
    assert known(webhook_id).failures == 1, "so its owner is told in time"


def test_who_owes_something_to_a_webhook_waits_for_no_sender_that_writes_down(hook, receiver, tell, sessions):
    hook(receiver)
    tell()
    with sessions.begin() as session:
        [claimed] = claim(session, ROOM)
    failed = Answer(at=clock.now(), milliseconds=1, status=500)
    with ThreadPoolExecutor(1) as other, sessions.begin() as sender:
        webhook_deliveries.lock_senders(sender)
        tried = Tried(number=claimed.number, attempt=claimed.attempt, answer=failed)
        webhook_deliveries.record(sender, [tried])
        owing = other.submit(tell)
        done, _ = wait([owing], timeout=5)
        assert done
        sender.commit()


@pytest.fixture
def forget(sessions, settings):
    """Forget what is old, as the agent does once an hour."""

    def forgotten():
        commands.end_what_waited(sessions, settings.webhook_days)
        retention.forget(sessions, lambda: False, commands.old(settings.webhook_days))

    return forgotten


def test_what_still_waits_is_kept_and_what_ended_is_forgotten_in_its_time(
    hook, receiver, tell, send, later, owed, forget
):
    hook(receiver)
    [taken] = tell()
    send()
    receiver.otherwise = 500
    [waiting] = tell()
    send()
    later(days=29)
    forget()
    assert {str(one.event_id) for one in owed()} == {taken, waiting}
    later(days=2)
    forget()

    [left] = owed()
    assert str(left.event_id) == waiting
    assert left.state == DeliveryState.WAITING, "its webhook is on: it is tried, and ends by itself"


def test_what_waited_too_long_at_a_webhook_that_is_off_ends_with_the_reason_and_is_kept_from_then_on(
    hook, receiver, tell, later, owed, forget, sessions, monkeypatch
):
    monkeypatch.setattr(commands, "MOST_FORGOTTEN", 2)
    webhook_id, _ = hook(receiver)
    tell(times=5)
    with sessions.begin() as session:
        commands.disable_webhook(session, webhook_id)
    later(days=29)
    forget()
    assert {one.state for one in owed()} == {DeliveryState.WAITING}
    later(days=2)
    forget()
    assert {one.state for one in owed()} == {DeliveryState.FAILED}
    assert {one.tries[-1].error for one in owed()} == {"not sent: its webhook was off for 30 days"}

    later(days=29)
    forget()
    assert len(owed()) == 5, "as long as all that ended"
    later(days=2)
    forget()
    assert owed() == []


def test_webhooks_are_counted_once_a_minute_however_often_that_is_asked(
    hook, receiver, sessions, monkeypatch
):
    now = [1000.0]
    monkeypatch.setattr(commands.time, "monotonic", lambda: now[0])
    asked = []
    real = queries.count_by_state
    monkeypatch.setattr(queries, "count_by_state", lambda session: asked.append(1) or real(session))
    count = commands.Count()
    hook(receiver)
    for _ in range(61):
        with sessions.begin() as session:
            count(session)
        now[0] += 1

    assert len(asked) == 2
    assert commands.WEBHOOKS.labels("active")._value.get() == 1


def test_a_webhook_that_is_deleted_while_it_is_sent_to_takes_nobody_down(
    hook, receiver, tell, send, sessions, work_off, count
):
    webhook_id, _ = hook(receiver)
    other_id, _ = hook(receiver)

    def delete_meanwhile(handler):
        with sessions.begin() as session:
            commands.delete_webhook(session, webhook_id)
        work_off()
        handler.answer(204)

    receiver.answers = [delete_meanwhile]
    with sessions.begin() as session:
        commands.disable_webhook(session, other_id)
    tell()
    with sessions.begin() as session:
        commands.enable_webhook(session, other_id)
    [later_one] = tell()
    send(1)

    assert count(Webhook) == 1
    assert later_one in receiver.ids


class Meddling:
    """What somebody does to a webhook, one way after the other, for as long as it is sent to."""

    def __init__(self, sessions, webhook_id, secret):
        self.sessions, self.webhook_id, self.secrets = sessions, webhook_id, [secret]
        self.is_over = threading.Event()

    def keep_on(self, act):
        while not self.is_over.is_set():
            act()
            time.sleep(0.01)

    def rotate(self):
        with self.sessions.begin() as session:
            self.secrets.append(commands.rotate_secret(session, self.webhook_id, previous_hours=1)[1])

    def switch(self):
        for act in (commands.disable_webhook, commands.enable_webhook):
            with self.sessions.begin() as session:
                act(session, self.webhook_id)

    def resend(self):
        with suppress(Refused), self.sessions.begin() as session:
            commands.resend_since(session, self.webhook_id, clock.now() - timedelta(hours=1))

    def move(self):
        for sellers in (["lantern"], ["lantern", "quay"]):
            with self.sessions.begin() as session:
                commands.change_webhook(session, self.webhook_id, sellers=sellers)


@pytest.mark.requirement("W-05", "W-09", "W-11")
def test_whatever_is_done_to_a_webhook_while_it_is_sent_to_nothing_is_lost_and_nobody_waits_for_ever(
    hook, receiver, tell, send, sessions, owed, work_off
):
    meddling = Meddling(sessions, *hook(receiver, sellers=["lantern", "quay"]))
    told = []

    def tell_one():
        told.extend(tell(order_id=UUID(int=len(told) % 5 + 1)) if len(told) < 60 else ())

    acts = (meddling.rotate, meddling.switch, meddling.resend, meddling.move, work_off, tell_one)
    with ThreadPoolExecutor(len(acts) + 2) as pool:
        acting = [pool.submit(meddling.keep_on, act) for act in acts]
        sending = [pool.submit(send, 3) for _ in range(2)]
        wait(sending)
        meddling.is_over.set()
        for one in (*acting, *sending):
            one.result(timeout=30)
    meddling.switch()
    meddling.resend()
    work_off()
    until(lambda: send() or not owed(state=DeliveryState.WAITING))

    assert {*receiver.ids} == {*told}
    assert {one.state for one in owed()} == {DeliveryState.TAKEN}
    for headers, body, _ in receiver.came:
        assert any(is_signed(one, body, headers) for one in meddling.secrets)


def is_signed(secret, body, headers):
    with suppress(WebhookVerificationError):
        return StandardWebhook(secret).verify(body, headers)
