"""A whole system for a benchmark: the real processes, durable, on free ports, gone afterwards."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.settings import Settings, free_ports
from deploy.local.stack import Stack

MANY = "1000000000"  # counted as ever; but a benchmark asks more often than anybody honest


@contextmanager
def running_stack(**services: str) -> Iterator[Stack]:
    """A healthy system; `services` are more settings for every service."""
    folder = Path(tempfile.mkdtemp(prefix="waybill-"))
    folder.chmod(0o711)  # so that as root PostgreSQL's user may reach its own folder in it
    settings = Settings(
        folder=folder / "data",
        ports=free_ports(),
        services={"LOG_LEVEL": "WARNING", "REQUESTS_PER_MINUTE": MANY} | services,
    )
    try:
        with Stack(settings) as stack:
            yield stack
    finally:
        shutil.rmtree(folder)
