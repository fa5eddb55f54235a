"""Who acts, and what they may see."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

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
    "picker": frozenset(
        {"catalogue:read", "orders:read", "shipping:read", "shipping:write", "stock:read", "labels:read"}
    ),
    "stock_keeper": frozenset(
        {"catalogue:read", "orders:read", "shipping:read", "stock:read", "stock:write"}
    ),
    "customer_service": _CUSTOMER_SERVICE,
    "seller_staff": _CUSTOMER_SERVICE
    | {"orders:accept", "prices:write", "exports:read", "documents:issue", "shipping:write"},
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
        }
    ),
    # Bound to no seller and no market.
    "administrator": frozenset({"admin", "catalogue:read", "orders:read", "customers:read", "shipping:read"}),
}


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person or service as its token describes it; a missing claim is nothing, `*` is all."""

    name: str
    issuer: str = ""  # who vouches for the name: two of them may use the same one
    scopes: frozenset[str] = frozenset()
    sellers: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    subscriber: str | None = None

    def may_see(self, seller: str, market: str) -> bool:
        """Whether a thing of this seller in this market exists for the actor."""
        return self.may_see_seller(seller) and self.may_see_market(market)

    def may_see_any(self, seller: str, markets: Iterable[str]) -> bool:
        """Whether a thing that a seller has in all of these markets exists for the actor: in any of them."""
        return self.may_see_seller(seller) and (
            EVERYTHING in self.markets or not self.markets.isdisjoint(markets)
        )

    def may_see_seller(self, seller: str) -> bool:
        """Whether the seller's things exist for the actor."""
        return EVERYTHING in self.sellers or seller in self.sellers

    def may_see_market(self, market: str) -> bool:
        """Whether the market's things exist for the actor."""
        return EVERYTHING in self.markets or market in self.markets

    @property
    def reach(self) -> dict[str, list[str]]:
        """All that opens anything to the actor, as it can be kept."""
        return {
            "scopes": sorted(self.scopes),
            "sellers": sorted(self.sellers),
            "markets": sorted(self.markets),
        }

    def reaches(self, reach: Mapping[str, Sequence[str]]) -> bool:
        """Whether nothing is out of reach now that was within it, when it was kept."""
        return (
            self.scopes.issuperset(reach["scopes"])
            and (EVERYTHING in self.sellers or self.sellers.issuperset(reach["sellers"]))
            and (EVERYTHING in self.markets or self.markets.issuperset(reach["markets"]))
        )


NOBODY = Actor(name="anonymous")


def system(name: str) -> Actor:
    """A service acting by itself, for nobody."""
    everything = frozenset({EVERYTHING})
    return Actor(name=name, sellers=everything, markets=everything)


def actor_of(session: Session) -> Actor:
    """Who the session works for; whoever opened it has said so."""
    actor: Actor = session.info["actor"]
    return actor
