"""The API of the notifications service."""

from flask import Flask

from services.notifications import consumers, db, jobs, webhook_jobs  # noqa: F401 - they register themselves
from services.notifications.api import customer, emails, feed, messages, notices, webhooks
from services.notifications.api.glossary import GLOSSARY
from services.notifications.feed_waiting import Waiters
from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared import doctor_api
from shared.settings import read
from shared.web.app import make_app


def create_app(settings: Settings | None = None) -> Flask:
    """Create the WSGI application; settings come from the environment unless given."""
    settings = settings or read(Settings, process="api")
    db.bind(settings)
    app = make_app(
        service="notifications",
        title="Notifications",
        settings=settings,
        sessions=db.sessions,
        messaging=messaging,
        glossary=GLOSSARY,
        blueprints=[
            emails.blueprint,
            messages.blueprint,
            customer.blueprint,
            notices.blueprint,
            feed.blueprint,
            webhooks.blueprint,
            doctor_api.blueprint,
        ],
    )
    app.extensions["feed_waiters"] = Waiters(db.sessions)
    return app
