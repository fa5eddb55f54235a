"""A process of the stack: in its own process group, logging to a file, never outliving us."""

import atexit
import logging
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from deploy.local import guardian

LOG_LIMIT_BYTES = 20_000_000
LET_GO_SECONDS = 10.0
DYING_SECONDS = 5.0  # what was killed is gone sooner, but for one that the kernel holds

log = logging.getLogger(__name__)


class ProcessError(Exception):
    """A process did not start; the text has its name and last output."""


class Process:
    """A command that can be started, stopped, killed and restarted."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        *,
        log: Path,
        folder: Path,
        environment: Mapping[str, str],
        stop_signal: signal.Signals = signal.SIGTERM,
        account: pwd.struct_passwd | None = None,
    ) -> None:
        self.name = name
        self.command = [str(word) for word in command]
        self.log = log
        self.folder = folder
        self.environment = environment
        self.stop_signal = stop_signal
        self.account = account  # whom to run as; only root may say anything but None
        self._child: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()  # the supervisor's thread and its callers look at the same child

    @property
    def pid(self) -> int:
        """The process id, which is also the group id."""
        if self._child is None:
            raise ProcessError(f"{self.name} was not started")
        return self._child.pid

    @property
    def exit_status(self) -> int | None:
        """The exit status; None while running, negative for a signal."""
        return self._child.returncode if self._child else None

    def start(self) -> None:
        """Start the command in a new group, appending its output to the log."""
        self.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self.log.exists() and self.log.stat().st_size > LOG_LIMIT_BYTES:
            self.log.replace(self.log.with_suffix(".previous.log"))
        with self.log.open("ab") as log:
            self._child = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=dict(self.environment),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                user=self.account.pw_uid if self.account else None,
                group=self.account.pw_gid if self.account else None,
                extra_groups=[] if self.account else None,
                umask=0o077,
            )
        _guard.add(self._child.pid, self.stop_signal)

    def is_running(self) -> bool:
        """Whether the process is alive. If it has died, the rest of its group is killed."""
        with self._lock:
            if self._child is None or self._child.returncode is not None:
                return False
            # Looked at, not waited for: see `_bury`. And os.waitid, which can do both, macOS lacks.
            if lives(psutil.Process(self._child.pid)):
                return True
            self._bury(self._child)
            return False

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process only, not to its children."""
        if self.is_running():
            os.kill(self.pid, number)

    def ask_to_stop(self) -> None:
        """Ask the process to stop, even if it is frozen."""
        self.signal(self.stop_signal)
        self.signal(signal.SIGCONT)

    def stop(self, seconds: float = 30) -> None:
        """Ask the process to stop and wait for it; kill its whole group after a timeout."""
        self.ask_to_stop()
        self.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kill the process and its group at once, and wait until they are gone."""
        with self._lock:
            if self._child is not None and self._child.returncode is None:
                self._bury(self._child)

    def wait(self, seconds: float) -> bool:
        """Wait for the process to exit by itself; returns False at the deadline."""
        deadline = time.monotonic() + seconds
        while self.is_running():
            if time.monotonic() >= deadline:
                return False
            time.sleep(0.02)
        return True

    def last_words(self, lines: int = 8) -> str:
        """The end of the log, for error messages."""
        with suppress(OSError):
            return "\n".join(self.log.read_text(errors="replace").splitlines()[-lines:])
        return ""

    def _bury(self, child: subprocess.Popen[bytes]) -> None:
        """Kill the group and then collect the child's exit status, in this order.

        As long as the child is not waited for, its id (and so its group's) can't be given to a stranger. What
        it had started dies by itself, maybe a moment after it.
        """
        family = [
            one for one in psutil.process_iter() if one.pid != child.pid and _is_of_group(one, child.pid)
        ]
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        deadline = time.monotonic() + DYING_SECONDS
        while any(lives(one) for one in family) and time.monotonic() < deadline:
            time.sleep(0.01)
        _guard.remove(child.pid)


def stop_all(processes: Iterable[Process], seconds: float) -> None:
    """Stop processes in parallel and wait; slow ones are killed."""
    stopping = list(processes)
    deadline = time.monotonic() + seconds
    for process in stopping:
        process.ask_to_stop()
    for process in stopping:
        if not process.wait(max(deadline - time.monotonic(), 0)):
            log.warning("%s did not stop within %.0f seconds and is killed", process.name, seconds)
        process.kill()


def _is_of_group(process: psutil.Process, group: int) -> bool:
    try:
        return os.getpgid(process.pid) == group
    except ProcessLookupError:
        return False


def lives(process: psutil.Process) -> bool:
    """Whether a process is alive; a zombie is not."""
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def keep_guarded() -> None:
    """Ensure that the guardian is running; supervisors call this now and then."""
    _guard.revive()


class _Guard:
    """Our connection to the guardian process, started with the first process, and again if it is killed."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._groups: dict[int, signal.Signals] = {}
        self._guardian: subprocess.Popen[str] | None = None

    def add(self, group: int, stop_signal: signal.Signals) -> None:
        with self._lock:
            self._groups[group] = stop_signal
            self._tell(f"+ {group} {int(stop_signal)}")

    def remove(self, group: int) -> None:
        with self._lock:
            self._groups.pop(group, None)
            self._tell(f"- {group}")

    def revive(self) -> None:
        with self._lock:
            if self._groups and not self._is_alive():
                self._start()

    def _tell(self, line: str) -> None:
        with suppress(BrokenPipeError):
            if self._is_alive():
                self._write(line)
                return
        self._start()

    def _is_alive(self) -> bool:
        return self._guardian is not None and self._guardian.poll() is None

    def _start(self) -> None:
        """Start a guardian and send it everything known so far."""
        self._guardian = subprocess.Popen(
            [sys.executable, "-I", "-S", guardian.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        for group, stop_signal in self._groups.items():
            self._write(f"+ {group} {int(stop_signal)}")

    def _write(self, line: str) -> None:
        assert self._guardian is not None
        assert self._guardian.stdin is not None
        self._guardian.stdin.write(line + "\n")
        self._guardian.stdin.flush()

    def let_go(self) -> None:
        """Close the connection: the guardian stops what is left and exits."""
        if self._guardian is not None and self._guardian.stdin is not None:
            with suppress(BrokenPipeError):
                self._guardian.stdin.close()
            with suppress(subprocess.TimeoutExpired):
                self._guardian.wait(LET_GO_SECONDS)


_guard = _Guard()
atexit.register(_guard.let_go)
