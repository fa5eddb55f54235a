"""The shipping service's sessions; bound to its database once, at the start of a process."""

from sqlalchemy.orm import Session, sessionmaker

from services.shipping.messaging import messaging
from services.shipping.settings import Settings
from shared.db import make_engine

sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False, info=messaging.session_info())


def bind(settings: Settings) -> None:
    """Point the sessions at the database."""
    sessions.configure(bind=make_engine(settings.database_url, settings.pool_size))
