"""The same done to all rows that are ticked, each by itself, with what became of each."""

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

from flask import current_app, flash, g, redirect, request

from services.console.acting import fault_of, shown_again
from services.console.apis import Away, Refused

INVALID = 422


def done_to_each(
    name: str,
    ids: Sequence[str],
    do: Callable[[str, str], Any],
    show: Callable[[], Any],
    back: Callable[[], str],
    *,
    inputs: Sequence[str] = (),
) -> Any:
    """Do something to each of a page's ticked rows; the list then says what became of each.

    `do` takes the id of a row and a key of its own; `inputs` are the fields that hold for all of them. Where
    these are refused nothing was done, and `show` has the page again with the fault. What a service that is
    away did not do is not tried for the others, and all of that can be sent again.
    """
    if not ids:
        flash("many.none")
        return redirect(back(), 303)
    rows: list[dict[str, Any]] = []
    away = False
    for one in ids:
        row: dict[str, Any] = {
            "id": one,
            "label": request.form.get(f"label-{one}", one),
            "done": False,
            "reason": "away",
        }
        rows.append(row)
        if away:
            continue
        try:
            do(one, _key_of(one, inputs))
        except Refused as error:
            if error.status == INVALID and len(rows) == 1:  # what was filled in, and not the row
                return shown_again(fault_of(name, error), show)
            row |= {"reason": error.reason or "", "detail": error.detail}
        except Away as error:
            if len(rows) == 1:
                return shown_again(fault_of(name, error), show)
            away = True
        else:
            row["done"] = True
    done = sum(row["done"] for row in rows)
    result = {"act": name, "items": rows, "done": done, "not_done": len(rows) - done}
    place = current_app.extensions["console.sessions"].keep_result(g.person.subject, result)
    address = back()
    return redirect(f"{address}{'&' if '?' in address else '?'}result={place}#result", 303)


def kept_result() -> dict[str, Any] | None:
    """What became of what was just done to many, for whoever did it."""
    place = request.args.get("result")
    if not place:
        return None
    found: dict[str, Any] | None = current_app.extensions["console.sessions"].result(g.person.subject, place)
    return found


def _key_of(one: str, inputs: Sequence[str]) -> str:
    """The key of one row of a form: after Back the form may be sent with other words, and does so anew."""
    said = [request.form.get(name, "") for name in ("key", *inputs)]
    return hashlib.sha256("\0".join([one, *said]).encode()).hexdigest()
