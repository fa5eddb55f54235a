"""Where goods leave from, and who brings them: locations, carriers, and the couriers of a seller."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, request

from services.console.forms.settings import (
    EVERYBODY,
    Setup,
    address,
    choices,
    listed,
    text,
    ticked,
    whole,
)
from services.console.markets import masters
from services.console.screens import Screen

locations_page = Blueprint("settings_locations", __name__, url_prefix="/settings")
carriers_page = Blueprint("settings_carriers", __name__, url_prefix="/settings")
couriers_page = Blueprint("settings_couriers", __name__, url_prefix="/settings")

LOCATIONS, LOCATION, PUT_LOCATION = (
    f"shipping.locations_{name}" for name in ("list_locations", "get_location", "put_location")
)
CARRIERS, CARRIER, PUT_CARRIER = (
    f"shipping.carriers_{name}" for name in ("list_carriers", "get_carrier", "put_carrier")
)
COURIERS, COURIER, PUT_COURIER = (
    f"shipping.carriers_{name}" for name in ("list_couriers", "get_courier", "put_courier")
)
KINDS = ("warehouse", "distribution_centre", "store")
METHOD_KINDS = ("delivery", "pickup", "hand_over", "download", "service")
DAYS = ("handling_days", "pickup_reminder_days", "pickup_days")
NEW_LOCATION: Mapping[str, Any] = {
    "seller": "",
    "name": "",
    "country": "",
    "kind": "warehouse",
    "markets": [],
    "method_kinds": [],
    "handling_days": 2,
    "pickup_reminder_days": 3,
    "pickup_days": 7,
    "priority": 100,
    "address": None,
    "active": True,
}
NEW_CARRIER: Mapping[str, Any] = {"name": "", "tracking_link": "", "stalled_after_days": 5}
NEW_COURIER: Mapping[str, Any] = {"name": "", "phone": "", "email": "", "active": True}


def _location() -> dict[str, Any]:
    return {
        "seller": text("seller"),
        "name": text("name"),
        "country": text("country").upper(),
        "kind": text("kind"),
        "markets": ticked("markets"),
        "method_kinds": ticked("method_kinds"),
        **{name: whole(name) for name in (*DAYS, "priority")},
        "address": address(),
        "active": "active" in request.form,
    }


def _carrier() -> dict[str, Any]:
    return {
        "name": text("name"),
        "tracking_link": text("tracking_link"),
        "stalled_after_days": whole("stalled_after_days"),
    }


def _courier() -> dict[str, Any]:
    return {**{name: text(name) for name in ("name", "phone", "email")}, "active": "active" in request.form}


LOCATION_SETUP = Setup(
    form="location",
    operations=(LOCATION, PUT_LOCATION),
    path={"location": "code"},
    blank=NEW_LOCATION,
    typed=_location,
    may_change=lambda location: location["may_change"],
    more=lambda body: {
        "sellers": choices("seller", [*masters().sellers, EVERYBODY]),
        "kinds": choices("kind", KINDS),
        "method_kinds": choices("method_kinds", METHOD_KINDS, body["method_kinds"]),
        "market_names": choices("markets", masters().markets, body["markets"]),
    },
)
CARRIER_SETUP = Setup(
    form="carrier",
    operations=(CARRIER, PUT_CARRIER),
    path={"carrier": "code"},
    blank=NEW_CARRIER,
    typed=_carrier,
)
COURIER_SETUP = Setup(
    form="courier",
    operations=(COURIER, PUT_COURIER),
    path={"seller": "seller", "courier": "code"},
    blank=NEW_COURIER,
    typed=_courier,
    more=lambda _: {"sellers": choices("seller", masters().sellers)},
)
LOCATION_SETUP.register(locations_page, "/locations/<location>")
CARRIER_SETUP.register(carriers_page, "/carriers/<carrier>")
COURIER_SETUP.register(couriers_page, "/couriers/<seller>/<courier>")


@locations_page.get("/locations")
def show_locations() -> Any:
    """The locations that the person sees, by code."""
    return listed(LOCATION_SETUP, LOCATIONS, ("seller", "country", "kind", "priority"))


@carriers_page.get("/carriers")
def show_carriers() -> Any:
    """Carriers by code."""
    return listed(CARRIER_SETUP, CARRIERS, ("tracking_link", "stalled_after_days"))


@couriers_page.get("/couriers")
def show_couriers() -> Any:
    """The couriers of the person's sellers."""
    return listed(COURIER_SETUP, COURIERS, ("seller", "phone", "email"))


LOCATIONS_SCREEN = Screen(
    locations_page,
    "settings_locations.show_locations",
    LOCATIONS,
    "settings.locations",
    "map-pin",
    within="settings",
)
CARRIERS_SCREEN = Screen(
    carriers_page,
    "settings_carriers.show_carriers",
    CARRIERS,
    "settings.carriers",
    "truck",
    within="settings",
)
COURIERS_SCREEN = Screen(
    couriers_page, "settings_couriers.show_couriers", COURIERS, "settings.couriers", "bike", within="settings"
)
