"""Deliveries for other services' agents: pulling unacknowledged events, and acknowledging them.

Closed to everyone else, and no part of the API's document: no gateway routes /internal.
"""

from typing import Any
from uuid import UUID

import marshmallow
from marshmallow import fields, validate
from sqlalchemy.orm import Session
from webargs.fields import DelimitedList

from shared.access import actor_of
from shared.db import each_alone
from shared.events.codec import EVENTS
from shared.messaging import deliveries, operations
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import Ready, command, query
from shared.web.problems import Problem

blueprint = Blueprint("deliveries", __name__, url_prefix="/internal/deliveries")


class PullArguments(marshmallow.Schema):
    """Which deliveries to pull."""

    limit = fields.Integer(load_default=100, validate=validate.Range(1, deliveries.PULL_LIMIT))
    grace_seconds = fields.Float(load_default=3.0, validate=validate.Range(0, 3600))


class LogArguments(marshmallow.Schema):
    """Which page of the full log to return."""

    after = fields.Integer(load_default=0, validate=validate.Range(min=0, max=2**63 - 1))
    limit = fields.Integer(load_default=100, validate=validate.Range(1, deliveries.LOG_LIMIT))


class HeardArguments(marshmallow.Schema):
    """Which page of the caller's own events to return."""

    since = fields.AwareDateTime(required=True)
    after = fields.UUID(load_default=UUID(int=0))
    types = DelimitedList(
        fields.String(validate=validate.OneOf(sorted(EVENTS))), required=True, validate=validate.Length(1, 20)
    )


class AcknowledgementSchema(marshmallow.Schema):
    """Events that are safely in the caller's inbox."""

    ids = fields.List(fields.UUID(), required=True, validate=validate.Length(1, deliveries.ACKNOWLEDGE_LIMIT))


class AgainSchema(marshmallow.Schema):
    """The time since when the caller's database lacks events."""

    since = fields.AwareDateTime(required=True)


@blueprint.route("", methods=["GET"])
@blueprint.arguments(PullArguments, location="query")
@blueprint.response(200)
@requires("events:read")
@query
def pull(session: Session, arguments: dict[str, Any]) -> Ready:
    """The events the caller has not acknowledged within the grace period, oldest first."""
    return Ready({"deliveries": deliveries.pending_for(session, _subscriber(session), **arguments)})


@blueprint.route("/ack", methods=["POST"])
@blueprint.arguments(AcknowledgementSchema)
@blueprint.response(200)
@requires("events:read")
@command
def acknowledge(session: Session, acknowledgement: dict[str, Any]) -> Ready:
    """Acknowledge events, so that they are not delivered again."""
    each_alone(session)
    noted = deliveries.acknowledge(session, _subscriber(session), acknowledgement["ids"])
    return Ready({"acknowledged": noted})


@blueprint.route("/log", methods=["GET"])
@blueprint.arguments(LogArguments, location="query")
@blueprint.response(200)
@requires("events:read")
@query
def log(session: Session, arguments: dict[str, Any]) -> Ready:
    """All deliveries ever made to the caller, in order, for comparison with its inbox."""
    return Ready({"deliveries": operations.delivery_log(session, _subscriber(session), **arguments)})


@blueprint.route("/heard", methods=["GET"])
@blueprint.arguments(HeardArguments, location="query")
@blueprint.response(200)
@requires("events:read")
@query
def heard(session: Session, arguments: dict[str, Any]) -> Ready:
    """The caller's events that this service has received since a time; the caller's database was restored."""
    return Ready(deliveries.heard_from(session, _subscriber(session), **arguments))


@blueprint.route("/again", methods=["POST"])
@blueprint.arguments(AgainSchema)
@blueprint.response(200)
@requires("events:read")
@command
def deliver_again(session: Session, again: dict[str, Any]) -> Ready:
    """Redeliver everything published since a time; the caller's database was restored."""
    return Ready({"deliveries": operations.deliver_again(session, _subscriber(session), again["since"])})


def _subscriber(session: Session) -> str:
    subscriber = actor_of(session).subscriber
    if subscriber is None:
        raise Problem(403, "the token names no subscriber")
    return subscriber
