"""The notifications service's database sessions; bound once when a process starts."""

from sqlalchemy.orm import Session, sessionmaker

from services.notifications.messaging import messaging
from services.notifications.settings import Settings
from shared.db import make_engine

sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False, info=messaging.session_info())


def bind(settings: Settings) -> None:
    """Bind the sessions to the database; they also give jobs access to the settings."""
    sessions.configure(
        bind=make_engine(settings.database_url, settings.pool_size),
        info={**messaging.session_info(), "settings": settings},
    )


def settings_of(session: Session) -> Settings:
    """The settings of the process that opened the session."""
    settings: Settings = session.info["settings"]
    return settings
