"""The API of the documents service."""

from flask import Flask

from services.documents import consumers, db, jobs  # noqa: F401 - consumers and jobs register themselves
from services.documents.api import customer, papers, prints, series, uploads
from services.documents.api.glossary import GLOSSARY
from services.documents.domain.uploads import LARGEST_UPLOAD
from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared import doctor_api
from shared.settings import read
from shared.web.app import make_app


def create_app(settings: Settings | None = None) -> Flask:
    """Create the WSGI application; settings come from the environment unless given."""
    settings = settings or read(Settings, process="api")
    db.bind(settings)
    return make_app(
        service="documents",
        title="Documents",
        settings=settings,
        sessions=db.sessions,
        messaging=messaging,
        glossary=GLOSSARY,
        blueprints=[
            papers.blueprint,
            uploads.blueprint,
            customer.blueprint,
            prints.blueprint,
            series.blueprint,
            doctor_api.blueprint,
        ],
        largest_body=LARGEST_UPLOAD + (1 << 16),
        store=settings.store_at(settings.documents_store),
    )
