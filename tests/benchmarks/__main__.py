"""All benchmarks, one after the other; their lines on the terminal, their table in docs/benchmarks.md.

What people wrote about the figures, from NOTES on, stays on the page.
"""

from datetime import UTC, datetime
from pathlib import Path

from tests.benchmarks import console, feed, kept, life, lists, memory, messaging, orders, rendering, webhooks
from tests.benchmarks.results import Result, machine

PAGE = Path(__file__).parents[2] / "docs" / "benchmarks.md"

HEAD = """# Benchmarks

Measured by `make bench` on {machine}, {day}. Only ratios from one run count: both sides are
measured in turn, on the same cores as their clients; absolute figures move by a third from run to run.
PostgreSQL is durable (fsync on), and everything is on: authorisation, tax, history, events.

| goal | what | figure | must | stretch | verdict | behind it |
|---|---|---|---|---|---|---|
"""

NOTES = "\n## What they mean\n"


def row(result: Result) -> str:
    """A line of the table."""
    sign = "≤" if result.lower_is_better else "≥"
    must, stretch = ("" if goal is None else f"{sign} {goal:g}" for goal in (result.must, result.stretch))
    figure = f"{result.value:.3g}" + ("" if result.unit == "ratio" else f" {result.unit}")
    cells = [str(result.goal), result.name, figure, must, stretch, result.verdict, result.detail]
    return f"| {' | '.join(cells)} |\n"


def main() -> None:
    """Run them, print each result as it comes, write the page at the end."""
    results: list[Result] = []
    for module in (memory, orders, lists, feed, messaging, webhooks, rendering, life, kept, console):
        for result in module.run():
            print(result.line(), flush=True)
            results.append(result)
    results.sort(key=lambda result: result.goal)
    head = HEAD.format(machine=machine(), day=datetime.now(UTC).date())
    _, heading, notes = PAGE.read_text().partition(NOTES)
    PAGE.write_text(head + "".join(map(row, results)) + heading + notes)


if __name__ == "__main__":
    main()
