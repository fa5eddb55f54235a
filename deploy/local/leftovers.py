"""Processes that outlived a supervisor and its guardian: identified by pid and start time, never by name."""

import json
import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local import guardian
from deploy.local.processes import Process


def remember(file: Path, processes: Iterable[Process]) -> None:
    """Record the running processes."""
    known = []
    for process in processes:
        if process.is_running():
            with suppress(psutil.NoSuchProcess):
                started = psutil.Process(process.pid).create_time()
                known.append(
                    {
                        "name": process.name,
                        "pid": process.pid,
                        "started": started,
                        "stop_signal": int(process.stop_signal),
                    }
                )
    new = file.with_name(file.name + ".new")
    new.write_text(json.dumps(known, indent=2))
    new.replace(file)


def sweep(file: Path) -> list[str]:
    """Stop processes recorded by the last run and still running; returns their names."""
    try:
        known = json.loads(file.read_text())
    except (OSError, ValueError):  # not there, or cut off by a crash of the machine, which left nothing
        return []
    left = [entry for entry in known if _is_the_same(entry["pid"], entry["started"])]
    guardian.stop({entry["pid"]: entry["stop_signal"] for entry in left})
    file.unlink()
    return [entry["name"] for entry in left]


def _is_the_same(pid: int, started: float) -> bool:
    """Whether a process is the recorded one, and not another with a reused pid."""
    try:
        # The clock may have been set since, by a little; ids come back much later than that.
        same = abs(psutil.Process(pid).create_time() - started) < 1
        return same and os.getpgid(pid) == pid
    except (psutil.NoSuchProcess, ProcessLookupError):
        return False
