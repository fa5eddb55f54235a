"""The doctor's findings for a service, over HTTP."""

from dataclasses import asdict
from typing import Any

import marshmallow
import redis
from flask import current_app
from marshmallow import fields
from sqlalchemy.exc import SQLAlchemyError

from shared import doctor
from shared.messaging import operations
from shared.web.auth import refuse_bounded, requires
from shared.web.blueprint import Blueprint

blueprint = Blueprint("diagnosis", __name__, url_prefix="/v1/operations")


class TroubleSchema(marshmallow.Schema):
    """A problem that was found; each part is a sentence."""

    what = fields.String()
    why = fields.String(metadata={"description": "Why it matters."})
    cure = fields.String(metadata={"description": "What to do about it."})


class BehindSchema(marshmallow.Schema):
    """How far behind the service is; 0 where nothing is waiting."""

    oldest_unsent_seconds = fields.Float(metadata={"description": "An event that is not sent."})
    oldest_pending_event_seconds = fields.Float(metadata={"description": "An event that is not handled."})
    oldest_due_job_seconds = fields.Float(metadata={"description": "A job that is due and not begun."})
    oldest_unacknowledged_seconds = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        metadata={"description": "By subscriber: an event of ours that it has not acknowledged."},
    )
    dead_events = fields.Integer()
    dead_jobs = fields.Integer()


class WorkQueueSchema(marshmallow.Schema):
    """A broker queue that this service's workers listen to."""

    queue = fields.String()
    waiting = fields.Integer(metadata={"description": "Tasks in it."})
    listened_to = fields.Boolean(metadata={"description": "Whether a worker was there within seconds."})


class DoctorSchema(marshmallow.Schema):
    """Problems with this service, and how far behind it is."""

    troubles = fields.List(fields.Nested(TroubleSchema))
    behind = fields.Nested(
        BehindSchema, allow_none=True, metadata={"description": "Null where the database can't be asked."}
    )
    queues = fields.List(
        fields.Nested(WorkQueueSchema), metadata={"description": "None where the broker can't be asked."}
    )


@blueprint.route("/doctor", methods=["GET"])
@blueprint.response(200, DoctorSchema)
@requires("admin")
def examine() -> dict[str, Any]:
    """Check the database, messaging, broker, token and machine, and show how far behind the service is.

    The command `doctor` looks further, at what only this service has.
    """
    extensions = current_app.extensions
    patient = doctor.Patient(
        messaging=extensions["messaging"], sessions=extensions["sessions"], settings=extensions["settings"]
    )
    try:
        with patient.sessions() as session:
            behind = operations.health(session)
    except SQLAlchemyError:  # which the doctor tells of
        behind = None
    try:
        queues = doctor.queues(patient)
    except redis.RedisError:  # likewise
        queues = []
    troubles = [trouble._asdict() for trouble in doctor.examine(patient)]
    return {"troubles": troubles, "behind": behind, "queues": [asdict(queue) for queue in queues]}


@blueprint.before_request
def _refuse_the_bounded() -> None:
    """Refuse tokens restricted to some sellers or markets: the backlog concerns everybody."""
    refuse_bounded("sellers", "markets")
