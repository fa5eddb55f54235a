"""The agenda: a week of appointments, each in the time that its market's clocks show."""

from collections.abc import Mapping
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from babel.dates import format_skeleton
from flask import Blueprint, abort, g, render_template, request, url_for

from services.console.acting import act, key, version
from services.console.apis import read
from services.console.forms.conflicts import since_in_shipping
from services.console.markets import masters
from services.console.pages.warehouse import choices_of_filters, reads_for_filters
from services.console.screens import Screen
from shared.clock import now
from shared.wording import locale_of

DAYS = 7
PAGE = 100
EDGES = ("Pacific/Kiritimati", "Etc/GMT+12")  # where each day begins first, and where it ends last

blueprint = Blueprint("agenda", __name__, url_prefix="/warehouse/agenda")

# What is done to an appointment: its operation, and what it is sent of the form.
ACTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "move": ("shipping.appointments_schedule_appointment", ("starts", "ends", "note")),
    "sign_appointment": ("shipping.appointments_sign_appointment", ("name",)),
}


@blueprint.get("")
def show() -> str:
    """The appointments of seven days from one on, by day and in the order of time."""
    zones = sorted({market["time_zone"] for market in masters().markets.values()})
    first = _day(zones[0] if zones else "UTC")
    zones = zones or [*EDGES]
    filters = {name: text for name in ("seller", "location") if (text := request.args.get(name, "").strip())}
    # A day begins at another instant in each market: what is asked for holds the days of all of them.
    query = {
        "since": min(_midnight(first, zone) for zone in zones).isoformat(),
        "until": max(_midnight(first + timedelta(days=DAYS), zone) for zone in zones).isoformat(),
        "cursor": request.args.get("cursor"),
        "limit": PAGE,
    }
    parts = g.apis.together(
        agenda=read("shipping.appointments_list_appointments", filters | query), **reads_for_filters()
    )
    if parts["agenda"].hidden:
        abort(403)
    days: dict[str, list[dict[str, Any]]] = {
        (first + timedelta(days=one)).isoformat(): [] for one in range(DAYS)
    }
    for entry in parts["agenda"].value["items"] if parts["agenda"] else []:
        days.get(entry["starts"][:10], []).append(entry)
    choices = choices_of_filters(parts)
    return render_template(
        "warehouse/agenda.html",
        agenda=parts["agenda"],
        days=days,
        first=first.isoformat(),
        earlier=_addressed(day=(first - timedelta(days=DAYS)).isoformat()),
        later=_addressed(day=(first + timedelta(days=DAYS)).isoformat()),
        filters=filters,
        choices={name: options for name, options in choices.items() if name != "method"},
        may_do={name: g.apis.may(operation) for name, (operation, _) in ACTS.items()},
        addressed=_addressed,
        weekday=_weekday,
    )


@blueprint.post("/<uuid:shipment_id>/<kind>/<any(move, sign_appointment):name>")
def do(shipment_id: UUID, kind: str, name: str) -> Any:
    """Give an appointment another time, or note who signed that it was kept."""
    operation, fields = ACTS[name]
    body = {field: request.form.get(field, "").strip() for field in fields}
    return act(
        f"{name}-{shipment_id}-{kind}",
        lambda: g.apis.write(
            operation, body, key=key(), version=version(), shipment_id=shipment_id, kind=kind
        ),
        show,
        lambda _: _addressed(),
        said="agenda.moved" if name == "move" else f"done.{name}",
        changes=lambda _: since_in_shipping(_order_of(shipment_id)),
    )


def _order_of(shipment_id: UUID) -> Any:
    return g.apis.read("shipping.shipments_get_shipment", shipment_id=shipment_id)["order_id"]


def _day(zone: str) -> date:
    """The first day that is shown: today, unless the address names another."""
    today = now().astimezone(ZoneInfo(zone)).date()
    try:
        asked = date.fromisoformat(request.args.get("day", ""))
    except ValueError:
        return today
    # Of the first and last years that a date can be of there is nothing before and behind.
    return asked if date.min.year < asked.year < date.max.year else today


def _weekday(day: str) -> str:
    """A day as people say it in a week."""
    return format_skeleton("MMMMEEEEd", date.fromisoformat(day), locale=locale_of(g.language))


def _midnight(day: date, zone: str) -> datetime:
    return datetime.combine(day, time(), ZoneInfo(zone))


def _addressed(**changes: Any) -> str:
    """The agenda as it is shown, with some of it changed."""
    kept = ("day", "seller", "location")
    query: dict[str, Any] = {name: request.args.get(name) for name in kept} | changes
    return url_for("agenda.show", **{name: value for name, value in query.items() if value})


SCREEN = Screen(
    blueprint,
    "agenda.show",
    "shipping.appointments_list_appointments",
    "agenda.title",
    "calendar-days",
    within="warehouse",
)
