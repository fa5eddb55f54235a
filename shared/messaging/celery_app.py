"""The Celery application of a service, shared by all its processes."""

from typing import Any

from celery import Celery
from kombu import Exchange, Queue

from shared.messaging.service import Messaging
from shared.messaging.task_events import GatheringConsumer
from shared.settings import ServiceSettings

EVENT_LIMIT_SECONDS = 60


def make_celery(messaging: Messaging, settings: ServiceSettings) -> Celery:
    """A Celery app that loses no tasks: late acknowledgement, no results, no ETAs."""
    app = Celery(messaging.name, broker=settings.broker_url, set_as_current=False)
    # The default exchange only: a topic exchange of the Redis transport drops what it has no binding for,
    # and lets one service's acknowledgement delete the others' (docs/decisions).
    direct = Exchange("", type="direct")
    app.conf.update(
        task_queues=[Queue(name, exchange=direct, routing_key=name) for name in messaging.queues],
        task_default_queue=messaging.events_queue,
        task_create_missing_queues=False,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_acks_on_failure_or_timeout=True,
        task_ignore_result=True,
        task_store_errors_even_if_ignored=False,
        task_serializer="json",
        accept_content=["json"],
        task_time_limit=EVENT_LIMIT_SECONDS,
        task_soft_time_limit=EVENT_LIMIT_SECONDS - 10,
        worker_prefetch_multiplier=4,
        # By what it holds, and not by how many tasks it did: the task that a child is given as it goes waits
        # for two and a half seconds.
        worker_max_memory_per_child=300_000,
        worker_eta_task_limit=100,
        worker_cancel_long_running_tasks_on_connection_loss=False,
        worker_hijack_root_logger=False,
        worker_send_task_events=True,  # Flower
        worker_consumer=f"{GatheringConsumer.__module__}:{GatheringConsumer.__qualname__}",
        # Nobody tells a worker by the broker what to do: to end, to listen elsewhere, to drop a task.
        worker_enable_remote_control=False,
        worker_proc_alive_timeout=30,
        broker_connection_retry_on_startup=True,
        broker_connection_max_retries=None,
        broker_transport_options=_transport_options(messaging.name),
    )
    return app


def _transport_options(service: str) -> dict[str, Any]:
    return {
        "visibility_timeout": 600,  # twice the longest job: nothing is redelivered while it runs (F-38)
        "unacked_restore_interval": 5,
        "unacked_restore_throttle": 1,
        "unacked_mutex_expire": 30,
        # Own names: one service's timeouts must not redeliver another's work.
        "unacked_key": f"{service}.unacked",
        "unacked_index_key": f"{service}.unacked_index",
        "unacked_mutex_key": f"{service}.unacked_mutex",
        "socket_timeout": 10,
        "socket_connect_timeout": 3,
        "socket_keepalive": True,
        "health_check_interval": 5,
    }
