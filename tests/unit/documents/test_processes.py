"""WeasyPrint is in the memory of renderers only."""

import subprocess
import sys

import pytest

ENVIRONMENT = {
    "DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "ORDERS_URL": "http://127.0.0.1:1",
    "SHIPPING_URL": "http://127.0.0.1:1",
    "DOCUMENTS_URL": "http://127.0.0.1:1",
    "NOTIFICATIONS_URL": "http://127.0.0.1:1",
    "JWKS": "nowhere.json",
    "SERVICE_TOKEN": "none",
    "CUSTOMER_LINK_KEYS": "key",
    "DOCUMENTS_FOLDER": "nowhere",
    "PATH": "",
    "PYTHONPATH": ".",
}


@pytest.mark.parametrize(
    ("module", "imported"),
    [("app", False), ("worker", False), ("agent", False), ("cli", False), ("renderer", True)],
)
def test_only_renderers_import_weasyprint(module, imported):
    script = f"import sys, services.documents.{module}; print('weasyprint' in sys.modules)"

    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )

    assert ended.stderr == ""
    assert ended.stdout.strip() == str(imported)


def test_a_renderer_takes_one_paper_at_a_time_from_its_own_queue():
    script = (
        "from services.documents.renderer import app;"
        "queues = {queue.name for queue in app.conf.task_queues};"
        "prefetched = app.conf.worker_prefetch_multiplier;"
        "print(prefetched, 'documents.rendering' in queues, 'documents.paper' in app.tasks)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )

    assert ended.stdout.strip() == "1 True True"


@pytest.mark.requirement("F-39")
def test_a_renderer_is_replaced_when_it_has_grown_or_worked_long():
    script = (
        "from services.documents.renderer import app;"
        "print(app.conf.worker_max_memory_per_child, app.conf.worker_max_tasks_per_child,"
        " max(app.tasks['documents.paper'].time_limit, app.tasks['documents.print'].time_limit))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )

    memory, tasks, seconds = map(int, ended.stdout.split())
    assert memory <= 700_000  # kilobytes
    assert tasks <= 1000
    assert seconds <= 120
