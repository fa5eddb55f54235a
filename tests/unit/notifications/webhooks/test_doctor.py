"""The doctor names webhooks that are off or fail, what waits to be sent, and a feed that stands still."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from services.notifications import cli
from services.notifications.commands import webhooks as commands
from services.notifications.domain.webhooks import WebhookState
from services.notifications.messaging import messaging
from services.notifications.models import Webhook
from shared import clock
from shared.doctor import Patient


@pytest.fixture
def told(sessions, settings):
    def said(check):
        return [*check(Patient(messaging=messaging, sessions=sessions, settings=settings))]

    return said


def test_where_all_is_well_nothing_is_told(hook, receiver, tell, send, told, sessions):
    hook(receiver)
    off_id, _ = hook(receiver)
    with sessions.begin() as session:
        commands.disable_webhook(session, off_id)  # as somebody wanted
    tell()
    send()

    assert told(cli.programs) == told(cli.feed_of_events) == []


def test_webhooks_that_were_switched_off_or_fail_are_named_by_host_alone(hook, sessions, told):
    failed, _ = hook("http://127.0.0.1:9001/?key=secret")
    gone, _ = hook("http://127.0.0.1:9002/?key=secret")
    failing, _ = hook("http://localhost:9003/?key=secret")
    deleted, _ = hook("http://127.0.0.1:9004/")
    with sessions.begin() as session:
        session.get_one(Webhook, failed).state = WebhookState.FAILED
        session.get_one(Webhook, gone).state = WebhookState.GONE
        one = session.get_one(Webhook, failing)
        one.failures, one.failing_since = 3, clock.now() - timedelta(hours=2)
        session.get_one(Webhook, deleted).state = WebhookState.FAILED
        session.get_one(Webhook, deleted).deleted_at = clock.now()

    off, fails = told(cli.programs)
    assert off.what == f"2 webhooks were switched off: {failed} (127.0.0.1), {gone} (127.0.0.1)"
    assert fails.what == f"1 webhooks have accepted nothing for over an hour: {failing} (localhost)"


def test_of_many_that_are_off_the_first_are_named(hook, sessions, told, settings):
    for number in range(7):
        hook(f"http://127.0.0.1:{9000 + number}/", sellers=[f"seller-{number}"])
    with sessions.begin() as session:
        session.execute(text("update webhooks set state = 'failed'"))

    [off] = told(cli.programs)
    assert off.what.startswith("7 webhooks")
    assert off.what.count("(127.0.0.1)") == cli.MOST_NAMED
    assert off.what.endswith("…")


def test_what_waits_though_it_could_be_sent_is_told(hook, receiver, tell, later, told):
    hook(receiver)
    tell()
    assert told(cli.programs) == []
    later(seconds=90)

    [late] = told(cli.programs)
    assert late.what.startswith("a webhook has been waiting to be sent for 9")


def test_a_feed_that_stands_still_is_told_but_not_what_is_held_for_its_order(told, sessions):
    with sessions.begin() as session:
        session.execute(
            text("""
                insert into feed_waiting (event_id, held_for, entered_at) values
                    (gen_random_uuid(), 'an order', now() - interval '1 day'),
                    (gen_random_uuid(), null, now() - interval '5 seconds')
            """)
        )
    assert told(cli.feed_of_events) == []
    with sessions.begin() as session:
        session.execute(text("update feed_waiting set entered_at = now() - interval '90 s'"))

    [still] = told(cli.feed_of_events)
    assert still.what.startswith("an event has been waiting 9")


def test_events_that_were_set_aside_are_told(told, sessions):
    with sessions.begin() as session:
        session.execute(
            text("insert into feed_waiting (event_id, held_for) values (gen_random_uuid(), 'unreadable')")
        )

    [aside] = told(cli.feed_of_events)
    assert aside.what.startswith("1 events have no place in the feed")
