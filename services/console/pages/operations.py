"""Operations: what the services gave up, what one request led to in all of them, and how they are."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from flask import Blueprint, abort, flash, g, redirect, render_template, request, url_for

from services.console.apis import SERVICES, Part, read
from services.console.forms.many import done_to_each, kept_result
from services.console.screens import Screen

blueprint = Blueprint("operations", __name__, url_prefix="/operations")

MOST_SHOWN = 100  # of what a service gave up, the oldest
MOST_CHOSEN = 100
TABS = {
    "dead": "operations.show_dead",
    "trace": "operations.show_trace",
    "health": "operations.show_health",
}
# What can be decided about an event or a job that was given up, and what is asked for it.
DECISIONS: Mapping[str, tuple[str, ...]] = {"retry": (), "skip": ("reason",)}
UNHANDLED = ("pending", "dead", "queued", "running")


@blueprint.get("")
def show_dead() -> str:
    """What was given up, of all services side by side, each oldest first."""
    parts = _of_each("operations_list_dead_letters")
    if all(part.hidden for part in parts.values()):
        abort(403)
    shown = {service: part.value[:MOST_SHOWN] if part else [] for service, part in parts.items()}
    return render_template(
        "operations/dead.html",
        parts=parts,
        shown=shown,
        most=MOST_SHOWN,
        opened=request.args.get("open", ""),
        may_decide=g.apis.may("orders.operations_retry_dead_letter"),
        result=kept_result(),
        tabs=TABS,
    )


@blueprint.get("/decide")
def ask() -> Any:
    """Whether what was ticked shall really be tried again, or skipped; with what is known of each."""
    decision = request.args.get("act", "")
    if decision not in DECISIONS:
        abort(404)
    return _ask(decision, request.args.getlist("letter"))


@blueprint.post("/decide/<any(retry, skip):decision>")
def decide(decision: str) -> Any:
    """Do it to each; the page of what was given up then says what became of each."""
    inputs = DECISIONS[decision]
    body = {name: request.form.get(name, "") for name in inputs} or None
    letters = [one for one in request.form.getlist("letter") if one.partition("/")[0] in SERVICES]

    def do(letter: str, own_key: str) -> Any:
        service, _, letter_id = letter.partition("/")
        operation = f"{service}.operations_{decision}_dead_letter"
        return g.apis.write(operation, body, key=own_key, letter_id=letter_id)

    return done_to_each(
        decision,
        letters,
        do,
        lambda: _ask(decision, letters),
        lambda: url_for("operations.show_dead"),
        inputs=inputs,
    )


@blueprint.get("/trace")
def show_trace() -> str:
    """All that one request led to, in all services, as one tree with times."""
    wanted = request.args.get("id", "").strip()
    parts = _of_each("operations_trace", correlation_id=wanted) if wanted else {}
    g.apis.require("orders.operations_trace")
    steps = [{"service": service, **step} for service, part in parts.items() if part for step in part.value]
    return render_template(
        "operations/trace.html",
        wanted=wanted,
        parts=parts,
        tree=tree_of(steps),
        steps=len(steps),
        since=_milliseconds_since(steps),
        unhandled=UNHANDLED,
        tabs=TABS,
    )


@blueprint.get("/health")
def show_health() -> str:
    """What is wrong with each service, how far behind it is, and what waits in its queues."""
    parts = _of_each("diagnosis_examine")
    if all(part.hidden for part in parts.values()):
        abort(403)
    return render_template("operations/health.html", parts=parts, tabs=TABS)


def tree_of(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The steps of a request under what caused each: an event under its handling, its handling under it.

    What nothing here caused stands at the roots, in the order of time.
    """
    for step in steps:
        step["below"] = []
    told = {step["event_id"]: step for step in steps if step["step"] == "told"}
    heard = {(step["service"], step["event_id"]): step for step in steps if step["step"] == "heard"}
    roots: list[dict[str, Any]] = []
    for step in sorted(steps, key=lambda step: str(step["at"])):
        if step["step"] == "heard":
            above = told.get(step["event_id"])
        else:
            above = heard.get((step["service"], step["caused_by"]))
        (roots if above is None else above["below"]).append(step)
    return roots


def _milliseconds_since(steps: list[dict[str, Any]]) -> Any:
    """How long after the first step something was."""
    first = min((datetime.fromisoformat(step["at"]) for step in steps), default=None)

    def since(at: str) -> int:
        return round((datetime.fromisoformat(at) - first).total_seconds() * 1000) if first else 0

    return since


def _ask(decision: str, letters: list[str]) -> Any:
    if not letters:
        flash("many.none")
        return redirect(url_for("operations.show_dead"), 303)
    parts = _of_each("operations_list_dead_letters")
    known = dict(_by_name(parts))
    chosen = [known[one] for one in letters[:MOST_CHOSEN] if one in known]
    if not chosen:
        flash("operations.gone")
        return redirect(url_for("operations.show_dead"), 303)
    return render_template(
        "operations/decide.html", decision=decision, inputs=DECISIONS[decision], letters=chosen, parts=parts
    )


def _by_name(parts: Mapping[str, Part]) -> Iterator[tuple[str, dict[str, Any]]]:
    for service, part in parts.items():
        for letter in part.value if part else ():
            name = f"{service}/{letter['id']}"
            yield name, letter | {"service": service, "name": name}


def _of_each(operation: str, **path: Any) -> dict[str, Part]:
    found: dict[str, Part] = g.apis.together(
        **{service: read(f"{service}.{operation}", **path) for service in SERVICES}
    )
    return found


SCREEN = Screen(
    blueprint,
    "operations.show_dead",
    "orders.operations_list_dead_letters",
    "nav.operations",
    "activity",
)
