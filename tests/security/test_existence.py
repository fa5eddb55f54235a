"""What is another's and what is not there: the same words for both, after the same work."""

import re

import pytest
from sqlalchemy import event

from tests.security.requests import ask_for
from tests.security.test_access import BEARER, STRANGERS, each

pytestmark = pytest.mark.requirement("V-17")

# What stands for the first seller's things, and is nobody's.
NOBODYS = {"seller": {"quay": "nobody", "QUAY": "NOBODY"}, "market": {"gb": "nowhere"}}
# Whoever knows a customer's id, 122 bits of chance, had it from who keeps the customer.
CHOSEN_BY_CHANCE = {("orders", "PUT /v1/customers/{customer_id}")}
NAMES_SOMETHING = [
    one
    for one in BEARER
    if ask_for(*one[:2]).bounded_by and not ask_for(*one[:2]).everybodys and one[:2] not in CHOSEN_BY_CHANCE
]
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@pytest.fixture
def stranger(world, send):
    """Ask as somebody who sees none of it, for what is there or for what is made up; tell words and work."""

    def asked(service, name, scopes, claim, *, made_up):
        ids = {value: str(made_up_id(value)) for value in world.known.values() if UUID.fullmatch(value)}
        names = ids | NOBODYS[claim]
        change = _replacing(names) if made_up else None
        work = []

        def note(_connection, _cursor, statement, *_rest):
            if "SAVEPOINT" not in statement:
                work.append(statement)

        connection = world.doors[service].connection
        event.listen(connection, "before_cursor_execute", note)
        try:
            outcome = send(service, name, scopes=scopes, made_up=change, **STRANGERS[claim])
        finally:
            event.remove(connection, "before_cursor_execute", note)
        # The request's own number, and the second in which a sheet was made.
        words = re.sub(r'"correlation_id": ?"[^"]*"|<dcterms:\w+[^>]*>[^<]*', "", outcome.text)
        return outcome.status, _replacing(names)(words), work

    return asked


def made_up_id(value):
    return value[:-4] + ("0000" if value[-4:] != "0000" else "1111")


def _replacing(names):
    pattern = re.compile("|".join(rf"\b{re.escape(name)}\b" for name in names))
    return lambda text: pattern.sub(lambda found: names[found[0]], text)


@each(NAMES_SOMETHING)
def test_what_is_anothers_is_told_of_as_what_is_not_there(stranger, service, name, scopes):
    for claim in ask_for(service, name).bounded_by:
        theirs = stranger(service, name, scopes, claim, made_up=False)
        nobodys = stranger(service, name, scopes, claim, made_up=True)

        assert theirs[:2] == nobodys[:2], claim
        assert theirs[2] == nobodys[2], (claim, len(theirs[2]), len(nobodys[2]))


@pytest.mark.parametrize("code", ["QUAY-1", "FREE-1", "quay.1", "dock"])
def test_no_code_of_a_location_is_found_out_by_taking_it(world, code):
    """The first is another seller's, the others nobody's."""
    body = {"name": "Here", "country": "GB", "seller": "dock"}
    token = world.keys.token("mallory", scopes=["stock:write"], sellers=["dock"])

    refused, _ = world.doors["shipping"].try_out("PUT", f"/v1/locations/{code}", token=token, json=body)

    assert refused.status_code == 422
    assert refused.json["errors"] == [{"field": "code", "reason": "must begin with dock. for a new location"}]


def test_a_seller_makes_locations_under_its_own_name_and_changes_all_it_has(world):
    body = {"name": "Here", "country": "GB", "seller": "dock"}
    token = world.keys.token("ada", scopes=["stock:write"], sellers=["dock"])

    made, _ = world.doors["shipping"].try_out("PUT", "/v1/locations/dock.new", token=token, json=body)
    changed, _ = world.doors["shipping"].try_out("PUT", "/v1/locations/DOCK-1", token=token, json=body)

    assert (made.status_code, changed.status_code) == (201, 200)


def test_a_foreign_draft_is_as_little_there_as_none(world):
    door, body = world.doors["orders"], {"to": "Abandoned"}
    token = world.keys.token("mallory", scopes=["orders:write", "orders:accept"], sellers=["dock"])
    draft_id = world.known["draft_id"]

    answers = [
        door.try_out("POST", f"/v1/orders/{one}/lifecycle", token=token, json=body)[0].json["detail"]
        for one in (draft_id, made_up_id(draft_id))
    ]

    assert answers == [f"there is no order {draft_id}", f"there is no order {made_up_id(draft_id)}"]


def test_nobody_waits_at_a_lock_of_what_is_anothers(world):
    """A stranger's command ends before any lock: neither can it find out by waiting, nor hold others up."""
    known, took = world.known, []

    def note(_connection, _cursor, statement, *_rest):
        if "INSERT INTO subjects" in statement or "FOR UPDATE" in statement:
            took.append(statement)

    for service, path, body in (
        ("orders", f"/v1/orders/{known['order_id']}/cancel", {"reason": "x"}),
        ("orders", f"/v1/drafts/{known['draft_id']}/place", {}),
        ("shipping", f"/v1/shipments/{known['shipment_id']}/release", None),
        ("shipping", f"/v1/orders/{known['order_id']}/shipments", {"lines": None}),
        ("documents", f"/v1/orders/{known['order_id']}/invoice", None),
        ("documents", f"/v1/orders/{known['order_id']}/documents", {"kind": "order_printout"}),
        ("notifications", f"/v1/orders/{known['order_id']}/messages", {"text": "x"}),
    ):
        door = world.doors[service]
        token = world.keys.token("mallory", scopes=world.scopes, sellers=["dock"])
        event.listen(door.connection, "before_cursor_execute", note)
        answer, _ = door.try_out("POST", path, token=token, json=body)
        event.remove(door.connection, "before_cursor_execute", note)
        assert answer.status_code == 404, path

    assert took == []
