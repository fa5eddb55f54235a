"""Whoever decided on an older version of what they named is stopped."""

import pytest
from sqlalchemy.orm import Session

from shared.access import NOBODY, acting_as, actor_of, require_current
from shared.errors import Stale


@pytest.mark.parametrize(
    "actor",
    [
        NOBODY.expecting(4, "order 1"),
        NOBODY.expecting(None, "order 1"),
        NOBODY.expecting(3, "order 2"),
        NOBODY.expecting(3, "WEST", "COFFEE"),
    ],
)
def test_who_decided_on_the_newest_version_on_any_or_on_another_thing_goes_on(actor):
    session = Session(info={"actor": actor})

    require_current(session, 4, "order 1")
    require_current(session, 4, "WEST", "TEA")


@pytest.mark.parametrize("names", [("order 1",), ("WEST", "TEA")])
def test_who_decided_on_an_old_version_is_stopped(names):
    session = Session(info={"actor": NOBODY.expecting(3, *names)})

    with pytest.raises(Stale) as stopped:
        require_current(session, 4, *names)

    assert stopped.value.current_version == 4


def test_a_session_works_for_another_only_meanwhile():
    session = Session(info={"actor": NOBODY})

    with pytest.raises(Stale), acting_as(session, NOBODY.expecting(3, "order 1")):
        require_current(session, 4, "order 1")

    assert actor_of(session) is NOBODY
