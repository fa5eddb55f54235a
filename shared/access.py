"""Who is acting, what they may see, and which version of a resource they acted on."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from shared.errors import NotFound, Stale

T = TypeVar("T")
S = TypeVar("S", bound=Select[*tuple[Any, ...]])

EVERYTHING = "*"

# What people and programs are to do, and the scopes for that and no more; who does more has several.
# The issuer of tokens hands roles out; docs/security.md has the same table, for people.
_CUSTOMER_SERVICE = frozenset(
    {
        "catalogue:read",
        "orders:read",
        "orders:write",
        "customers:read",
        "customers:write",
        "notes:read",
        "shipping:read",
        "stock:read",
        "documents:read",
        "notifications:read",
        "notifications:write",
    }
)
ROLES: Mapping[str, frozenset[str]] = {
    "picker": frozenset({"catalogue:read", "shipping:read", "shipping:write", "stock:read", "labels:read"}),
    "stock_keeper": frozenset({"catalogue:read", "shipping:read", "stock:read", "stock:write"}),
    "customer_service": _CUSTOMER_SERVICE,
    "seller_staff": _CUSTOMER_SERVICE
    | {"orders:accept", "prices:write", "exports:read", "documents:issue", "shipping:write", "views:share"},
    "accounts": frozenset(
        {
            "catalogue:read",
            "orders:read",
            "exports:read",
            "statements:read",
            "payments:record",
            "refunds:issue",
            "documents:read",
            "documents:issue",
        }
    ),
    "shop": frozenset(
        {
            "catalogue:read",
            "orders:read",
            "orders:write",
            "prices:write",
            "customers:read",
            "customers:write",
            "stock:read",
            "events:read",
        }
    ),
    "integrator": frozenset({"events:read", "events:read_people", "webhooks:read", "webhooks:write"}),
    # Bound to no seller and no market.
    "administrator": frozenset({"admin", "catalogue:read", "customers:read", "shipping:read"}),
}


@dataclass(frozen=True, kw_only=True)
class Expected:
    """The version of a resource that the caller acted on (If-Match), and the names that identify it."""

    version: int
    names: frozenset[str]


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person or service as described by its token; a missing claim grants nothing, `*` everything."""

    name: str
    issuer: str = ""  # who vouches for the name: two of them may use the same one
    scopes: frozenset[str] = frozenset()
    sellers: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    subscriber: str | None = None
    expected: Expected | None = None

    def may_see(self, seller: str, market: str) -> bool:
        """Whether the actor may see things of this seller in this market."""
        return self.may_see_seller(seller) and self.may_see_market(market)

    def may_see_any(self, seller: str, markets: Iterable[str]) -> bool:
        """Whether the actor may see something that a seller has in several markets: one of them is enough."""
        return self.may_see_seller(seller) and (
            EVERYTHING in self.markets or not self.markets.isdisjoint(markets)
        )

    def may_see_seller(self, seller: str) -> bool:
        """Whether the actor may see this seller's things."""
        return EVERYTHING in self.sellers or seller in self.sellers

    def may_see_market(self, market: str) -> bool:
        """Whether the actor may see this market's things."""
        return EVERYTHING in self.markets or market in self.markets

    @property
    def sees_everything(self) -> bool:
        """Whether the actor is restricted to neither sellers nor markets."""
        return EVERYTHING in self.sellers and EVERYTHING in self.markets

    @property
    def reach(self) -> dict[str, list[str]]:
        """The actor's scopes, sellers and markets in a form that can be stored."""
        return {
            "scopes": sorted(self.scopes),
            "sellers": sorted(self.sellers),
            "markets": sorted(self.markets),
        }

    def reaches(self, reach: Mapping[str, Sequence[str]]) -> bool:
        """Whether the actor still has all the access recorded in `reach`."""
        return (
            self.scopes.issuperset(reach["scopes"])
            and (EVERYTHING in self.sellers or self.sellers.issuperset(reach["sellers"]))
            and (EVERYTHING in self.markets or self.markets.issuperset(reach["markets"]))
        )

    def expecting(self, version: int | None, *names: object) -> "Actor":
        """The same actor, acting on this version of the resource with these names, or on any version."""
        expected = None if version is None else Expected(version=version, names=frozenset(map(str, names)))
        return replace(self, expected=expected)


NOBODY = Actor(name="anonymous")


def system(name: str) -> Actor:
    """A service acting on its own behalf."""
    everything = frozenset({EVERYTHING})
    return Actor(name=name, sellers=everything, markets=everything)


def actor_of(session: Session) -> Actor:
    """The actor that a session works for, as set by whoever opened it."""
    actor: Actor = session.info["actor"]
    return actor


@contextmanager
def acting_as(session: Session, actor: Actor) -> Iterator[None]:
    """Run a block with the session acting as another actor."""
    before = actor_of(session)
    session.info["actor"] = actor
    try:
        yield
    finally:
        session.info["actor"] = before


def require_current(session: Session, version: int, *names: object) -> None:
    """Raise Stale if the actor acted on another version of the resource with these names."""
    expected = actor_of(session).expected
    if expected is not None and expected.names.issuperset(map(str, names)) and expected.version != version:
        raise Stale(version)


def visible(session: Session, rows: S, seller: Any = None, market: Any = None) -> S:
    """Restrict a query to rows the actor may see, given the columns for seller and market."""
    actor = actor_of(session)
    if seller is not None and EVERYTHING not in actor.sellers:
        rows = rows.where(one_of(seller, actor.sellers))
    if market is not None and EVERYTHING not in actor.markets:
        rows = rows.where(one_of(market, actor.markets))
    return rows


def seen(session: Session, rows: Select[T], kind: str, identity: object, *whose: Any) -> T:
    """The one row of a query that the actor may see, by seller and market, fresh from the database.

    Raises NotFound.

    The database is asked for what may be seen: what is another's and what is not there is the same to it,
    and takes the same time.
    """
    found: T = seen_row(session, rows, kind, identity, *whose)[0]
    return found


def seen_row(
    session: Session, rows: Select[*tuple[Any, ...]], kind: str, identity: object, *whose: Any
) -> Any:
    """Like `seen`, but returns the whole result row, with anything else that is selected."""
    rows = visible(session, rows, *whose).execution_options(populate_existing=True)
    found = session.execute(rows).unique().one_or_none()
    if found is None:
        raise NotFound(kind, identity)
    return found


def one_of(column: InstrumentedAttribute[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column has one of these values; for a single value the index returns rows in order."""
    values = sorted(values)
    return column == values[0] if len(values) == 1 else column.in_(values)
