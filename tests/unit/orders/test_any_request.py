"""Every operation of the API, asked for with whatever its description allows, and much that it does not."""

import json
from pathlib import Path

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings

OPENAPI = json.loads((Path(__file__).parents[3] / "docs" / "openapi" / "orders.json").read_text())
METHODS = ("get", "post", "put", "patch", "delete")
OPERATIONS = [
    (method.upper(), path) for path, item in OPENAPI["paths"].items() for method in METHODS if method in item
]


@pytest.fixture(scope="module")
def described(app):
    """The API as it describes itself, to be called without a network."""
    return schemathesis.openapi.from_wsgi("/openapi.json", app)


@pytest.mark.usefixtures("client")  # it has the application work in this test's transaction
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_no_request_makes_the_service_stumble(described, bearer, place_order, method, path):
    order = place_order()
    known = {
        "order_id": str(order.id),
        "customer_id": str(order.customer_id),
        "line_id": str(order.lines[0].id),
        "seller": order.seller_code,
        "market": order.market_code,
        "sku": order.lines[0].sku,
    }
    headers = bearer()

    @settings(
        max_examples=6,
        database=None,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    @given(case=described[path][method].as_strategy())
    def ask(case):
        case.path_parameters.update({name: known[name] for name in case.path_parameters if name in known})
        answer = case.call(headers=headers)
        assert answer.status_code < 500, answer.text

    ask()
