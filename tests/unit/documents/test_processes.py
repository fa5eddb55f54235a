"""What documents' processes have in memory, and how they are set up."""

import subprocess
import sys

import pytest
from nacl.encoding import Base64Encoder
from nacl.public import PrivateKey

from deploy.local.databases import SERVICES

KEY = PrivateKey.generate()
ENVIRONMENT = {
    "DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:1/nothing",
    "BROKER_URL": "redis://127.0.0.1:1/0",
    "ORDERS_URL": "http://127.0.0.1:1",
    "SHIPPING_URL": "http://127.0.0.1:1",
    "DOCUMENTS_URL": "http://127.0.0.1:1",
    "NOTIFICATIONS_URL": "http://127.0.0.1:1",
    "JWKS": "nowhere.json",
    "TOKEN_ISSUER": "waybill-local",
    "SERVICE_TOKEN": "none",
    # One for all: here all services are imported by one process.
    "MESSAGE_KEYS": KEY.encode(Base64Encoder).decode(),
    "MESSAGE_PUBLIC_KEYS": ",".join(
        f"{service}={KEY.public_key.encode(Base64Encoder).decode()}" for service in SERVICES
    ),
    "CUSTOMER_LINK_KEYS": "key",
    "DOCUMENTS_STORE": "file:///nowhere",
    "GATEWAY_SECRET": f"whsec_{'a' * 44}",
    "SMTP_URL": "smtp://127.0.0.1:1",
    "MAIL_FROM": "nobody@waybill.example",
    "PATH": "",
    "PYTHONPATH": ".",
}


# Each takes every process that imports it 5 to 100 MB.
HEAVY = ("weasyprint", "pypdf", "saxonche", "alembic", "rich")
LIGHT = [f"services.{name}.{role}" for name in SERVICES for role in ("app", "worker", "agent")]


def imported(module):
    script = f"import sys, {module}; print(*(name for name in {HEAVY} if name in sys.modules))"
    ended = subprocess.run(
        [sys.executable, "-W", "error", "-c", script],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
    )
    assert ended.stderr == ""
    return ended.stdout.split()


def test_what_only_some_processes_need_is_in_the_memory_of_no_other():
    assert imported(", ".join(LIGHT)) == []
    assert imported("services.documents.rendering_worker") == ["weasyprint", "pypdf"]
    assert imported("services.documents.cli") == ["alembic", "rich"]


def test_a_renderer_takes_one_paper_at_a_time_from_its_own_queue():
    script = (
        "from services.documents.rendering_worker import app;"
        "queues = {queue.name for queue in app.conf.task_queues};"
        "prefetched = app.conf.worker_prefetch_multiplier;"
        "print(prefetched, 'documents.rendering' in queues, 'documents.paper' in app.tasks)"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )

    assert ended.stdout.strip() == "1 True True"


def test_a_worker_s_child_is_not_replaced_by_the_number_of_its_tasks():
    """The task that it is given as it goes waits for seconds: of a thousand events one would be late."""
    script = "from services.documents.worker import app; print(app.conf.worker_max_tasks_per_child)"

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )

    assert ended.stdout.strip() == "None"


@pytest.mark.requirement("F-39")
def test_a_renderer_is_replaced_when_it_has_grown_or_worked_long():
    script = (
        "from services.documents.rendering_worker import app;"
        "print(app.conf.worker_max_memory_per_child, app.conf.worker_max_tasks_per_child,"
        " *(app.tasks[f'documents.{kind}'].time_limit for kind in ('paper', 'print', 'long_paper')))"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True, env=ENVIRONMENT
    )

    memory, tasks, *seconds = map(int, ended.stdout.split())
    assert memory <= 500_000  # kilobytes
    assert tasks <= 1000
    assert seconds == [60, 120, 240]
