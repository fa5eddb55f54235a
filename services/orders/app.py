"""The orders API."""

from flask import Flask

from services.orders import consumers, db, jobs, queries  # noqa: F401 - consumers and jobs register themselves
from services.orders.api import (
    address_books,
    banking,
    bulk,
    customer,
    customer_returns,
    customers,
    discrepancies,
    drafts,
    edits,
    exports,
    history,
    holds,
    lifecycle,
    lists,
    master_data,
    notes,
    orders,
    payment_gateway,
    payments,
    refunds,
    returns,
    saved_views,
)
from services.orders.api.glossary import GLOSSARY
from services.orders.messaging import messaging
from services.orders.settings import Settings
from shared import doctor_api
from shared.settings import read
from shared.web.app import make_app


def create_app(settings: Settings | None = None) -> Flask:
    """Create the WSGI application; settings come from the environment unless they are given."""
    settings = settings or read(Settings, process="api")
    db.bind(settings)
    return make_app(
        service="orders",
        title="Orders",
        settings=settings,
        sessions=db.sessions,
        messaging=messaging,
        glossary=GLOSSARY,
        blueprints=[
            orders.blueprint,
            edits.blueprint,
            holds.blueprint,
            lifecycle.blueprint,
            lists.blueprint,
            exports.blueprint,
            saved_views.blueprint,
            bulk.blueprint,
            notes.blueprint,
            history.blueprint,
            drafts.blueprint,
            payments.blueprint,
            discrepancies.blueprint,
            refunds.blueprint,
            banking.blueprint,
            returns.blueprint,
            customer_returns.blueprint,
            payment_gateway.blueprint,
            customers.blueprint,
            customer.blueprint,
            address_books.blueprint,
            master_data.blueprint,
            doctor_api.blueprint,
        ],
        link_serial=queries.link_serial,
    )
