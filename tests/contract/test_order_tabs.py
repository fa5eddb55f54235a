"""The five tabs of an order's page are five readings, each of the service that owns what it shows."""

import json
from pathlib import Path

import pytest

FOLDER = Path(__file__).parents[2] / "docs" / "openapi"
TABS = {
    "Details": ("orders", "/v1/orders/{order_id}"),
    "Shipment": ("shipping", "/v1/orders/{order_id}/shipments"),
    "Messages": ("notifications", "/v1/orders/{order_id}/messages"),
    "History": ("orders", "/v1/orders/{order_id}/history"),
    "Documents": ("documents", "/v1/orders/{order_id}/documents"),
}


@pytest.mark.requirement("S0-05")
@pytest.mark.parametrize("tab", TABS)
def test_each_tab_is_a_reading_of_its_own(tab):
    service, path = TABS[tab]

    document = json.loads((FOLDER / f"{service}.json").read_text())

    assert "get" in document["paths"][path]
