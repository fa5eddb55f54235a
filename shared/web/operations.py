"""Operator functions over HTTP; the same as on the command line."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from itertools import islice
from typing import Any
from uuid import UUID

import httpx2
import marshmallow
from flask import current_app
from marshmallow import fields, validate
from sqlalchemy.orm import Session

from shared.events.codec import EVENTS
from shared.messaging import operations, reconciliation
from shared.messaging.deliveries import Source
from shared.publisher_clients import sources
from shared.web.auth import refuse_bounded, requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.fields import text
from shared.web.problems import Problem

blueprint = Blueprint(
    "operations",
    __name__,
    url_prefix="/v1/operations",
    description="For operators: what messaging is doing, and what to do when it is stuck.",
)

LARGEST_LIST = 500
MOST_DIFFERENCES = 500


class LimitArguments(marshmallow.Schema):
    """How many results to return."""

    limit = fields.Integer(
        load_default=50,
        validate=validate.Range(1, LARGEST_LIST),
        metadata={"description": "How many at most."},
    )


class TailArguments(LimitArguments):
    """Which events to return."""

    type = fields.String(
        validate=validate.OneOf(sorted(EVENTS)), metadata={"description": "Only events of this type."}
    )


class EventSummarySchema(marshmallow.Schema):
    """An event without its data."""

    event_id = fields.UUID()
    type = fields.String(metadata={"description": "What happened, such as `order.placed`."})
    subject = fields.String(
        metadata={"description": "What the event is about: the order's id, or of stock the SKU."}
    )
    reference = fields.String(metadata={"description": "What people call the subject: the order's number."})
    version = fields.Integer(
        metadata={
            "description": (
                "The subject's version that the event tells of; of two events the higher one is newer."
            )
        }
    )
    occurred_at = fields.AwareDateTime(metadata={"description": "When it happened, in UTC."})


class DeliverySchema(marshmallow.Schema):
    """The state of an event's delivery to one subscriber."""

    subscriber = fields.String()
    recorded_at = fields.AwareDateTime(
        metadata={"description": "When it was recorded, in the transaction of the event itself, in UTC."}
    )
    sent_at = fields.AwareDateTime(
        allow_none=True,
        metadata={
            "description": "When it was last given to the broker, in UTC; null while it waits for that, and "
            "once it is acknowledged."
        },
    )
    acked_at = fields.AwareDateTime(
        allow_none=True,
        metadata={
            "description": "When the subscriber had stored it safely, in UTC; null until then, and where it "
            "is not kept any more."
        },
    )
    acknowledged = fields.Boolean(metadata={"description": "Whether the subscriber has stored it safely."})


class PendingSchema(EventSummarySchema):
    """A delivery its subscriber has not acknowledged."""

    subscriber = fields.String()
    recorded_at = fields.AwareDateTime(
        metadata={"description": "When it was recorded, in the transaction of the event itself, in UTC."}
    )
    sent_at = fields.AwareDateTime(
        allow_none=True,
        metadata={
            "description": "When it was last given to the broker, in UTC; null while it waits for that."
        },
    )


class EventSchema(marshmallow.Schema):
    """An event in full, as sent, with its deliveries."""

    envelope = fields.Dict(
        metadata={"description": "The event as it is sent: its attributes, and its content in `data`."}
    )
    deliveries = fields.List(fields.Nested(DeliverySchema))


class DeadLetterSchema(marshmallow.Schema):
    """An event or job that was given up."""

    id = fields.UUID(metadata={"description": "Id of the event or job, for the other operations."})
    kind = fields.String(
        validate=validate.OneOf(["event", "job"]),
        metadata={"description": "`event`: one that was heard; `job`: work of this service's own."},
    )
    what = fields.String(metadata={"description": "The event's type, or the job's kind."})
    subject = fields.String(
        metadata={"description": "What it is about: the order's id, or of stock the SKU."}
    )
    reference = fields.String(
        allow_none=True,
        metadata={
            "description": "What people call the subject: the order's number; null if it is not known."
        },
    )
    correlation_id = fields.String(
        allow_none=True,
        metadata={"description": "Id of the request that it goes back to; null if it is not known."},
    )
    since = fields.AwareDateTime(
        metadata={"description": "When the event was received, or the job made, in UTC."}
    )
    attempts = fields.Integer(metadata={"description": "How often it was tried."})
    last_error = fields.String(allow_none=True)


class StepSchema(marshmallow.Schema):
    """One thing that a request caused in this service."""

    step = fields.String(
        validate=validate.OneOf(["told", "heard", "job"]),
        metadata={
            "description": (
                "`told`: an event of this service; `heard`: an event of another service; `job`: work "
                "of this service's own. What else is there depends on it."
            )
        },
    )
    at = fields.AwareDateTime(
        metadata={"description": "When the event happened or was received, or the job was made, in UTC."}
    )
    event_id = fields.UUID(metadata={"description": "Of an event: its id."})
    type = fields.String(metadata={"description": "Of an event: what happened, such as `order.placed`."})
    source = fields.String(metadata={"description": "Of an event heard: the service that told it."})
    version = fields.Integer(
        metadata={"description": "Of an event told: the subject's version that it tells of."}
    )
    actor = fields.String(
        metadata={
            "description": (
                "Of an event told: who asked for what it tells, as their token names them; empty for "
                "the service itself."
            )
        }
    )
    id = fields.UUID(metadata={"description": "Of a job: its id."})
    kind = fields.String(metadata={"description": "Of a job: what it does."})
    key = fields.String(
        metadata={"description": "Of a job: what it does to what; there is one job for each key."}
    )
    subject = fields.String(
        metadata={"description": "What it is about: the order's id, or of stock the SKU."}
    )
    reference = fields.String(
        metadata={
            "description": (
                "Of an event told and of a job: what people call the subject, the order's number."
            )
        }
    )
    caused_by = fields.String(
        metadata={
            "description": (
                "Of an event told and of a job: id of the event heard that led to it; empty if the "
                "request itself did."
            )
        }
    )
    state = fields.String(
        metadata={
            "description": (
                "Of an event heard: pending, done, dead (given up) or skipped (by an operator); of a "
                "job: queued, running, done or dead."
            )
        }
    )
    attempts = fields.Integer(
        metadata={"description": "Of an event heard and of a job: how often it was tried."}
    )
    last_error = fields.String(
        allow_none=True,
        metadata={
            "description": "Of an event heard and of a job: the latest failure; null if there was none."
        },
    )
    occurred_at = fields.AwareDateTime(
        metadata={"description": "Of an event told: when it happened, in UTC."}
    )
    received_at = fields.AwareDateTime(
        metadata={"description": "Of an event heard: when it was received, in UTC."}
    )
    created_at = fields.AwareDateTime(metadata={"description": "Of a job: when it was made, in UTC."})
    run_at = fields.AwareDateTime(
        metadata={"description": "Of a job: when it is, or was, to be tried, in UTC."}
    )
    done_at = fields.AwareDateTime(
        allow_none=True,
        metadata={
            "description": (
                "Of an event heard and of a job: when it was done or skipped, in UTC; null until then."
            )
        },
    )


class ResendSchema(marshmallow.Schema):
    """Whose deliveries to resend."""

    subscriber = text(
        100, shortest=1, metadata={"description": "Only what goes to this service; to all if left out."}
    )


class RetrySchema(marshmallow.Schema):
    """Which dead events and jobs to retry."""

    what = text(
        100,
        shortest=1,
        metadata={"description": "Only events of this type, or jobs of this kind; all if left out."},
    )


class SkipSchema(marshmallow.Schema):
    """Why a dead event is skipped."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why nothing is to be done about it; kept with the event."},
    )


class SinceSchema(marshmallow.Schema):
    """The time to start from."""

    since = fields.AwareDateTime(required=True, metadata={"description": "The time from which on, in UTC."})


class ReplaySchema(SinceSchema):
    """Which events to process again."""

    types = fields.List(
        fields.String(validate=validate.OneOf(sorted(EVENTS))),
        load_default=list,
        metadata={"description": "Only events of these types; all if left out or empty."},
    )


class CountSchema(marshmallow.Schema):
    """How many were affected."""

    count = fields.Integer(metadata={"description": "How many were affected."})


class DifferenceSchema(marshmallow.Schema):
    """An event that was published but is missing or unfinished in this service."""

    source = fields.String(metadata={"description": "The service that published the event."})
    event_id = fields.UUID()
    type = fields.String(metadata={"description": "What happened, such as `order.placed`."})
    subject = fields.String(
        metadata={"description": "What the event is about: the order's id, or of stock the SKU."}
    )
    fault = fields.String(
        metadata={
            "description": (
                "not_received; pending: not handled yet; dead: given up; copy_outdated: handled, and "
                "the copy of the order here is older than it."
            )
        }
    )


class ReconciliationSchema(marshmallow.Schema):
    """The differences found."""

    differences = fields.List(fields.Nested(DifferenceSchema))
    complete = fields.Boolean(
        metadata={"description": "Whether these are all differences; false if there are more than 500."}
    )


@blueprint.route("/events", methods=["GET"])
@blueprint.arguments(TailArguments, location="query")
@blueprint.response(200, EventSummarySchema(many=True))
@requires("admin")
@query
def tail_events(session: Session, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """The service's newest events first."""
    return operations.tail_events(session, arguments["limit"], arguments.get("type"))


@blueprint.route("/events/<uuid:event_id>", methods=["GET"])
@blueprint.response(200, EventSchema)
@requires("admin")
@query
def show_event(session: Session, event_id: UUID) -> dict[str, Any]:
    """One event with its data and the state of each delivery."""
    return operations.show_event(session, event_id)


@blueprint.route("/traces/<correlation_id>", methods=["GET"])
@blueprint.response(200, StepSchema(many=True))
@requires("admin")
@query
def trace(session: Session, correlation_id: str) -> list[dict[str, Any]]:
    """Everything one request caused in this service, in order; at most 500 of each kind of step."""
    return operations.trace(session, correlation_id)


@blueprint.route("/outbox", methods=["GET"])
@blueprint.arguments(LimitArguments, location="query")
@blueprint.response(200, PendingSchema(many=True))
@requires("admin")
@query
def list_pending(session: Session, arguments: dict[str, Any]) -> list[dict[str, Any]]:
    """Deliveries their subscriber has not acknowledged, oldest first."""
    return operations.pending(session, arguments["limit"])


@blueprint.route("/outbox/resend", methods=["POST"])
@blueprint.arguments(ResendSchema)
@blueprint.response(200, CountSchema)
@requires("admin")
@command
def resend(session: Session, choice: dict[str, Any]) -> dict[str, int]:
    """Resend every unacknowledged delivery."""
    return {"count": operations.resend(session, choice.get("subscriber"))}


@blueprint.route("/dead-letters", methods=["GET"])
@blueprint.response(200, DeadLetterSchema(many=True))
@requires("admin")
@query
def list_dead_letters(session: Session) -> list[dict[str, Any]]:
    """Dead events and jobs, oldest first, at most 500."""
    return operations.dead_letters(session)


@blueprint.route("/dead-letters/<uuid:letter_id>", methods=["GET"])
@blueprint.response(200)
@requires("admin")
@query
def show_dead_letter(session: Session, letter_id: UUID) -> dict[str, Any]:
    """One dead event or job in full."""
    return operations.dead_letter(session, letter_id)


@blueprint.route("/dead-letters/<uuid:letter_id>/retry", methods=["POST"])
@blueprint.response(204)
@requires("admin")
@command
def retry_dead_letter(session: Session, letter_id: UUID) -> None:
    """Retry a dead event or job, starting over at its first attempt."""
    operations.retry(session, letter_id)


@blueprint.route("/dead-letters/retry", methods=["POST"])
@blueprint.arguments(RetrySchema)
@blueprint.response(200, CountSchema)
@requires("admin")
@command
def retry_dead_letters(session: Session, choice: dict[str, Any]) -> dict[str, int]:
    """Retry all dead events and jobs, once the cause is fixed."""
    return {"count": operations.retry_all(session, choice.get("what"))}


@blueprint.route("/dead-letters/<uuid:letter_id>/skip", methods=["POST"])
@blueprint.arguments(SkipSchema)
@blueprint.response(204)
@requires("admin")
@command
def skip_dead_letter(session: Session, choice: dict[str, Any], letter_id: UUID) -> None:
    """Skip a dead event for good; the reason is kept."""
    operations.skip(session, letter_id, choice["reason"])


@blueprint.route("/replay", methods=["POST"])
@blueprint.arguments(ReplaySchema)
@blueprint.response(200, CountSchema)
@requires("admin")
@command
def replay(session: Session, choice: dict[str, Any]) -> dict[str, int]:
    """Process again the events received since a time; safe, because handlers are idempotent."""
    return {"count": operations.replay(session, choice["since"], choice["types"])}


@blueprint.route("/reconciliation", methods=["GET"])
@blueprint.response(200, ReconciliationSchema)
@requires("admin")
def reconcile() -> dict[str, Any]:
    """Compare everything other services published with what was received here.

    What is on its way at this moment shows as a difference too: ask again before you worry.
    """
    with _asking() as asked:
        found = reconciliation.reconcile(current_app.extensions["sessions"], asked)
        differences = [asdict(difference) for difference in islice(found, MOST_DIFFERENCES + 1)]
    return {
        "differences": differences[:MOST_DIFFERENCES],
        "complete": len(differences) <= MOST_DIFFERENCES,
    }


@blueprint.route("/resync", methods=["POST"])
@blueprint.arguments(SinceSchema)
@blueprint.response(200)
@requires("admin")
def resync(choice: dict[str, Any]) -> dict[str, int]:
    """After restoring this service from a backup, have other services redeliver what they published since."""
    with _asking() as asked:
        return reconciliation.resync(asked, choice["since"])


@blueprint.before_request
def _refuse_the_bounded() -> None:
    """Refuse tokens restricted to some sellers or markets: events concern every seller's orders."""
    refuse_bounded("sellers", "markets")


@contextmanager
def _asking() -> Iterator[list[Source]]:
    try:
        with sources(current_app.extensions["messaging"], current_app.extensions["settings"]) as opened:
            yield opened
    except httpx2.HTTPError as error:
        raise Problem(502, f"another service can't be reached now: {type(error).__name__}") from error
