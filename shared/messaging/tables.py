"""The messaging tables, the same in every service's database."""

from sqlalchemy import BigInteger, Column, Identity, Index, Integer, Table, Text, Uuid, func, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from shared.db import UtcDateTime, metadata

event_log = Table(
    "event_log",
    metadata,
    Column("seq", BigInteger, Identity(always=True), primary_key=True),
    Column("event_id", Uuid, nullable=False, unique=True),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("reference", Text, nullable=False),  # what people call the subject: an order's number
    Column("version", BigInteger, nullable=False),
    Column("occurred_at", UtcDateTime, nullable=False),
    Column("payload", JSONB, nullable=False),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text, nullable=False),
    Column("trace_parent", Text, nullable=False),
    Column("actor", Text, nullable=False, server_default=""),  # who asked for it; empty: the service itself
    Column("told_to", ARRAY(Text)),  # its subscribers; null where the release before told it
    Index("ix_event_log_subject", "subject", "seq"),
    Index("ix_event_log_correlation_id", "correlation_id"),
    Index("ix_event_log_occurred_at", "occurred_at"),
)

# What is owed to a subscriber: a row is written with its event, and deleted once it is acknowledged. The two
# instants and their indexes are the release before's, which marks here what it has sent and what was
# acknowledged; that is kept for 90 days.
outbox = Table(
    "outbox",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("subscriber", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("recorded_at", UtcDateTime, nullable=False, server_default=func.clock_timestamp()),
    Column("sent_at", UtcDateTime),
    Column("acked_at", UtcDateTime),
    Index("ix_outbox_unsent", "seq", postgresql_where=text("sent_at is null")),
    Index("ix_outbox_unacked", "subscriber", "recorded_at", postgresql_where=text("acked_at is null")),
    Index("ix_outbox_acked_at", "acked_at", postgresql_where=text("acked_at is not null")),  # for retention
)

# Which of what is owed was handed to the broker; a trigger fills it. Unlogged: after a crash of the server
# what is owed is pulled.
pushes = Table(
    "pushes",
    metadata,
    Column("seq", BigInteger, primary_key=True),
    Column("subscriber", Text, primary_key=True),
    Column("sent_at", UtcDateTime),
    Index("ix_pushes_unsent", "seq", postgresql_where=text("sent_at is null")),
    prefixes=["unlogged"],
)

# pending: its handlers have not run, or failed and will run again    done: they ran, once
# dead: given up, an operator decides    skipped: an operator decided that nothing is to be done
inbox = Table(
    "inbox",
    metadata,
    Column("event_id", Uuid, primary_key=True),
    Column("source", Text, nullable=False),
    Column("type", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("envelope", JSONB, nullable=False),
    Column("via", Text, nullable=False),  # push, pull or replay
    Column("state", Text, nullable=False, server_default="pending"),
    Column("attempts", Integer, nullable=False, server_default="1"),
    Column("next_at", UtcDateTime, nullable=False),
    Column("received_at", UtcDateTime, nullable=False, server_default=func.clock_timestamp()),
    Column("done_at", UtcDateTime),
    # Set when it is stored: only the release before looks at it, and has nothing to do there.
    Column("acked_at", UtcDateTime),
    Column("error_type", Text),
    Column("last_error", Text),
    Index("ix_inbox_pending", "next_at", postgresql_where=text("state = 'pending'")),
    Index("ix_inbox_dead", "received_at", postgresql_where=text("state = 'dead'")),
    Index("ix_inbox_unacked", "received_at", postgresql_where=text("acked_at is null")),
    Index("ix_inbox_subject", "subject", "received_at"),
    Index("ix_inbox_received_at", "received_at"),
    Index("ix_inbox_correlation_id", text("(envelope ->> 'correlationid'::text)")),
)

# What was received and is not acknowledged to its source yet. Unlogged: after a crash of the server the
# source still owes it, and what is pulled is owed here again.
pending_acks = Table(
    "pending_acks",
    metadata,
    Column("source", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    prefixes=["unlogged"],
)

# queued: waits for run_at or for a worker    running: a worker has it until lease_until
# done: its effects are committed    dead: given up, an operator decides
jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("key", Text, nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("reference", Text, nullable=False),
    Column("argument", JSONB, nullable=False),
    Column("state", Text, nullable=False, server_default="queued"),
    Column(
        "attempts", Integer, nullable=False, server_default="0"
    ),  # also the fence: a lease is for one of them
    Column(
        "excused", Integer, nullable=False, server_default="0"
    ),  # attempts that do not count against the job
    Column("run_at", UtcDateTime, nullable=False),
    # when it fell due at first, or an operator brought it back: patience with the outside counts from here
    Column("due_at", UtcDateTime, nullable=False, server_default=func.now()),
    Column("sent_at", UtcDateTime),
    Column("lease_until", UtcDateTime),
    Column("created_at", UtcDateTime, nullable=False, server_default=func.clock_timestamp()),
    Column("done_at", UtcDateTime),
    Column("last_error", Text),
    Column("correlation_id", Text, nullable=False),
    Column("causation_id", Text, nullable=False),
    Index("ix_jobs_queued", "run_at", postgresql_where=text("state = 'queued'")),
    Index("ix_jobs_running", "lease_until", postgresql_where=text("state = 'running'")),
    Index("ix_jobs_dead", "created_at", postgresql_where=text("state = 'dead'")),
    Index("ix_jobs_subject", "subject"),
    Index("ix_jobs_correlation_id", "correlation_id"),
    Index("ix_jobs_done_at", "done_at", postgresql_where=text("state = 'done'")),  # for retention
)

# One row per order (or other subject) that the service has heard of: locking it serialises all work on it.
subjects = Table(
    "subjects",
    metadata,
    Column("subject", Text, primary_key=True),
    Column(
        "version", BigInteger, nullable=False, server_default="0"
    ),  # of what this service publishes about it
)

copies = Table(
    "copies",
    metadata,
    Column("subject", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("version", BigInteger, nullable=False),
    Column("snapshot", JSONB, nullable=False),
    Column("heard_at", UtcDateTime, nullable=False, server_default=func.clock_timestamp()),
)
