"""Documents' sessions; bound to its database once, at the start of a process."""

from sqlalchemy.orm import Session, sessionmaker

from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared.db import make_engine
from shared.stores import Store

sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False, info=messaging.session_info())


def bind(settings: Settings) -> None:
    """Point the sessions at the database; whoever holds one finds the stored bytes with it."""
    sessions.configure(
        bind=make_engine(settings.database_url, settings.pool_size),
        info={**messaging.session_info(), "store": settings.store_at(settings.documents_store)},
    )


def store_of(session: Session) -> Store:
    """What keeps the bytes that the session's rows tell of."""
    store: Store = session.info["store"]
    return store
