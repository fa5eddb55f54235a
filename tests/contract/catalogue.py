"""The catalogue of events in docs/integrating.md; `python -m tests.contract.catalogue` writes it anew."""

from dataclasses import fields
from pathlib import Path

from shared.events import documents, notifications, orders, shipping
from shared.events.codec import EVENTS

PAGE = Path(__file__).parents[2] / "docs" / "integrating.md"
BEGIN, END = "<!-- written by python -m tests.contract.catalogue -->\n", "<!-- to here -->\n"
PUBLISHERS = {"Orders": orders, "Shipping": shipping, "Documents": documents, "Notifications": notifications}


def catalogue() -> str:
    """A table for each publisher: what happened, what `data` has, and a sample of it."""
    return "\n".join(
        f"### {name}\n\n| event | what happened | `data` |\n|---|---|---|\n{_rows(publisher.__name__)}"
        for name, publisher in PUBLISHERS.items()
    )


def _rows(module: str) -> str:
    return "".join(
        f"| [`{name}`](../shared/events/samples/{name}.1.json) | {kind.__doc__} | {_data(kind)} |\n"
        for name, kind in EVENTS.items()
        if kind.__module__ == module
    )


def _data(kind: type) -> str:
    return " ".join(f"`{field.name}`" for field in fields(kind))  # type: ignore[arg-type]


def page() -> str:
    """The page as it should be."""
    before, _, rest = PAGE.read_text().partition(BEGIN)
    return before + BEGIN + catalogue() + END + rest.partition(END)[2]


if __name__ == "__main__":
    PAGE.write_text(page())
