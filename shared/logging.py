"""Logging: one JSON object per line, with request and event ids; no secrets, no addresses."""

import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar


@contextmanager
def _absent(package: str) -> Iterator[None]:
    """Pretend that a package is not installed, unless it is already imported."""
    hidden = package not in sys.modules
    if hidden:
        # What the import system takes for "not there".
        sys.modules[package] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if hidden:
            del sys.modules[package]


# Both load rich where they find it, for coloured tracebacks and a command line: 7 MiB a process.
with _absent("rich"):
    import httpx2  # noqa: F401 - before anyone else imports it
    import structlog

# Beside these, structlog's context variables carry order_id, event_id and job_id where they are known.
correlation_id: ContextVar[str] = ContextVar(
    "correlation_id", default=""
)  # one per request, kept to the last e-mail
causation_id: ContextVar[str] = ContextVar("causation_id", default="")  # the event that is being handled
trace_parent: ContextVar[str] = ContextVar("trace_parent", default="")  # W3C Trace Context, passed through


def _with_correlation(
    _logger: object, _method: str, event: structlog.typing.EventDict
) -> structlog.typing.EventDict:
    if correlation := correlation_id.get():
        event.setdefault("correlation_id", correlation)
    return event


def _of(service: str) -> structlog.typing.Processor:
    def with_service(
        _logger: object, _method: str, event: structlog.typing.EventDict
    ) -> structlog.typing.EventDict:
        event["service"] = service
        return event

    return with_service


def _without_message(record: logging.LogRecord) -> bool:
    """Stop Celery from logging the body of messages it can't decode or has no task for."""
    if "body" in str(record.msg):
        record.msg, record.args = record.msg.partition("%")[0].splitlines()[0].strip(), ()
    return True


def configure(service: str, level: str = "INFO") -> None:
    """Send this process's logs, including those of libraries, to standard error as JSON.

    The level is ours. Libraries tell at DEBUG what they are handed: rows, headers with tokens, whole events.
    """
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        _of(service),
        _with_correlation,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level]),
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(logging.getLevelNamesMapping()[level], logging.INFO))
    for ours in ("services", "shared"):
        logging.getLogger(ours).setLevel(level)
    # httpx2 logs every address it asks; the agent asks several a second.
    logging.getLogger("httpx2").setLevel(logging.WARNING)
    # Alembic tells of its beginnings each time that readiness asks for the newest migration.
    logging.getLogger("alembic").setLevel(logging.WARNING)
    logging.getLogger("celery.worker.consumer.consumer").addFilter(_without_message)


def logger(name: str) -> structlog.stdlib.BoundLogger:
    """A logger whose records carry the ids of the current request or event."""
    log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return log
