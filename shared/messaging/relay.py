"""From the outbox to the subscribers' queues: committed first, sent afterwards; lost ones are pulled."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import NAMESPACE_OID, UUID, uuid5

from celery import Celery
from kombu import Connection
from sqlalchemy import exists, text
from sqlalchemy.orm import Session, sessionmaker

from shared.db import executed_alone
from shared.messaging import metrics
from shared.messaging.fault_points import crash_point
from shared.messaging.outbox import envelope
from shared.messaging.sealing import Sealer
from shared.messaging.tables import event_log, pushes

Row = Mapping[Any, Any]

BATCH = 200
NAMED = 3  # of the subjects of a task, in what Flower shows of it

_EVENT = ", ".join(f"event_log.{column.name}" for column in event_log.c)
_MARK_SENT = text(
    f"""
    with owed as (
        select seq, subscriber from pushes where sent_at is null
        order by seq limit :batch for update skip locked
    ), sent as (
        update pushes set sent_at = clock_timestamp() from owed
        where pushes.seq = owed.seq and pushes.subscriber = owed.subscriber
        returning pushes.seq, pushes.subscriber
    )
    select sent.subscriber, {_EVENT} from sent join event_log on event_log.seq = sent.seq
    order by sent.seq, sent.subscriber"""  # noqa: S608 - the names of our own columns
).columns(pushes.c.subscriber, *event_log.c)
IS_ANY_UNSENT = exists().where(pushes.c.sent_at.is_(None))
# What was acknowledged meanwhile is not there any more.
_MARK_UNSENT = text("""
    update pushes set sent_at = null
    from unnest(cast(:seqs as bigint[]), cast(:subscribers as text[])) as unsent (seq, subscriber)
    where pushes.seq = unsent.seq and pushes.subscriber = unsent.subscriber
""")


class Publisher:
    """A broker connection of its own, dropped on any error and reopened.

    Kombu's pool is left alone: closing it stalls every other user of it in the process.
    """

    def __init__(self, app: Celery, sealer: Sealer) -> None:
        self._app = app
        self._sealer = sealer
        self._connection: Connection | None = None
        self._producer: Any = None

    def send(self, tasks: Iterable[tuple[str, str, str, dict[str, Any]]]) -> None:
        """Send tasks (queue, task id, name, keyword arguments) to their queues in one batch.

        Events among the arguments are sealed for the service whose queue it is.
        Raises what the broker's client raises; some of the tasks may then have been sent.
        """
        with self._connected() as producer, producer.batch():
            for queue, task_id, name, kwargs in tasks:
                # What Flower shows of the task: the number, and nothing that the event says of people.
                shown = kwargs.get("order") or ""
                if "event" in kwargs:
                    listener = queue.partition(".")[0]
                    kwargs = kwargs | {"event": self._sealer.seal(listener, kwargs["event"])}  # noqa: PLW2901
                message = self._app.amqp.as_task_v2(task_id, name, kwargs=kwargs, kwargsrepr=shown)
                producer.publish(
                    message.body,
                    exchange="",
                    routing_key=queue,
                    headers=message.headers,
                    **message.properties,
                )

    def waiting(self, queue: str) -> int:
        """The number of tasks waiting in a queue; raises the broker client's errors."""
        with self._connected() as producer:
            # Not a passive declaration: that fails for a queue in which nothing waits.
            count: int = producer.channel.queue_declare(queue=queue).message_count
            return count

    def drop_oldest(self, queue: str, kept: int) -> None:
        """Drop the tasks of a queue but for this many, the newest; raises the broker client's errors."""
        with self._connected() as producer:
            producer.channel.client.ltrim(queue, 0, kept - 1)  # they are put in at its head

    def rewrite_file(self, service: str, every_seconds: float) -> bool:
        """Have the broker rewrite its append-only file, dropping what has already been consumed.

        At most so often, whoever of the service's agents asks; answers whether it was asked to. By itself a
        broker does so when the file has grown, which in a quiet shop takes months.
        """
        with self._connected() as producer:
            client = producer.channel.client
            if not client.info("persistence")["aof_enabled"]:
                return False
            if not client.set(f"{service}.file_rewritten", "", nx=True, px=int(every_seconds * 1000)):
                return False
            client.bgrewriteaof()
            return True

    @contextmanager
    def _connected(self) -> Iterator[Any]:
        try:
            if self._producer is None:
                self._connection = self._app.connection_for_write(
                    transport_options={
                        **self._app.conf.broker_transport_options,
                        "socket_timeout": 3,
                        "socket_connect_timeout": 3,
                    }
                )
                self._producer = self._connection.Producer(serializer="json", auto_declare=False)
            yield self._producer
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection without waiting for a broker that may be gone."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            connection.collect()


def delivery_id(subscriber: str, *event_ids: UUID) -> str:
    """The id of the delivery of events to a subscriber: the same each time they are sent (F-05)."""
    return str(uuid5(NAMESPACE_OID, f"{','.join(map(str, event_ids))}:{subscriber}"))


def relay_batch(
    sessions: sessionmaker[Session], publisher: Publisher, source: str, together: Collection[str] = ()
) -> int:
    """Send a batch of unsent deliveries, oldest first; returns how many.

    Of the types told together a subscriber gets all in one task, and of others each in its own.
    Marked first, in a statement of its own, and sent after. Where the broker fails the marks are taken back;
    dying in between leaves what was not sent to be pulled, as what a broker loses is.
    Raises what the broker's client raises.
    """
    rows = [row._asdict() for row in executed_alone(sessions, _MARK_SENT, {"batch": BATCH})]
    if rows:
        crash_point("after_mark")
        try:
            publisher.send(_task(told, source) for told in _tasks(rows, together))
        except Exception:
            _mark_unsent(sessions, rows)
            raise
        crash_point("after_publish")
        for row in rows:
            metrics.SENT.labels(row["type"], row["subscriber"]).inc()
    return len(rows)


def _mark_unsent(sessions: sessionmaker[Session], rows: Sequence[Row]) -> None:
    """Mark deliveries unsent again; any sent before the broker failed arrive twice; inboxes drop those."""
    unsent = {
        "seqs": [row["seq"] for row in rows],
        "subscribers": [row["subscriber"] for row in rows],
    }
    executed_alone(sessions, _MARK_UNSENT, unsent)


def _tasks(rows: Sequence[Row], together: Collection[str]) -> Iterable[list[Row]]:
    """The deliveries that make up each task."""
    tasks: dict[tuple[Any, ...], list[Row]] = defaultdict(list)
    for row in rows:
        alone = () if row["type"] in together else (row["event_id"],)
        tasks[row["subscriber"], row["type"], *alone].append(row)
    return tasks.values()


def _task(told: Sequence[Row], source: str) -> tuple[str, str, str, dict[str, Any]]:
    subscriber, event_type = told[0]["subscriber"], told[0]["type"]
    named, more = [row["reference"] for row in told[:NAMED]], len(told) - NAMED
    arguments = {
        "order": ", ".join(named) + (f" and {more} more" if more > 0 else ""),
        "event": [envelope(row, source) for row in told],
    }
    task_id = delivery_id(subscriber, *(row["event_id"] for row in told))
    return f"{subscriber}.events", task_id, f"{subscriber}.{event_type}", arguments
