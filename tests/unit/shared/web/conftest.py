"""A small service of things, with every kind of route, on a real database."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import jwt
import marshmallow
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from flask import Response, current_app
from jwt.algorithms import OKPAlgorithm
from marshmallow import fields, validate
from sqlalchemy import MetaData, create_engine, delete, select, text
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, sessionmaker

from shared.access import actor_of, require_current
from shared.db import UtcDateTime, locked
from shared.errors import NotFound, Refused
from shared.events.routes import SUBSCRIBERS
from shared.messaging.service import Messaging
from shared.settings import ServiceSettings
from shared.web.app import make_app
from shared.web.auth import public, requires
from shared.web.blueprint import Blueprint
from shared.web.commands import Ready, command, query
from shared.web.customer_link import customer
from shared.web.paging import PageArguments, decode_cursor, encode_cursor, page_schema
from shared.web.tables import idempotency_keys
from tests.waiting import until

LINK_KEYS = ("newest-key", "previous-key")


class Base(DeclarativeBase):
    metadata = MetaData(schema="sample")  # beside the service's own tables


class Thing(Base):
    __tablename__ = "things"
    id: Mapped[UUID] = mapped_column(primary_key=True, default=uuid4)
    name: Mapped[str]
    size: Mapped[int]
    owner: Mapped[str]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime)
    version: Mapped[int] = mapped_column()
    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012 - as SQLAlchemy declares it


class PartSchema(marshmallow.Schema):
    name = fields.String(required=True)
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, 100))


class ThingSchema(marshmallow.Schema):
    id = fields.UUID(dump_only=True)
    name = fields.String(required=True, validate=validate.Length(1, 50))
    size = fields.Integer(load_default=1, strict=True)
    parts = fields.List(fields.Nested(PartSchema), load_only=True, load_default=list)
    owner = fields.String(dump_only=True)
    version = fields.Integer(dump_only=True)


class GrownSchema(marshmallow.Schema):
    size = fields.Integer()
    version = fields.Integer()


blueprint = Blueprint("things", __name__, url_prefix="/v1/things")


@blueprint.route("", methods=["POST"])
@blueprint.arguments(ThingSchema)
@blueprint.response(201, ThingSchema)
@requires("things:write")
@command
def make_thing(session: Session, thing: dict[str, Any]) -> tuple[Thing, dict[str, str]]:
    """Make a thing.

    It belongs to the caller.
    """
    made = Thing(
        name=thing["name"], size=thing["size"], owner=actor_of(session).name, made_at=datetime.now(UTC)
    )
    session.add(made)
    session.flush()
    if made.name == "refused":
        raise Refused("wrong_name", "things are not called that", allowed=["thing"], status="new")
    return made, {"Location": f"/v1/things/{made.id}"}


class ThingArguments(PageArguments):
    owner = fields.String()


@blueprint.route("", methods=["GET"])
@blueprint.arguments(ThingArguments, location="query")
@blueprint.response(200, page_schema(ThingSchema))
@requires("things:read")
@query
def list_things(session: Session, arguments: dict[str, Any]) -> dict[str, Any]:
    """Things by name."""
    page = select(Thing).order_by(Thing.name, Thing.id).limit(arguments["limit"])
    if "cursor" in arguments:
        name, thing_id = decode_cursor(arguments["cursor"], str, UUID)
        page = page.where((Thing.name > name) | ((Thing.name == name) & (Thing.id > thing_id)))
    things = list(session.scalars(page))
    more = len(things) == arguments["limit"]
    return {"items": things, "next": encode_cursor(things[-1].name, things[-1].id) if more else None}


@blueprint.route("/<uuid:thing_id>", methods=["GET"])
@blueprint.response(200, ThingSchema)
@requires("things:read")
@query
def show_thing(session: Session, thing_id: UUID) -> Thing:
    """One thing."""
    thing = session.get(Thing, thing_id)
    if thing is None:
        raise NotFound("thing", thing_id)
    return thing


@blueprint.route("/<uuid:thing_id>/grow", methods=["POST"])
@blueprint.response(200, GrownSchema)
@requires("things:write")
@command
def grow_thing(session: Session, thing_id: UUID) -> Thing:
    """Make a thing larger."""
    thing = locked(session, Thing, thing_id)
    require_current(session, thing.version, thing_id)
    thing.size += 1
    return thing


@blueprint.route("/contend", methods=["POST"])
@blueprint.response(200)
@requires("things:write")
@command
def contend(session: Session) -> dict[str, int]:
    """Be the victim of a deadlock at the first try; a sequence remembers, for it is not rolled back."""
    tries = session.scalar(text("select nextval('sample.tries')"))
    if tries == 1:
        session.execute(text("do $$ begin raise exception 'deadlock' using errcode = '40P01'; end $$"))
    return {"tries": tries}


@blueprint.route("/<uuid:thing_id>/twice", methods=["GET"])
@blueprint.response(200, ThingSchema(many=True))
@requires("things:read")
@query
def show_thing_twice(session: Session, thing_id: UUID) -> list[Thing]:
    """One thing, read twice, while others change it."""
    found = []
    for _ in range(2):
        thing = session.get_one(Thing, thing_id)
        found.append(thing)
        session.expunge(thing)
        current_app.extensions["meanwhile"]()
    return found


@blueprint.route("/ready", methods=["GET"])
@blueprint.response(200, ThingSchema)
@requires("things:read")
@query
def ready_thing(session: Session) -> Ready:
    """A thing that needs no dumping."""
    return Ready({"name": "ready"}, version=7)


@blueprint.route("/sneak", methods=["GET"])
@blueprint.response(204)
@requires("things:read")
@query
def sneak_thing(session: Session) -> None:
    """A query that should be a command."""
    session.execute(text("delete from sample.things"))


@blueprint.route("/fail", methods=["GET"])
@blueprint.response(204)
@public
@query
def fail(session: Session) -> None:
    """A fault of the program."""
    raise RuntimeError("secret internals")


@blueprint.route("/text", methods=["POST"])
@blueprint.response(200, content_type="text/plain")
@requires("things:write")
@command
def write_text(session: Session) -> Response:
    """An answer of its own making."""
    return Response("plain words", mimetype="text/plain")


@blueprint.route("/customer", methods=["GET"])
@blueprint.arguments(ThingArguments, location="query")
@blueprint.response(200)
@customer
@query
def customer_order(session: Session, arguments: dict[str, Any], order_id: UUID) -> dict[str, str]:
    """What the customer's link opens."""
    return {"order_id": str(order_id), "actor": actor_of(session).name}


class Issuer:
    """Signs tokens, and publishes its public keys in a file, as an OpenID Connect provider would."""

    def __init__(self, file):
        self.file = file
        self.keys = {}
        self.add_key("first")

    def add_key(self, key_id):
        self.keys[key_id] = Ed25519PrivateKey.generate()
        self.publish(*self.keys)

    def publish(self, *key_ids):
        public = [
            OKPAlgorithm.to_jwk(self.keys[key_id].public_key(), as_dict=True) | {"kid": key_id}
            for key_id in key_ids
        ]
        self.file.write_text(json.dumps({"keys": public}))

    def token(self, scope="things:read things:write", *, key_id="first", headers=None, **claims):
        now = datetime.now(UTC)
        known = {
            "iss": "https://issuer.example",
            "sub": "tess",
            "aud": "waybill",
            "iat": now,
            "exp": now + timedelta(hours=1),
            "scope": scope,
        }
        chosen = {name: value for name, value in (known | claims).items() if value is not None}
        return jwt.encode(chosen, self.keys[key_id], "EdDSA", headers={"kid": key_id} | (headers or {}))


@pytest.fixture
def issuer(tmp_path):
    return Issuer(tmp_path / "jwks.json")


@pytest.fixture
def settings(postgres_server, issuer):
    return ServiceSettings(
        database_url=postgres_server.url("orders"),
        broker_url="redis://127.0.0.1:1/0",
        orders_url="http://127.0.0.1:1",
        shipping_url="http://127.0.0.1:1",
        documents_url="http://127.0.0.1:1",
        notifications_url="http://127.0.0.1:1",
        jwks=str(issuer.file),
        token_issuer="https://issuer.example",
        service_token="unused",
        customer_link_keys=LINK_KEYS,
    )


@pytest.fixture(scope="session")
def engine(postgres_server):
    """The database with the sample's tables beside the service's; transactions wait for each other."""
    made = create_engine(postgres_server.url("orders"), connect_args={"options": "-c lock_timeout=60s"})
    with made.begin() as connection:
        connection.execute(text("create schema sample"))
        connection.execute(text("create sequence sample.tries"))
        Base.metadata.create_all(connection)
    yield made
    with made.begin() as connection:
        connection.execute(text("drop schema sample cascade"))
    made.dispose()


@pytest.fixture
def sessions(engine):
    messaging = Messaging("orders", SUBSCRIBERS)
    made = sessionmaker(engine, expire_on_commit=False, info=messaging.session_info())
    yield made
    with made.begin() as session:
        session.execute(delete(Thing))
        session.execute(delete(idempotency_keys))
        session.execute(text("alter sequence sample.tries restart"))


@pytest.fixture
def make_things_app(settings, sessions):
    """The service of things, on other sessions, with other blueprints or settings where a test wants them."""

    def make(sessions=sessions, blueprints=(blueprint,), **changes):
        return make_app(
            service="orders",
            title="Things",
            settings=replace(settings, **changes),
            sessions=sessions,
            messaging=Messaging("orders", SUBSCRIBERS),
            blueprints=blueprints,
        )

    return make


@pytest.fixture
def app(make_things_app):
    return make_things_app()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def thing(sessions):
    """A thing that is there already, of size 1 and version 1."""
    with sessions.begin() as session:
        made = Thing(name="kettle", size=1, owner="tess", made_at=datetime.now(UTC))
        session.add(made)
    return made


@pytest.fixture
def size_of(sessions):
    def size(thing):
        with sessions() as session:
            return session.get(Thing, thing.id).size

    return size


@pytest.fixture
def wait_for_locks(engine):
    """Return when so many of the service's transactions wait for a lock."""

    def wait(count):
        waiting = text(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        with engine.connect() as connection:

            def wait() -> bool:
                connection.rollback()
                return connection.execute(waiting).scalar() == count

            until(wait)

    return wait


@pytest.fixture
def bearer(issuer):
    """The headers of a caller with these scopes and claims."""

    def headers(scope="things:read things:write", **claims):
        return {"Authorization": f"Bearer {issuer.token(scope, **claims)}"}

    return headers
