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

blueprint = Blueprint(
    "diagnosis",
    __name__,
    url_prefix="/v1/operations",
    description="For operators: what is wrong with the service, and how far behind it is.",
)


class TroubleSchema(marshmallow.Schema):
    """A problem that was found; each part is a sentence."""

    what = fields.String(metadata={"description": "What is wrong."})
    why = fields.String(metadata={"description": "Why it matters."})
    cure = fields.String(metadata={"description": "What to do about it."})


class BehindSchema(marshmallow.Schema):
    """How far behind the service is; 0 where nothing is waiting."""

    oldest_unsent_seconds = fields.Float(
        metadata={"description": "Age of the oldest event that is not given to the broker yet, in seconds."}
    )
    oldest_pending_event_seconds = fields.Float(
        metadata={"description": "Age of the oldest event received that is not handled yet, in seconds."}
    )
    oldest_due_job_seconds = fields.Float(
        metadata={"description": "For how long the oldest job that has not begun has been due, in seconds."}
    )
    oldest_unacknowledged_seconds = fields.Dict(
        keys=fields.String(),
        values=fields.Float(),
        metadata={
            "description": (
                "By subscriber: age of the oldest event of this service that it has not acknowledged,"
                " in seconds."
            )
        },
    )
    dead_events = fields.Integer(
        metadata={"description": "How many events received were given up and wait for an operator."}
    )
    dead_jobs = fields.Integer(
        metadata={"description": "How many jobs were given up and wait for an operator."}
    )


class WorkQueueSchema(marshmallow.Schema):
    """A broker queue that this service's workers listen to."""

    queue = fields.String(metadata={"description": "Name of the queue in the broker."})
    waiting = fields.Integer(metadata={"description": "How many tasks are in it."})
    listened_to = fields.Boolean(
        metadata={"description": "Whether a worker was listening within the last seconds."}
    )


class DoctorSchema(marshmallow.Schema):
    """Problems with this service, and how far behind it is."""

    troubles = fields.List(fields.Nested(TroubleSchema))
    behind = fields.Nested(
        BehindSchema, allow_none=True, metadata={"description": "Null if the database can't be asked."}
    )
    queues = fields.List(
        fields.Nested(WorkQueueSchema), metadata={"description": "Empty if the broker can't be asked."}
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
