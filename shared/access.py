"""Who acts, and what they may see."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

EVERYTHING = "*"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """A person or service as its token describes it; a missing claim is nothing, `*` is all."""

    name: str
    scopes: frozenset[str] = frozenset()
    sellers: frozenset[str] = frozenset()
    markets: frozenset[str] = frozenset()
    subscriber: str | None = None

    def may_see(self, seller: str, market: str) -> bool:
        """Whether a thing of this seller in this market exists for the actor."""
        return self.may_see_seller(seller) and self.may_see_market(market)

    def may_see_seller(self, seller: str) -> bool:
        """Whether the seller's things exist for the actor."""
        return EVERYTHING in self.sellers or seller in self.sellers

    def may_see_market(self, market: str) -> bool:
        """Whether the market's things exist for the actor."""
        return EVERYTHING in self.markets or market in self.markets


NOBODY = Actor(name="anonymous")


def system(name: str) -> Actor:
    """A service acting by itself, for nobody."""
    everything = frozenset({EVERYTHING})
    return Actor(name=name, sellers=everything, markets=everything)


def actor_of(session: Session) -> Actor:
    """Who the session works for; whoever opened it has said so."""
    actor: Actor = session.info["actor"]
    return actor
