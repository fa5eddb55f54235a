"""Documents' sessions; bound to its database once, at the start of a process."""

from pathlib import Path

from sqlalchemy.orm import Session, sessionmaker

from services.documents.messaging import messaging
from services.documents.settings import Settings
from shared.db import make_engine

sessions: sessionmaker[Session] = sessionmaker(expire_on_commit=False, info=messaging.session_info())


def bind(settings: Settings) -> None:
    """Point the sessions at the database; whoever holds one finds the stored bytes with it."""
    sessions.configure(
        bind=make_engine(settings.database_url, settings.pool_size),
        info={**messaging.session_info(), "documents_folder": settings.folder},
    )


def folder_of(session: Session) -> Path:
    """Where the bytes are that the session's rows tell of."""
    folder: Path = session.info["documents_folder"]
    return folder
