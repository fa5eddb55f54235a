"""What a worker does with the tasks that bring events."""

from uuid import UUID, uuid4

import pytest
from celery import Celery

from shared.events.orders import OrderPlaced
from shared.messaging import worker
from tests.samples import envelope

EVENT = "order.placed"


@pytest.fixture
def work(shipping, sealers):
    """Have shipping's worker do the task that brings these events, again if its process died of it before."""
    app, name = Celery(set_as_current=False), f"{EVENT} {uuid4()}"  # all apps of a process share their tasks
    worker._add_event_task(app, shipping.messaging, shipping.hearing, sealers("shipping"), name)
    task = app.tasks[f"shipping.{name}"]

    def do(*told, teller="orders", is_redelivered=False):
        task.push_request(delivery_info={"redelivered": is_redelivered})
        task.run(order="EU-1", event=sealers(teller).seal("shipping", told))
        task.pop_request()

    return do


def told(version):
    sample = envelope(EVENT) | {
        "id": str(uuid4()),
        "subject": str(UUID(int=version)),
        "snapshotversion": version,
    }
    sample["data"]["order"] |= {"order_id": sample["subject"], "version": version}
    return sample


def ends(shipping):
    end = "concat_ws(' ', envelope #>> '{snapshotversion}', state, attempts)"
    return shipping.value(f"select array_agg({end} order by subject) from inbox")


@pytest.mark.parametrize("is_redelivered", [False, True])
def test_each_event_of_a_task_is_taken_in_and_a_poisoned_one_fails_alone(shipping, work, is_redelivered):
    @shipping.messaging.consumers.on(OrderPlaced)
    def fail_of_the_second(session, order):
        if order.version == 2:
            raise RuntimeError("poison")

    work(told(1), told(2), told(3), is_redelivered=is_redelivered)

    assert ends(shipping) == ["1 done 1", "2 pending 1", "3 done 1"]


@pytest.mark.parametrize("is_redelivered", [False, True])
def test_what_can_not_be_stored_stops_nothing_that_comes_with_it(shipping, heard, work, is_redelivered):
    unreadable = told(1)
    unreadable["data"]["order"]["number"] = "\0"

    work(unreadable, told(2), is_redelivered=is_redelivered)

    assert ends(shipping) == ["2 done 1"]


def test_one_that_its_teller_may_not_tell_and_all_with_it_are_refused(shipping, heard, work, counted):
    work(told(1) | {"source": "/documents"}, told(2) | {"source": "/documents"}, teller="documents")

    assert ends(shipping) is None
    assert counted("waybill_events_refused_total", via="push") == 1
