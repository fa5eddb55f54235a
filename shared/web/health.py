"""Liveness and readiness checks."""

from typing import Any

from flask import Blueprint, Response, current_app
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from shared.db import is_current
from shared.errors import Unavailable
from shared.logging import logger
from shared.messaging import operations
from shared.stores import Store
from shared.web import payloads
from shared.web.auth import public

log = logger(__name__)

blueprint = Blueprint("health", __name__, url_prefix="/health")


@blueprint.get("/live")
@public
def live() -> Response:
    """Whether the process responds."""
    return _told({"status": "live"})


@blueprint.get("/ready")
@public
def ready() -> Response:
    """Whether the database is reachable and migrated, how far messaging is behind, and what is unavailable.

    Without what keeps its files a service does all else, and must not be cut off from those that ask for its
    events: that it is away is said, and the service is ready.
    """
    sessions: sessionmaker[Session] = current_app.extensions["sessions"]
    try:
        with sessions() as session:
            if not is_current(session.connection(), current_app.name):
                return _told({"status": "not ready", "reason": "migrations are missing"})
            health = {"status": "ready", "messaging": operations.health(session)}
    except SQLAlchemyError as error:
        log.warning("not ready", error=type(error.__cause__ or error).__name__)
        return _told({"status": "not ready", "reason": "the database can't be reached"})
    store: Store | None = current_app.extensions["store"]
    return _told(health if store is None else health | {"stored_files": _seen(store)})


def _seen(store: Store) -> str:
    try:
        store.look()
    except Unavailable as error:
        log.warning("store unavailable", error=error.why)
        return "can't be reached"
    return "reached"


def _told(health: dict[str, Any]) -> Response:
    status = 503 if health["status"] == "not ready" else 200
    return Response(payloads.encode(health), status, mimetype="application/json")
