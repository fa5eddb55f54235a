"""The shipping API."""

from flask import Flask

from services.shipping import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.shipping.api import (
    appointments,
    bulk,
    carriers,
    customer,
    goods,
    handovers,
    locations,
    picking,
    queues,
    regrouping,
    returns,
    shipments,
    stock,
    tracking,
)
from services.shipping.api.glossary import GLOSSARY
from services.shipping.messaging import messaging
from services.shipping.settings import Settings
from shared import doctor_api
from shared.settings import read
from shared.web.app import make_app


def create_app(settings: Settings | None = None) -> Flask:
    """Create the WSGI application; settings come from the environment unless they are given."""
    settings = settings or read(Settings, process="api")
    db.bind(settings)
    return make_app(
        service="shipping",
        title="Shipping",
        settings=settings,
        sessions=db.sessions,
        messaging=messaging,
        glossary=GLOSSARY,
        blueprints=[
            *(locations.blueprint, stock.blueprint, shipments.blueprint, queues.blueprint),
            *(handovers.blueprint, carriers.blueprint, tracking.blueprint, appointments.blueprint),
            *(returns.blueprint, customer.blueprint, bulk.blueprint),
            *(goods.blueprint, regrouping.blueprint, picking.blueprint),
            doctor_api.blueprint,
        ],
    )
