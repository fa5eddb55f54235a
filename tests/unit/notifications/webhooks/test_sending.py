"""What webhooks are sent: signed, in order, again and again, and no more than it should be."""

import asyncio
import hashlib
import hmac
import json
import threading
import time
from base64 import b64decode, b64encode
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import select, text, update
from standardwebhooks import Webhook, WebhookVerificationError

from deploy.local.ports import free_port
from services.notifications import webhook_jobs
from services.notifications.commands import webhook_deliveries
from services.notifications.commands import webhooks as commands
from services.notifications.commands.webhook_deliveries import MOST_UNDER_WAY, Room, claim
from services.notifications.domain.webhooks import DEATHS, DeliveryState, WebhookState
from services.notifications.messaging import messaging
from services.notifications.models import Email, EventBody, Notice
from services.notifications.models import Webhook as Row
from services.notifications.webhook_client import WebhookClient
from shared import clock
from shared.events.snapshots import OrderSnapshot
from shared.messaging import copies
from shared.messaging import jobs as runner
from shared.messaging.backoff import Backoff
from shared.messaging.tables import jobs
from tests.samples import event as sample_of
from tests.waiting import PATIENCE_SECONDS, until

ROOM = Room(all=500, failing=250, further=350, deadly=1)


@pytest.mark.requirement("P-23", "W-01", "W-10")
def test_an_event_arrives_signed_with_the_ids_of_event_and_delivery(hook, receiver, tell, send, owed):
    _, secret = hook(receiver)

    [event_id] = tell("order.placed")
    send()

    [(headers, body, _)] = receiver.came
    event = Webhook(secret).verify(body, headers)
    assert event["id"] == headers["webhook-id"] == event_id
    assert event["type"] == "order.placed"
    [delivery] = owed()
    assert headers["webhook-delivery-id"] == str(delivery.id) != event_id
    assert delivery.state == DeliveryState.TAKEN


@pytest.mark.requirement("W-10")
def test_the_bytes_signed_are_those_sent_by_the_standards_own_sum(hook, receiver, tell, send):
    _, secret = hook(receiver)
    tell()
    send()

    [(headers, body, _)] = receiver.came
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    made = hmac.new(b64decode(secret.removeprefix("whsec_")), signed, hashlib.sha256).digest()
    assert headers["webhook-signature"] == f"v1,{b64encode(made).decode()}"
    with pytest.raises(WebhookVerificationError):
        Webhook(secret).verify(body + b" ", headers)


@pytest.mark.requirement("W-01", "W-12", "P-23")
def test_retries_and_other_endpoints_have_the_event_s_id_and_a_retry_its_delivery_s_and_its_bytes(
    hook, receiver_at, tell, send, later
):
    first, second = receiver_at(), receiver_at()
    hook(first)
    hook(second)
    first.answers = [500]
    [event_id] = tell()
    send()
    later(seconds=6)
    send()

    assert first.ids == [event_id, event_id]
    assert second.ids == [event_id]
    (one, body, _), (again, same, _) = first.came
    assert body == same
    assert one["webhook-delivery-id"] == again["webhook-delivery-id"]
    assert one["webhook-delivery-id"] != second.came[0][0]["webhook-delivery-id"]


@pytest.mark.requirement("W-13")
def test_an_endpoint_hears_what_it_was_made_for_and_one_may_hear_all(hook, receiver_at, tell, send):
    all_of_them, of_one, of_type = receiver_at(), receiver_at(), receiver_at()
    hook(all_of_them)
    hook(of_one, sellers=["lantern"], markets=["eu"])
    hook(of_type, types=["order.accepted"])
    mine = tell("order.placed", seller="lantern", market="eu")
    tells = [*mine, *tell("order.placed", seller="lantern", market="gb")]
    accepted = tell("order.accepted", seller="quay", market="eu")
    send()

    assert sorted(all_of_them.ids) == sorted([*tells, *accepted])
    assert of_one.ids == mine
    assert of_type.ids == accepted


def test_people_are_sent_to_endpoints_that_want_them_alone(hook, receiver_at, tell, send):
    with_people, without = receiver_at(), receiver_at()
    hook(with_people, people=True)
    hook(without)
    tell("order.placed")
    send()

    told = [json.loads(one.came[0][1])["data"]["order"]["people"] for one in (with_people, without)]
    assert told[0]["customer"]["email"]
    assert told[1] == {}


@pytest.mark.requirement("W-02")
def test_it_is_tried_for_three_days_with_growing_waits(hook, receiver, tell, send, later, owed):
    hook(receiver)
    receiver.otherwise = 500
    tell()
    waits = []
    while True:
        send(0.1)
        [delivery] = owed()
        if delivery.state != DeliveryState.WAITING:
            break
        waits.append(delivery.next_at - delivery.tries[-1].at)
        later(seconds=waits[-1].total_seconds() + 1)

    least = [timedelta(seconds=one) for one in (5, 300, 1800, 7200, 18000, 36000, 43200, 43200, 43200, 43200)]
    assert len(waits) == len(least)
    for wait, planned in zip(waits, least, strict=True):
        assert planned <= wait <= planned * 1.15
    assert timedelta(days=2) < sum(waits, timedelta()) <= timedelta(days=3)
    assert len(receiver.came) == len(waits) + 1
    assert len({body for _, body, _ in receiver.came}) == 1
    assert delivery.state == DeliveryState.FAILED


@pytest.mark.requirement("W-02")
def test_the_patience_with_an_event_begins_with_its_first_try_and_not_while_it_had_to_wait(
    hook, receiver, tell, send, later, owed
):
    hook(receiver)
    order_id = uuid4()
    receiver.otherwise = 500
    tell("order.placed", order_id=order_id)
    send()
    tell("order.accepted", order_id=order_id)
    while owed(type="order.placed")[0].state == DeliveryState.WAITING:
        later(hours=12.6)
        send(0.1)
    [held] = owed(type="order.accepted")

    until(lambda: send() or owed(type="order.accepted")[0].tries)
    [held] = owed(type="order.accepted")
    assert held.state == DeliveryState.WAITING, "it has three days of its own"
    assert held.next_at - held.tries[0].at < timedelta(seconds=6)


@pytest.mark.requirement("W-02")
def test_what_waited_while_its_webhook_was_off_has_its_whole_patience_once_it_is_on(
    hook, receiver, tell, send, later, owed, sessions
):
    webhook_id, _ = hook(receiver)
    receiver.otherwise = 500
    tell()
    send()
    with sessions.begin() as session:
        commands.disable_webhook(session, webhook_id)
    later(days=20)
    with sessions.begin() as session:
        commands.enable_webhook(session, webhook_id)
    send()

    [delivery] = owed()
    assert [one.status for one in delivery.tries] == [500, 500]
    assert delivery.state == DeliveryState.WAITING
    assert delivery.next_at - delivery.tries[1].at < timedelta(seconds=6), "and its waits begin anew"


@pytest.mark.requirement("W-05", "W-09")
def test_an_order_s_events_go_one_after_the_other_and_wait_for_no_other_order(
    hook, receiver, tell, send, later
):
    hook(receiver)
    order_id = uuid4()
    receiver.answers = [500]
    [first] = tell("order.placed", order_id=order_id)
    send()
    [second] = tell("order.accepted", order_id=order_id)
    [third] = tell("order.updated", order_id=order_id)
    [other] = tell("order.placed")
    send()
    assert receiver.ids == [first, other]

    later(seconds=6)
    until(lambda: send() or len(receiver.came) == 5)

    assert receiver.ids == [first, other, first, second, third]


@pytest.mark.requirement("W-09")
def test_while_no_process_is_free_for_the_next_round_the_newest_goes_on(hook, receiver, tell, sessions):
    """All the others may be waiting for what their receivers answer at last."""
    hook(receiver)
    tell()
    begin_all = update(jobs).values(state="running").returning(jobs.c.argument)
    with sessions.begin() as session:
        [of_newest] = session.scalars(begin_all)
        commands.owe_late_round(session)

    def send_as(name):
        sending = webhook_jobs.Round(
            sessions, client=lambda _: WebhookClient(local=True), seconds=0.2, name=name
        )
        asyncio.run(sending.run())

    send_as("")  # an older one leaves it to the newest
    newest = threading.Thread(target=send_as, args=(of_newest["round"],))
    newest.start()
    time.sleep(1)
    tell()
    until(lambda: len(receiver.came) == 2)
    assert newest.is_alive()

    with sessions.begin() as session:
        session.execute(begin_all)
    newest.join(PATIENCE_SECONDS)
    assert not newest.is_alive()


@pytest.mark.requirement("W-05")
def test_when_its_worker_stops_a_round_ends_what_is_under_way_and_leaves_the_rest(
    hook, receiver, tell, sessions, owed, monkeypatch
):
    monkeypatch.setattr(webhook_jobs, "_stopping", bytearray(1))
    hook(receiver)
    receiver.answers = [lambda handler: (webhook_jobs.stop(), time.sleep(0.5), handler.answer(204))]
    order_id = uuid4()
    tell("order.placed", order_id=order_id)
    tell("order.accepted", order_id=order_id)

    asyncio.run(webhook_jobs.Round(sessions, client=lambda _: WebhookClient(local=True), seconds=60).run())

    assert [one.state for one in owed()] == [DeliveryState.TAKEN, DeliveryState.WAITING]


@pytest.mark.requirement("W-05", "W-09")
def test_what_is_behind_something_that_waits_to_be_tried_again_is_looked_at_no_sooner(
    hook, receiver, tell, send, owed
):
    """So an endpoint that is away for days, with many orders on their way, costs others nothing."""
    hook(receiver)
    order_id = uuid4()
    tell("order.placed", order_id=order_id)
    tell("order.accepted", order_id=order_id)
    receiver.answers = [500]
    send()
    tell("order.updated", order_id=order_id)
    [other] = tell("order.placed")

    first, *behind, free = owed()

    assert first.next_at > clock.now() + timedelta(seconds=1)
    assert [one.next_at for one in behind] == [first.next_at] * 2
    assert (str(free.event_id), free.next_at < clock.now()) == (other, True)


@pytest.mark.requirement("W-09")
def test_what_changes_while_the_change_before_is_being_sent_is_sent_after_it(hook, receiver, tell, send):
    hook(receiver)
    order_id = uuid4()
    later_ones = []

    def change_meanwhile(handler):
        later_ones.extend(tell("order.updated", order_id=order_id))
        time.sleep(0.2)
        assert len(receiver.came) == 1
        handler.answer(204)

    receiver.answers = [change_meanwhile]
    [first] = tell("order.placed", order_id=order_id)
    until(lambda: send() or len(receiver.came) == 2)

    assert receiver.ids == [first, *later_ones]


@pytest.mark.requirement("W-05")
def test_slow_endpoints_with_much_that_waits_never_fill_a_round(
    hook, receiver_at, tell, sending, monkeypatch
):
    monkeypatch.setattr(webhook_jobs, "MOST_UNDER_WAY", 16)
    monkeypatch.setattr(webhook_jobs, "MOST_FURTHER", 10)
    slow, fast = receiver_at(), receiver_at()
    for _ in range(4):
        hook(slow, sellers=["quay"])
    hook(fast, sellers=["lantern"])
    tell(seller="quay", times=10)

    with held_back(slow):
        sending()
        until(lambda: len(slow.came) >= 10)
        tell(seller="lantern", times=5)
        until(lambda: len(fast.came) == 5)
        assert len(slow.came) <= 14


@pytest.mark.requirement("W-05")
def test_a_slow_endpoint_and_dead_ones_hold_up_no_other(hook, receiver_at, tell, sending):
    slow, fast = receiver_at(), receiver_at()
    hook(slow)
    for _ in range(17):
        hook(f"http://127.0.0.1:{free_port()}/refuses")
    hook(fast)
    tell(times=40)

    with held_back(slow):
        sending()
        until(lambda: len(fast.came) == 40 and len(slow.came) == MOST_UNDER_WAY)


@contextmanager
def held_back(receiver):
    """Have a receiver answer nothing before the block ends."""
    is_over = threading.Event()

    def answer_then(handler):
        is_over.wait(PATIENCE_SECONDS)
        handler.answer(204)

    receiver.otherwise = answer_then
    try:
        yield
    finally:
        is_over.set()


@pytest.mark.requirement("W-12")
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_redirect_is_a_failure_and_is_not_followed(hook, receiver_at, tell, send, owed, status):
    receiver, other = receiver_at(), receiver_at()
    hook(receiver)
    receiver.otherwise = (status, {"Location": other.address})
    tell()
    send()

    assert (len(receiver.came), other.came) == (1, [])
    [delivery] = owed()
    assert (delivery.state, delivery.failures, delivery.tries[0].status) == (DeliveryState.WAITING, 1, status)


@pytest.mark.requirement("W-12", "W-03")
def test_410_ends_an_endpoint_and_its_owner_is_told_how_to_turn_it_on(
    hook, receiver, tell, send, known, hear_of, emails_told
):
    webhook_id, _ = hook(receiver, sellers=["lantern"], markets=["eu"])
    receiver.otherwise = 410
    tell(order_id=hear_of)
    send()
    tell(order_id=hear_of)
    send()

    assert len(receiver.came) == 1
    assert known(webhook_id).state == WebhookState.GONE
    [email] = emails_told()
    assert (email.step, email.address) == ("webhook_gone", "hooks@shop.example")


@pytest.mark.parametrize("status", [429, 503])
def test_an_endpoint_that_asks_for_a_pause_has_it(hook, receiver, tell, send, later, owed, status):
    hook(receiver)
    receiver.answers = [(status, {"Retry-After": "120"})]
    [first] = tell()
    send()
    [delivery] = owed()
    assert delivery.next_at >= delivery.tries[0].at + timedelta(seconds=120)

    [second] = tell()
    later(seconds=60)
    send()
    assert receiver.ids == [first]

    later(seconds=61)
    send()
    assert sorted(receiver.ids) == sorted([first, first, second])


@pytest.mark.parametrize(
    "retry_after",
    [
        *("-5", "9" * 5000, "soon", "Fri, 1 Jan 2027 00:00:00 -0000", "Sun, 1 Jan 0001 00:00:00 +2300"),
        *("Mon, 1 Jan 99999999999999999999 00:00:00 GMT", "Fri, 99999999999 Jan 2027 00:00:00 GMT"),
        "Fri, 1 Jan 2027 00:00:00 +99999999999999999999",
    ],
)
def test_a_pause_that_no_clock_has_is_none_and_holds_up_nobody(
    hook, receiver_at, tell, send, owed, retry_after
):
    odd, well = receiver_at(), receiver_at()
    odd_id, _ = hook(odd)
    well_id, _ = hook(well)
    odd.otherwise = (503, {"Retry-After": retry_after})
    tell()
    send()

    assert [one.state for one in owed(webhook_id=well_id)] == [DeliveryState.TAKEN]
    [delivery] = owed(webhook_id=odd_id)
    assert delivery.failures == 1
    assert delivery.next_at - delivery.tries[0].at < timedelta(seconds=6)


def test_a_receiver_that_drips_is_left_when_its_time_is_over(hook, receiver, tell, send, tries):
    hook(receiver)

    def drip(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
        for _ in range(100):
            handler.wfile.write(b".")
            time.sleep(0.1)

    receiver.otherwise = drip
    tell()
    began = time.monotonic()
    send(0.2, all_seconds=1)

    assert time.monotonic() - began < 9
    assert tries() == ["no complete response within 1 s"]


def test_of_an_answer_16_kb_are_read_and_500_characters_kept(hook, receiver, tell, send, owed):
    hook(receiver)

    def answer_without_end(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"thank\0you " * 100)
        while True:  # until we hang up
            handler.wfile.write(b"." * 65536)

    receiver.otherwise = answer_without_end
    tell()
    send()

    [delivery] = owed()
    assert delivery.state == DeliveryState.TAKEN
    assert len(delivery.tries[0].answer) == 500
    assert delivery.tries[0].answer.startswith("thank you thank you")


@pytest.mark.requirement("W-12")
def test_a_receiver_that_dies_in_the_middle_is_tried_again(hook, receiver, tell, send, later, tries):
    hook(receiver)

    def die(handler):
        handler.connection.close()

    receiver.answers = [die]
    [event_id] = tell()
    send()
    later(seconds=6)
    send()

    assert receiver.ids == [event_id, event_id]
    assert tries()[1] == 204


@pytest.mark.requirement("W-04")
def test_a_dead_endpoint_is_rested_its_events_are_kept_and_others_go_on(
    hook, receiver_at, tell, send, later, known, owed
):
    dead, well = receiver_at(), receiver_at()
    webhook_id, _ = hook(dead)
    hook(well)
    dead.otherwise = 500
    tell(times=30)
    until(lambda: send() or (len(well.came) == 30 and known(webhook_id).failures == 20))

    assert len(dead.came) <= 20 + MOST_UNDER_WAY
    rest = known(webhook_id).rested_until - clock.now()
    assert timedelta(seconds=40) < rest <= timedelta(minutes=1)

    tried = len(dead.came)
    tell()
    send()
    assert len(dead.came) == tried, "it rests"
    later(seconds=61)
    send()
    assert len(dead.came) == tried + 1, "it is tried with one alone"
    assert known(webhook_id).rested_until > clock.now() + timedelta(seconds=90), "its rest grows"

    dead.otherwise = 204
    later(minutes=10)
    until(lambda: send() or not owed(webhook_id=webhook_id, state=DeliveryState.WAITING))
    assert {one.state for one in owed(webhook_id=webhook_id)} == {DeliveryState.TAKEN}
    assert known(webhook_id).failures == 0


@pytest.mark.requirement("W-03")
def test_an_owner_is_told_on_the_first_day_and_once_more_when_it_is_switched_off(
    hook, receiver, tell, send, later, known, hear_of, emails_told, sessions
):
    webhook_id, _ = hook(receiver, sellers=["lantern"], markets=["eu"])
    receiver.otherwise = 500
    tell(order_id=hear_of)
    for wait in (5, 300, 1800, 7200):
        send(0.1)
        assert emails_told() == []
        later(seconds=wait * 1.2)
    send(0.1)
    assert [email.step for email in emails_told()] == ["webhook_failing"]
    tell(times=25)
    for _ in range(30):
        later(hours=1)
        send(0.1)
    assert known(webhook_id).state == WebhookState.ACTIVE
    assert len(emails_told()) == 1, "and not each hour"

    later(days=5)
    tell(order_id=hear_of)
    send(0.1)

    assert known(webhook_id).state == WebhookState.FAILED
    assert [email.step for email in emails_told()] == ["webhook_failing", "webhook_off"]
    with sessions() as session:
        kinds = session.scalars(select(Notice.kind).order_by(Notice.id)).all()
    assert {*kinds} == {"webhook_failing", "webhook_off"}


@pytest.mark.requirement("W-03", "W-07")
def test_what_was_missed_while_it_was_off_is_sent_when_that_is_asked_for(
    hook, receiver, tell, send, sessions, work_off
):
    webhook_id, _ = hook(receiver)
    since = clock.now()
    with sessions.begin() as session:
        commands.disable_webhook(session, webhook_id)
    missed = tell(times=3)
    with sessions.begin() as session:
        commands.enable_webhook(session, webhook_id)
    send()
    assert receiver.came == []

    with sessions.begin() as session:
        commands.resend_since(session, webhook_id, since)
    work_off()
    send()

    assert sorted(receiver.ids) == sorted(missed)


def test_what_is_being_sent_while_it_is_enabled_is_sent_once(hook, receiver, tell, send, sessions, owed):
    webhook_id, _ = hook(receiver)

    def enable_meanwhile(handler):
        for _ in range(DEATHS):
            with sessions.begin() as session:
                commands.enable_webhook(session, webhook_id)
            time.sleep(0.2)
        handler.answer(204)

    receiver.answers = [enable_meanwhile]
    [event_id] = tell()
    send(2)

    assert receiver.ids == [event_id]
    assert [one.state for one in owed()] == [DeliveryState.TAKEN]


@pytest.mark.parametrize("act", ["enable", "resend", "narrow", "remove"])
def test_who_acts_on_a_webhook_and_a_sender_that_writes_down_wait_for_each_other_and_never_in_a_circle(
    hook, receiver, tell, sessions, owed, act
):
    webhook_id, _ = hook(receiver)
    tell()
    with sessions.begin() as session:
        [claimed] = claim(session, ROOM)
    failed = webhook_deliveries.Answer(at=clock.now(), milliseconds=1, status=500)
    tried = webhook_deliveries.Tried(number=claimed.number, attempt=claimed.attempt, answer=failed)
    delivery_id = owed()[0].id
    if act == "remove":
        with sessions.begin() as session:
            commands.delete_webhook(session, webhook_id)

    def acts():
        with sessions.begin() as session:
            if act == "enable":
                commands.enable_webhook(session, webhook_id)
            elif act == "resend":
                commands.resend(session, webhook_id, delivery_id)
            elif act == "narrow":
                commands.change_webhook(session, webhook_id, sellers=["quay"])
            else:
                commands.forget_some(session, webhook_id)

    with ThreadPoolExecutor(1) as other, sessions.begin() as session:
        webhook_deliveries.lock_senders(session)
        acting = other.submit(acts)
        waiting = text("select count(*) from pg_locks where locktype = 'advisory' and not granted")
        until(lambda: session.scalar(waiting))
        webhook_deliveries.record(session, [tried])
        session.commit()
        acting.result()


@pytest.mark.requirement("W-07")
def test_what_was_missed_is_owed_in_parts_for_which_no_sender_waits(
    hook, receiver, tell, send, sessions, work_off, monkeypatch
):
    since = clock.now()
    missed = tell(times=7)
    webhook_id, _ = hook(receiver)
    monkeypatch.setattr(commands, "MOST_AT_A_TIME", 2)
    with sessions.begin() as sender, sessions.begin() as session:
        webhook_deliveries.lock_senders(sender)
        session.execute(text("set local lock_timeout = '2s'"))
        commands.owe_missed(session, webhook_id, 1, 2)

    with sessions.begin() as session:
        commands.resend_since(session, webhook_id, since)
    work_off()
    until(lambda: send() or len(receiver.came) == 7)

    assert sorted(receiver.ids) == sorted(missed)


@pytest.mark.requirement("W-07", "P-23")
def test_one_or_all_that_failed_are_sent_again_under_the_same_ids(
    hook, receiver, tell, send, later, owed, sessions, work_off
):
    webhook_id, _ = hook(receiver)
    since = clock.now() - timedelta(days=30)
    receiver.otherwise = 400
    failed = tell(times=2)
    send()
    with sessions.begin() as session:
        for row in session.scalars(select(webhook_deliveries.Delivery)):
            row.state, row.ended_at = DeliveryState.FAILED, clock.now()
    receiver.otherwise, receiver.came = 204, []
    [taken] = tell()
    send()
    receiver.came.clear()

    with sessions.begin() as session:
        commands.resend(session, webhook_id, owed(event_id=taken)[0].id)
    send()
    assert receiver.ids == [taken]

    receiver.came.clear()
    with sessions.begin() as session:
        commands.resend_since(session, webhook_id, since)
    work_off()
    send()
    assert sorted(receiver.ids) == sorted(failed)
    assert {one.state for one in owed()} == {DeliveryState.TAKEN}


@pytest.mark.requirement("W-11")
def test_while_a_secret_is_changed_both_are_good_and_then_the_new_one_alone(
    hook, receiver, tell, send, later, sessions
):
    webhook_id, old = hook(receiver)
    with sessions.begin() as session:
        _, new = commands.rotate_secret(session, webhook_id, previous_hours=1)
    tell()
    send()
    later(hours=2)
    tell()
    send()

    (both, body, _), (one, after, _) = receiver.came
    assert Webhook(old).verify(body, both) == Webhook(new).verify(body, both)
    assert Webhook(new).verify(after, one)
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(after, one)


def test_no_secret_lies_in_the_database_as_it_is(hook, receiver, known):
    webhook_id, secret = hook(receiver)

    assert secret.encode() not in known(webhook_id).secret
    assert b64decode(secret.removeprefix("whsec_")) not in known(webhook_id).secret


def test_what_a_dead_sender_had_is_sent_by_the_next_under_the_same_id(
    hook, receiver, tell, send, later, sessions
):
    hook(receiver)
    [event_id] = tell()
    with sessions.begin() as session:
        assert len(claim(session, ROOM)) == 1
    send()
    assert receiver.came == [], "a sender has it"

    later(seconds=31)
    send()

    assert receiver.ids == [event_id]


def test_a_sender_that_was_late_takes_nothing_back(hook, receiver, tell, send, later, sessions, owed):
    hook(receiver)
    tell()
    with sessions.begin() as session:
        [late] = claim(session, ROOM)
    later(seconds=31)
    send()

    failed = webhook_deliveries.Answer(at=clock.now(), milliseconds=1, status=500)
    with sessions.begin() as session:
        webhook_deliveries.record(
            session, [webhook_deliveries.Tried(number=late.number, attempt=late.attempt, answer=failed)]
        )

    [delivery] = owed()
    assert delivery.state == DeliveryState.TAKEN
    assert [one.status for one in delivery.tries] == [204, 500], "and its try is in the log"


def test_what_kills_its_sender_is_given_up_and_goes_alone_before_that(
    hook, receiver, tell, later, sessions, owed, known
):
    webhook_id, _ = hook(receiver)
    tell(times=3)
    sizes = []
    for _ in range(40):
        with sessions.begin() as session:
            sizes.append(len(claim(session, ROOM)))  # and the process dies
        later(seconds=31)

    assert sizes[:3] == [3, 3, 3]
    assert set(sizes[3:]) == {0, 1}, "from the third time on each goes with no other like it"
    assert {one.state for one in owed()} == {DeliveryState.FAILED}
    assert {one.tries[-1].error for one in owed()} == {f"the process that was sending it died {DEATHS} times"}
    assert known(webhook_id).failures == 0, "which is not its receiver's fault"


def test_an_erased_person_is_in_nothing_that_is_kept_or_still_sent(
    hook, receiver, tell, send, later, sessions, owed
):
    hook(receiver, people=True)
    order_id = uuid4()
    receiver.answers = [(500, {}, b"no such Luc\xc3\xada")]
    tell(order_id=order_id)
    send()
    with sessions.begin() as session:
        commands.erase_person(session, order_id)
        copies.erase_people(session, order_id)
    assert owed()[0].tries[0].answer == ""

    later(seconds=6)
    send()

    first, again = (json.loads(body) for _, body, _ in receiver.came)
    assert first["data"]["order"]["people"]
    assert again["data"]["order"]["people"] == {}
    assert first["id"] == again["id"]


@pytest.fixture
def erase(sessions, hear_of):
    """Erase the person of the order that notifications knows, as is done on hearing of it."""

    def erased():
        with sessions.begin() as session:
            known = copies.newest(session, hear_of, OrderSnapshot)
            anonymised = replace(known, version=known.version + 1, anonymised_at=clock.now())
            copies.keep_newest(session, anonymised)
            copies.erase_people(session, hear_of)
            commands.erase_person(session, hear_of)

    return erased


def test_what_a_receiver_says_of_a_person_who_was_erased_meanwhile_is_not_kept(
    hook, receiver, tell, send, owed, hear_of, erase
):
    hook(receiver, people=True)

    def erase_meanwhile(handler):
        erase()
        handler.answer(500, {}, b"no such Lucia")

    receiver.answers = [erase_meanwhile]
    tell(order_id=hear_of)
    send(1)

    [attempt] = owed()[0].tries
    assert (attempt.status, attempt.answer) == (500, "")


def test_a_body_that_is_put_together_during_an_erasure_does_not_outlive_it(
    hook, receiver, tell, sessions, hear_of, erase
):
    hook(receiver, people=True)
    tell(order_id=hear_of)

    with ThreadPoolExecutor(1) as other, sessions.begin() as session:
        webhook_deliveries.lock_senders(session)
        [claimed] = claim(session, ROOM)
        assert json.loads(claimed.content)["data"]["order"]["people"]
        erasing = other.submit(erase)
        with suppress(TimeoutError):
            erasing.result(timeout=1)
        session.commit()
        erasing.result()

    with sessions() as session:
        assert session.scalars(select(EventBody)).all() == []


@pytest.mark.requirement("W-03")
def test_the_owner_of_an_endpoint_that_heard_of_no_order_is_told_and_no_other_seller_is(
    hook, receiver, tell, send, hear_of, emails_told, sessions
):
    tell(order_id=hear_of, seller="quay")
    hook(receiver, sellers=["lantern"])
    receiver.otherwise = 410
    tell("stock.changed", seller="lantern", market="*", is_of_order=False)
    send()

    assert len(receiver.came) == 1
    [email] = emails_told()
    assert (email.step, email.address, email.seller, email.about) == (
        "webhook_gone",
        "hooks@shop.example",
        "*",
        None,
    )
    with sessions() as session:
        assert session.scalars(select(Notice)).all() == []


@pytest.mark.requirement("W-03")
def test_an_owner_is_told_though_what_is_kept_of_the_order_can_not_be_read(
    hook, receiver, tell, send, hear_of, emails_told, sessions, known
):
    webhook_id, _ = hook(receiver, sellers=["lantern"])
    receiver.otherwise = 410
    with sessions.begin() as session:
        session.execute(text("update copies set snapshot = '{}'"))
    tell(order_id=hear_of)
    send()

    assert known(webhook_id).state == WebhookState.GONE
    assert [email.step for email in emails_told()] == ["webhook_gone"]


@pytest.mark.requirement("W-03")
@pytest.mark.parametrize("step", ["webhook_failing", "webhook_off", "webhook_gone"])
def test_an_email_about_a_webhook_without_orders_is_sent(
    hook, receiver, tell, send, emails_told, sessions, mail_server, step
):
    webhook_id, _ = hook(receiver, sellers=["lantern"])
    receiver.otherwise = 410
    tell()
    send()
    with sessions.begin() as session:
        session.get_one(Email, emails_told()[0].id).step = step

    for job_id in due_jobs(sessions, "email"):
        runner.run(sessions, messaging.jobs, job_id, Backoff(0.01, 0.02))

    [mail] = mail_server.received()
    assert "127.0.0.1" in mail["Subject"]
    plain = mail.get_body(("plain",)).get_content()
    assert f"/v1/webhooks/{webhook_id}/deliveries" in plain
    assert ("enable" in plain) is (step != "webhook_failing")
    assert "lantern" not in mail.as_string()


def due_jobs(sessions, kind):
    with sessions() as session:
        return session.scalars(
            select(copies.jobs.c.id).where(copies.jobs.c.kind == kind, copies.jobs.c.state == "queued")
        ).all()


@pytest.fixture
def hear_of(sessions):
    """An order that notifications knows, by its id."""
    order = sample_of("order.placed").snapshot
    with sessions.begin() as session:
        copies.keep_newest(session, order)
    return order.order_id


@pytest.fixture
def emails_told(sessions):
    def rows():
        with sessions() as session:
            return session.scalars(select(Email).order_by(Email.created_at)).all()

    return rows


def test_a_webhook_of_all_is_known_by_one_row(hook, receiver, sessions):
    hook(receiver)

    with sessions() as session:
        [row] = session.scalars(select(Row))
    assert (row.sellers, row.markets, row.types) == (["*"], ["*"], ["*"])
