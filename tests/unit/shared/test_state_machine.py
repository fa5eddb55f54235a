"""A life is its table: what is not in it is refused, with the status that it was refused for."""

from enum import StrEnum

import pytest

from shared.errors import Refused
from shared.state_machine import StateMachine, refuse


class Kettle(StrEnum):
    COLD = "cold"
    HOT = "hot"


LIFE = StateMachine("kettle", {("heat", Kettle.COLD): Kettle.HOT})


def test_a_move_leads_where_the_table_says():
    assert LIFE.may("heat", Kettle.COLD)
    assert LIFE.status_refusal("heat", Kettle.COLD) is None
    assert LIFE.status_after("heat", Kettle.COLD) is Kettle.HOT


def test_any_other_move_is_refused_with_the_status_it_was_refused_for():
    with pytest.raises(Refused, match="heat is not possible while the kettle is hot") as refused:
        LIFE.status_after("heat", Kettle.HOT)

    assert (refused.value.reason, refused.value.facts) == ("wrong_status", {"kettle_status": "hot"})


def test_a_thing_may_have_words_of_its_own_for_a_wrong_status():
    life = StateMachine("kettle", LIFE.transitions, lambda action, status: f"too_{status}_to_{action}")

    with pytest.raises(Refused, match="too_hot_to_heat"):
        life.status_after("heat", Kettle.HOT)


def test_whoever_refuses_may_add_what_they_know():
    with pytest.raises(Refused) as refused:
        refuse(LIFE.wrong_status("heat", Kettle.HOT), kitchen="upstairs")

    assert refused.value.facts == {"kettle_status": "hot", "kitchen": "upstairs"}
    refuse(None, kitchen="upstairs")
