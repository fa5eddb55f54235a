"""The documents service's database sessions; bound once when a process starts."""

from sqlalchemy.orm import Session, sessionmaker

from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared.db import make_engine
from shared.stores import Store

sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False, info=messaging.session_info())


def bind(settings: Settings) -> None:
    """Bind the sessions to the database; they also give access to the file store."""
    sessions.configure(
        bind=make_engine(settings.database_url, settings.pool_size),
        info={**messaging.session_info(), "store": settings.store_at(settings.documents_store)},
    )


def store_of(session: Session) -> Store:
    """The store with the files that the session's rows refer to."""
    store: Store = session.info["store"]
    return store
