"""Logs are JSON with the ids of their request, and hold nothing of what libraries and messages are handed."""

import json
import logging
import threading

import pytest
import structlog
from celery.worker.consumer import consumer

from shared.logging import configure, correlation_id, logger


@pytest.fixture
def lines(capsys):
    """Have the process log as a service does; answers what it has logged."""
    root = logging.getLogger()
    before, level, config = list(root.handlers), root.level, structlog.get_config()
    filtered = logging.getLogger("celery.worker.consumer.consumer")

    def configured(level="INFO"):
        configure("orders", level)
        return lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]

    yield configured
    root.handlers = before
    root.setLevel(level)
    filtered.filters.clear()
    for ours in ("services", "shared"):
        logging.getLogger(ours).setLevel(logging.NOTSET)
    structlog.configure(**config)


def test_each_line_names_its_service_and_request_whatever_thread_it_is_from(lines):
    logged = lines()
    log = logger("shared.tests")

    def tell():
        correlation_id.set("checkout-7")
        log.info("told", order_id="o-1")

    thread = threading.Thread(target=tell)
    thread.start()
    thread.join()
    log.info("told")

    first, second = logged()
    assert (first["service"], first["correlation_id"], first["order_id"]) == ("orders", "checkout-7", "o-1")
    assert second["service"] == "orders"
    assert "correlation_id" not in second


def test_libraries_tell_nothing_at_the_level_where_they_tell_all(lines):
    logged = lines("DEBUG")

    for library in ("celery.pool", "httpcore2.http11", "sqlalchemy.engine.Engine"):
        logging.getLogger(library).debug("args: %r", {"email": "ann@customers.example"})
    logging.getLogger("celery.pool").info("the pool is there")
    logger("shared.tests").debug("ours")

    assert [line["event"] for line in logged()] == ["the pool is there", "ours"]


@pytest.mark.parametrize(
    ("words", "values", "kept"),
    [
        (
            consumer.UNKNOWN_TASK_ERROR,
            ("orders.unheard", "{'email': 'ann@customers.example'}", {"kwargsrepr": "ann@"}, {}),
            "Received unregistered task of type",
        ),
        (consumer.INVALID_TASK_ERROR, ("bad", "ann@customers.example"), "Received invalid task message:"),
        (
            consumer.MESSAGE_DECODE_ERROR,
            ("bad", "json", "utf-8", "ann@customers.example", "ann@customers.example"),
            "Can't decode message body:",
        ),
        (consumer.UNKNOWN_FORMAT, ("ann@customers.example",), "Received and deleted unknown message."),
    ],
)
def test_a_message_that_celery_does_not_understand_is_not_told_whole(lines, words, values, kept):
    logged = lines()

    consumer.logger.error(words, *values)

    [line] = logged()
    assert line["event"].startswith(kept)
    assert "ann@" not in str(line)
