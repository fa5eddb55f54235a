"""What a benchmark answers, and how it is told."""

import os
import platform
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True, kw_only=True)
class Result:
    """One goal's measured figure, beside what must and should be reached."""

    goal: int  # its number in docs/benchmarks.md
    name: str
    value: float
    unit: str = "ratio"
    must: float | None = None  # None: measured, with nothing to reach
    stretch: float | None = None
    lower_is_better: bool = False
    detail: str = ""  # the absolute figures behind a ratio

    @property
    def verdict(self) -> str:
        """How the figure stands to its goals."""
        if self.must is None:
            return "measured"
        reached = [goal is not None and self._reaches(goal) for goal in (self.must, self.stretch)]
        if reached[1]:
            return "stretch reached"
        if reached[0]:
            return "must reached"
        return f"missed by {abs(self.value / self.must - 1):.0%}" if self.must else "missed"

    def _reaches(self, goal: float) -> bool:
        return self.value <= goal if self.lower_is_better else self.value >= goal

    def line(self) -> str:
        """`name ratio goal`, as make bench prints it."""
        goal = f"must {self.must}, {self.verdict}"
        return f"{self.goal:>2} {self.name}: {self.value:.3g} {self.unit} ({goal}) {self.detail}"


def interleaved(sides: Sequence[Callable[[], float]], rounds: int = 3) -> list[float]:
    """The median of each side's figures, measured in turn so that a machine's moods fall on all of them."""
    figures: list[list[float]] = [[] for _ in sides]
    for _ in range(rounds):
        for side, taken in zip(sides, figures, strict=True):
            taken.append(side())
    return [statistics.median(taken) for taken in figures]


def machine() -> str:
    """What the figures were measured on."""
    memory = psutil.virtual_memory().total / 2**30
    model = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    python = platform.python_version()
    return f"{os.cpu_count()} cores of {model}, {memory:.0f} GiB, {platform.system()}, Python {python}"
