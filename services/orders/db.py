"""The orders service's sessions; bound to its database once, at the start of a process."""

from sqlalchemy.orm import Session, sessionmaker

from services.orders.messaging import messaging
from services.orders.settings import Settings
from shared.db import make_engine

sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False, info=messaging.session_info())


def bind(settings: Settings) -> None:
    """Point the sessions at the database, and make the settings available to jobs."""
    sessions.configure(
        bind=make_engine(settings.database_url, settings.pool_size),
        info={**messaging.session_info(), "settings": settings},
    )


def settings_of(session: Session) -> Settings:
    """The settings of the process that opened the session."""
    settings: Settings = session.info["settings"]
    return settings
