"""The order's page of the console offers all that the APIs do to one order and what belongs to it."""

import json
import re
from pathlib import Path

import pytest

from deploy.local.databases import SERVICES
from services.console.forms.order_acts import (
    ORDER_ACTS,
    PART_ACTS,
    RETURN_DECISIONS,
    SHIP_UNASSIGNED,
    SHIPMENT_ACTS,
)
from services.orders.domain import order_status, return_status
from services.shipping.domain import shipment_status

ROOT = Path(__file__).parents[2]
CONSOLE = ROOT / "services" / "console"
PAGES = ("order.py", "edit.py")
# What an address names that belongs to one order.
PARTS = (
    *("order", "shipment", "parcel", "payment", "refund", "discrepancy", "return", "hold", "document"),
    "email",
)
NOT_FOR_STAFF = ("/v1/customer/", "/v1/gateway/")  # what customers and the payment service call
ELSEWHERE = {
    "orders.lifecycle_set_lifecycle": "another system's words for accepting, refusing and cancelling",
    "shipping.picking_record_picks": "is counted at the shelf, from a pick list",
    "shipping.picking_scan": "is done with a scanner where goods are packed",
    "shipping.picking_take_back_scan": "is done where goods are packed",
    "shipping.picking_pack_into_parcels": "is done where goods are packed, weighed and measured",
}


def operations():
    """Whatever changes one order, or one thing that belongs to one."""
    for service in SERVICES:
        document = json.loads((ROOT / "docs" / "openapi" / f"{service}.json").read_text("utf-8"))
        for path, methods in document["paths"].items():
            named = any(f"{{{part}_id}}" in path for part in PARTS)
            if named and not path.startswith(NOT_FOR_STAFF):
                for method in methods.keys() & {"put", "post", "delete", "patch"}:
                    yield f"{service}.{methods[method]['operationId']}"


def offered():
    """The operations that the order's pages call."""
    acts = (*ORDER_ACTS, *PART_ACTS, *SHIPMENT_ACTS, SHIP_UNASSIGNED)
    named = {act.operation for act in acts} | {operation for operation, _ in RETURN_DECISIONS.values()}
    for file in PAGES:
        text = (CONSOLE / "pages" / file).read_text("utf-8")
        named |= set(re.findall(rf'"((?:{"|".join(SERVICES)})\.[a-z_]+)"', text))
    return named


@pytest.mark.requirement("C-18")
def test_the_orders_page_offers_all_that_is_done_to_an_order_or_it_is_said_where_that_is_done():
    wanted = set(operations())

    assert len(wanted) > 50
    assert wanted - offered() == set(ELSEWHERE)


def test_what_is_done_at_the_shelf_and_the_packing_table_is_offered_in_the_warehouse():
    pages = "".join(
        (CONSOLE / "pages" / file).read_text("utf-8") for file in ("picking.py", "packing.py", "warehouse.py")
    )

    assert [one for one in ELSEWHERE if one.startswith("shipping.") and f'"{one}"' not in pages] == []


@pytest.mark.requirement("C-17", "C-18")
@pytest.mark.parametrize(
    ("acts", "known"),
    [
        (ORDER_ACTS, order_status.ACTIONS),
        (SHIPMENT_ACTS, shipment_status.ACTIONS),
        (PART_ACTS, order_status.ACTIONS + return_status.ACTIONS),
    ],
)
def test_whether_an_act_is_possible_is_asked_by_a_word_that_the_answers_have(acts, known):
    assert [act.name for act in acts if act.action and act.action not in known] == []


def test_every_form_of_the_orders_page_has_its_place_on_it():
    templates = "".join(file.read_text("utf-8") for file in (CONSOLE / "templates").rglob("*.html"))
    page = (CONSOLE / "pages" / "order.py").read_text("utf-8")
    routes = re.findall(r'@blueprint\.post\("([^\n]+)"\)\ndef (\w+)', page)

    assert len(routes) > 12
    for path, view in routes:
        assert f"'order.{view}'" in templates, view
        for names in re.findall(r"<any\(([^)]+)\):", path):
            for name in names.replace("'", "").split(", "):
                assert f"'{name}'" in templates or name in RETURN_DECISIONS, f"{view}: {name}"
    for act in PART_ACTS:
        assert f"act={act.name}-" in templates or f"'{act.name}'" in templates, act.name
