"""A network on this machine: each host a network namespace of Linux, its cable in a switch of one more.

Nothing of the machine's own network is touched or used: no device, address, route or rule is outside.
"""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import psutil

GATE = "gate"  # where the switch is, and who drives the hosts
ADDRESS = "10.77.0.{}"
HARDWARE = "02:00:00:00:00:{:02x}"
NAMESPACES = Path("/run/netns")
OURS = re.compile(r"waybill-(\d+)-(\d+)-[a-z]+")  # whose it is: the process, and when that began
SAME_SECONDS = 2
CLONE_NEWNET = 0x40000000  # linux/sched.h


class NetworkError(Exception):
    """A network can't be made here; says why."""


class Network:
    """Hosts that reach each other and nobody else, from `with` to its end."""

    def __init__(self, *hosts: str) -> None:
        self.addresses = {host: ADDRESS.format(number) for number, host in enumerate((GATE, *hosts), 1)}
        self._hardware = {host: HARDWARE.format(number) for number, host in enumerate((GATE, *hosts), 1)}
        self._run = f"waybill-{os.getpid()}-{int(psutil.Process().create_time())}"

    def __enter__(self) -> Self:
        sweep()
        try:
            for host in self.addresses:
                _ip("netns", "add", self._name(host))
                self._within(host, "link", "set", "lo", "up")
            hardware = self._hardware[GATE]
            self._within(GATE, "link", "add", "switch", "address", hardware, "type", "bridge")
            self._attach(GATE, "switch")
            for host in self.addresses.keys() - {GATE}:
                cable = ["type", "veth", "peer", "name", "eth0", "address", self._hardware[host]]
                self._within(GATE, "link", "add", f"to-{host}", *cable, "netns", self._name(host))
                self._within(GATE, "link", "set", f"to-{host}", "up")
                self.plug_in(host)
                self._attach(host, "eth0")
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    def plug_in(self, host: str) -> None:
        """Put a host's cable into the switch."""
        self._within(GATE, "link", "set", f"to-{host}", "master", "switch")

    def pull_out(self, host: str) -> None:
        """Pull a host's cable out of the switch: what it sends and is sent vanishes, and nobody is told."""
        self._within(GATE, "link", "set", f"to-{host}", "nomaster")

    @contextmanager
    def inside(self, host: str) -> Iterator[None]:
        """Have this thread on a host, with all threads and processes that it starts meanwhile."""
        place = NAMESPACES / self._name(host)
        with Path("/proc/thread-self/ns/net").open() as before, place.open() as there:
            _enter(there.fileno())
            try:
                yield
            finally:
                _enter(before.fileno())

    def _attach(self, host: str, device: str) -> None:
        """Give a host its address; where the others are it knows, so that it never hears that one is away."""
        self._within(host, "address", "add", f"{self.addresses[host]}/24", "dev", device)
        self._within(host, "link", "set", device, "up")
        for other in self.addresses.keys() - {host}:
            place = ["lladdr", self._hardware[other], "dev", device, "nud", "permanent"]
            self._within(host, "neighbour", "add", self.addresses[other], *place)

    def _remove(self) -> None:
        for host in self.addresses:
            with suppress(NetworkError):  # not made
                # First the cables: a namespace itself stays as long as some process is in it.
                self._within(GATE, "link", "delete", f"to-{host}" if host != GATE else "switch")
        for host in self.addresses:
            with suppress(NetworkError):
                _ip("netns", "delete", self._name(host))

    def _name(self, host: str) -> str:
        return f"{self._run}-{host}"

    def _within(self, host: str, *words: str) -> None:
        _ip("-netns", self._name(host), *words)


def sweep() -> None:
    """Remove what runs left that were killed, with their processes; never what is of a run that lives."""
    for place in NAMESPACES.glob("waybill-*"):
        whose = OURS.fullmatch(place.name)
        if whose and not _lives(int(whose[1]), int(whose[2])):
            with suppress(NetworkError):  # another run that begins now has just removed it
                for pid in _ip("netns", "pids", place.name).split():
                    with suppress(ProcessLookupError):
                        os.kill(int(pid), signal.SIGKILL)
                _ip("netns", "delete", place.name)


def why_not() -> str:
    """Why no network can be made here; empty where one can."""
    if sys.platform != "linux":
        return "only Linux has network namespaces"
    if os.geteuid() != 0:
        return "only root may make network namespaces"
    if _program() is None:
        return "the program ip is not installed (package iproute2)"
    try:
        with Network("trial") as network, network.inside("trial"):
            return ""
    except (NetworkError, OSError) as error:
        return f"this system makes no network of namespaces: {error}"


def _lives(pid: int, began: int) -> bool:
    with suppress(psutil.NoSuchProcess):
        # The clock may have been set since, by a little; ids come back much later than that.
        return abs(psutil.Process(pid).create_time() - began) <= SAME_SECONDS
    return False


def _program() -> str | None:
    return shutil.which("ip", path=f"{os.defpath}:/usr/sbin:/sbin")


def _ip(*words: str) -> str:
    done = subprocess.run([str(_program()), *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise NetworkError(f"ip {' '.join(words)}: {done.stderr.strip()}")
    return done.stdout


def _enter(namespace: int) -> None:
    """Have this thread in a network namespace; the other threads stay where they are."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.setns(namespace, CLONE_NEWNET):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
