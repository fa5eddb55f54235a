"""Flower's configuration: it hears workers' events, but workers don't hear it (deploy/valkey/users.conf)."""

from kombu import Exchange, Queue

# Those of its page of the broker, for workers answer no questions.
QUEUES = (
    "orders.events",
    "orders.jobs",
    "shipping.events",
    "shipping.jobs",
    "documents.events",
    "documents.jobs",
    "documents.rendering",
    "notifications.events",
    "notifications.jobs",
    "notifications.webhooks",
)

task_queues = [Queue(name, Exchange("", type="direct"), routing_key=name) for name in QUEUES]
task_default_queue = QUEUES[0]
task_create_missing_queues = False
control_exchange = "flower.pidbox"
broker_connection_retry_on_startup = True
broker_transport_options = {
    "unacked_key": "flower.unacked",
    "unacked_index_key": "flower.unacked_index",
    "unacked_mutex_key": "flower.unacked_mutex",
}
