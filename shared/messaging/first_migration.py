"""The messaging tables as created by every service's first migration: frozen, unlike tables.py."""

from typing import Any

from sqlalchemy import text

from shared.migrations import build_index

_STATEMENTS = (
    """
    CREATE TABLE event_log (
        seq BIGINT GENERATED ALWAYS AS IDENTITY,
        event_id UUID NOT NULL,
        type TEXT NOT NULL,
        subject TEXT NOT NULL,
        reference TEXT NOT NULL,
        version BIGINT NOT NULL,
        occurred_at TIMESTAMP WITH TIME ZONE NOT NULL,
        payload JSONB NOT NULL,
        correlation_id TEXT NOT NULL,
        causation_id TEXT NOT NULL,
        trace_parent TEXT NOT NULL,
        CONSTRAINT pk_event_log PRIMARY KEY (seq),
        CONSTRAINT uq_event_log_event_id UNIQUE (event_id)
    )
    """,
    """
    CREATE INDEX ix_event_log_correlation_id ON event_log (correlation_id)
    """,
    """
    CREATE INDEX ix_event_log_occurred_at ON event_log (occurred_at)
    """,
    """
    CREATE INDEX ix_event_log_subject ON event_log (subject, seq)
    """,
    """
    CREATE TABLE outbox (
        event_id UUID NOT NULL,
        subscriber TEXT NOT NULL,
        seq BIGINT NOT NULL,
        recorded_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        sent_at TIMESTAMP WITH TIME ZONE,
        acked_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_outbox PRIMARY KEY (event_id, subscriber)
    )
    """,
    """
    CREATE INDEX ix_outbox_acked_at ON outbox (acked_at) WHERE acked_at is not null
    """,
    """
    CREATE INDEX ix_outbox_unacked ON outbox (subscriber, recorded_at) WHERE acked_at is null
    """,
    """
    CREATE INDEX ix_outbox_unsent ON outbox (seq) WHERE sent_at is null
    """,
    """
    CREATE TABLE inbox (
        event_id UUID NOT NULL,
        source TEXT NOT NULL,
        type TEXT NOT NULL,
        subject TEXT NOT NULL,
        envelope JSONB NOT NULL,
        via TEXT NOT NULL,
        state TEXT DEFAULT 'pending' NOT NULL,
        attempts INTEGER DEFAULT '1' NOT NULL,
        next_at TIMESTAMP WITH TIME ZONE NOT NULL,
        received_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        done_at TIMESTAMP WITH TIME ZONE,
        acked_at TIMESTAMP WITH TIME ZONE,
        error_type TEXT,
        last_error TEXT,
        CONSTRAINT pk_inbox PRIMARY KEY (event_id)
    )
    """,
    """
    CREATE INDEX ix_inbox_dead ON inbox (received_at) WHERE state = 'dead'
    """,
    """
    CREATE INDEX ix_inbox_pending ON inbox (next_at) WHERE state = 'pending'
    """,
    """
    CREATE INDEX ix_inbox_received_at ON inbox (received_at)
    """,
    """
    CREATE INDEX ix_inbox_subject ON inbox (subject, received_at)
    """,
    """
    CREATE INDEX ix_inbox_unacked ON inbox (received_at) WHERE acked_at is null
    """,
    """
    CREATE TABLE jobs (
        id UUID NOT NULL,
        kind TEXT NOT NULL,
        key TEXT NOT NULL,
        subject TEXT NOT NULL,
        reference TEXT NOT NULL,
        argument JSONB NOT NULL,
        state TEXT DEFAULT 'queued' NOT NULL,
        attempts INTEGER DEFAULT '0' NOT NULL,
        excused INTEGER DEFAULT '0' NOT NULL,
        run_at TIMESTAMP WITH TIME ZONE NOT NULL,
        sent_at TIMESTAMP WITH TIME ZONE,
        lease_until TIMESTAMP WITH TIME ZONE,
        created_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        done_at TIMESTAMP WITH TIME ZONE,
        last_error TEXT,
        correlation_id TEXT NOT NULL,
        causation_id TEXT NOT NULL,
        CONSTRAINT pk_jobs PRIMARY KEY (id),
        CONSTRAINT uq_jobs_key UNIQUE (key)
    )
    """,
    """
    CREATE INDEX ix_jobs_dead ON jobs (created_at) WHERE state = 'dead'
    """,
    """
    CREATE INDEX ix_jobs_done_at ON jobs (done_at) WHERE state = 'done'
    """,
    """
    CREATE INDEX ix_jobs_queued ON jobs (run_at) WHERE state = 'queued'
    """,
    """
    CREATE INDEX ix_jobs_running ON jobs (lease_until) WHERE state = 'running'
    """,
    """
    CREATE INDEX ix_jobs_subject ON jobs (subject)
    """,
    """
    CREATE TABLE subjects (
        subject TEXT NOT NULL,
        version BIGINT DEFAULT '0' NOT NULL,
        CONSTRAINT pk_subjects PRIMARY KEY (subject)
    )
    """,
    """
    CREATE TABLE copies (
        subject TEXT NOT NULL,
        source TEXT NOT NULL,
        version BIGINT NOT NULL,
        snapshot JSONB NOT NULL,
        heard_at TIMESTAMP WITH TIME ZONE DEFAULT clock_timestamp() NOT NULL,
        CONSTRAINT pk_copies PRIMARY KEY (subject, source)
    )
    """,
)

_TABLES = ("event_log", "outbox", "inbox", "jobs", "subjects", "copies")


def create_messaging(operations: Any) -> None:
    """Create the tables; later changes get their own migrations."""
    for statement in _STATEMENTS:
        operations.execute(statement)


def index_correlation(operations: Any) -> None:
    """Index inbox events and jobs by correlation id; used in a separate migration of each service."""
    build_index(operations, "ix_inbox_correlation_id", "inbox", [text("(envelope ->> 'correlationid')")])
    build_index(operations, "ix_jobs_correlation_id", "jobs", ["correlation_id"])


def unindex_correlation(operations: Any) -> None:
    """Undo index_correlation."""
    operations.drop_index("ix_jobs_correlation_id", "jobs")
    operations.drop_index("ix_inbox_correlation_id", "inbox")


# The release before owes and acknowledges by `acked_at`, which this one sets when it stores an event.
BY_THE_RELEASE_BEFORE = """
    create function owe_acknowledgement() returns trigger language plpgsql as $$
    begin
        if new.acked_at is null then
            insert into pending_acks (source, event_id) values (new.source, new.event_id)
            on conflict do nothing;
        else
            delete from pending_acks where source = new.source and event_id = new.event_id;
        end if;
        return null;
    end $$;
    create or replace trigger owe_stored after insert on inbox
        for each row when (new.acked_at is null) execute function owe_acknowledgement();
    create or replace trigger owe_acknowledged after update of acked_at on inbox
        for each row execute function owe_acknowledgement()
"""


def owe_acknowledgements(operations: Any) -> None:
    """Put what is to be acknowledged into a table of its own; used in a separate migration of each service.

    What is owed at this moment is taken along. While the release before runs beside this one, triggers note
    what its worker stores and what its agent acknowledges. Its agent does not see what this worker stores:
    the source goes on owing that, the agent pulls it after the grace of three seconds, owes it again in its
    own way and acknowledges it. Nothing is lost, and what was handled is not handled again. The triggers,
    `acked_at` and its index stay until that release runs nowhere.
    """
    operations.execute("""
        CREATE UNLOGGED TABLE pending_acks (
            source TEXT NOT NULL,
            event_id UUID NOT NULL,
            CONSTRAINT pk_pending_acks PRIMARY KEY (source, event_id)
        )
    """)
    # Before the triggers, whose making holds the table; what comes in between is pulled.
    operations.execute("INSERT INTO pending_acks SELECT source, event_id FROM inbox WHERE acked_at IS NULL")
    operations.execute(BY_THE_RELEASE_BEFORE)


def forget_acknowledgements(operations: Any) -> None:
    """Undo owe_acknowledgements."""
    operations.execute("drop function owe_acknowledgement() cascade")
    operations.drop_table("pending_acks")


_DELIVERIES = (
    """
    CREATE UNLOGGED TABLE pushes (
        seq BIGINT NOT NULL,
        subscriber TEXT NOT NULL,
        sent_at TIMESTAMP WITH TIME ZONE,
        CONSTRAINT pk_pushes PRIMARY KEY (seq, subscriber)
    )
    """,
    "CREATE INDEX ix_pushes_unsent ON pushes (seq) WHERE sent_at is null",
    # Before what holds tables; what is owed in between the release before sends, or it is pulled.
    "INSERT INTO pushes SELECT seq, subscriber, sent_at FROM outbox WHERE acked_at IS NULL",
    "ALTER TABLE event_log ADD COLUMN told_to TEXT[]",
    # A trigger, as two statements publish, and the release before does.
    """
    create function push_owed() returns trigger language plpgsql as $$
    begin
        insert into pushes (seq, subscriber) select seq, subscriber from owed on conflict do nothing;
        return null;
    end $$
    """,
    """
    create or replace trigger push_owed after insert on outbox
        referencing new table as owed for each statement execute function push_owed()
    """,
)
# The release before marks in the outbox what it has sent and what was acknowledged, and notes nowhere whom it
# told.
_MARKED_BY_THE_RELEASE_BEFORE = """
    create function note_pushed() returns trigger language plpgsql as $$
    begin
        if new.acked_at is null then
            insert into pushes (seq, subscriber, sent_at) values (new.seq, new.subscriber, new.sent_at)
            on conflict (seq, subscriber) do update set sent_at = excluded.sent_at;
        else
            delete from pushes where seq = new.seq and subscriber = new.subscriber;
        end if;
        return null;
    end $$;
    create or replace trigger note_pushed after update of sent_at, acked_at on outbox
        for each row execute function note_pushed();
    create function note_told() returns trigger language plpgsql as $$
    declare
        told bigint;
    begin
        -- One by one: a plan is kept, and that for many at once would read the whole log for a single one.
        for told in select distinct seq from owed loop
            update event_log set told_to = (
                select array_agg(subscriber) from outbox where outbox.event_id = event_log.event_id
            )
            where seq = told and told_to is null;
        end loop;
        return null;
    end $$;
    create or replace trigger note_told after insert on outbox
        referencing new table as owed for each statement execute function note_told()
"""


def settle_deliveries(operations: Any) -> None:
    """Have a delivery be a row until it is acknowledged; used in a separate migration of each service.

    The release before goes on marking: triggers see to it that what it has sent or knows to be acknowledged
    is not sent again by this one. What this one has sent it sends once more, and the listener drops it; what
    this one knows to be acknowledged is not there for it, so that its `reconcile` does not look at that. Its
    columns and indexes, and the triggers, stay until it runs nowhere.
    """
    for statement in _DELIVERIES:
        operations.execute(statement)
    operations.execute(_MARKED_BY_THE_RELEASE_BEFORE)


def unsettle_deliveries(operations: Any) -> None:
    """Undo settle_deliveries."""
    for function in ("note_told", "note_pushed", "push_owed"):
        operations.execute(f"drop function {function}() cascade")
    operations.drop_table("pushes")
    operations.drop_column("event_log", "told_to")


def drop_messaging(operations: Any) -> None:
    """Undo create_messaging."""
    for table in _TABLES:
        operations.drop_table(table)
