"""Health, the API's document and its page."""

import re

import pytest
from sqlalchemy import text


def test_a_ready_service_says_how_far_behind_it_is(client):
    answer = client.get("/health/ready")

    assert answer.status_code == 200
    assert answer.json["status"] == "ready"
    assert answer.json["messaging"]["dead_events"] == 0


@pytest.fixture
def older_database(engine):
    with engine.begin() as connection:
        newest = connection.execute(text("select version_num from alembic_version")).scalar()
        connection.execute(text("update alembic_version set version_num = '0001'"))
    yield
    with engine.begin() as connection:
        connection.execute(text("update alembic_version set version_num = :newest"), {"newest": newest})


def test_a_database_behind_the_program_is_not_ready(client, older_database):
    answer = client.get("/health/ready")

    assert answer.status_code == 503
    assert "migrations" in answer.json["reason"]


def test_the_page_and_all_it_needs_come_from_here(client):
    page = client.get("/docs")

    addresses = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    assert addresses
    for address in addresses:
        assert address.startswith("docs/")
        with client.get(f"/{address}") as answer:
            assert answer.status_code == 200
            assert answer.data


@pytest.mark.parametrize("name", ["nothing.js", "..%2f__init__.py", "index.html"])
def test_nothing_else_is_served_beside_it(client, name):
    assert client.get(f"/docs/{name}").status_code == 404


def test_the_document_shows_headers_and_the_customer_s_key(client):
    document = client.get("/openapi.json").json

    parameters = document["paths"]["/v1/things"]["post"]["parameters"]
    assert {"$ref": "#/components/parameters/Idempotency-Key"} in parameters
    assert {"$ref": "#/components/parameters/If-Match"} in parameters
    assert document["components"]["parameters"]["Idempotency-Key"]["schema"]["maxLength"] == 200
    assert document["paths"]["/v1/things/customer"]["get"]["security"] == [{"customer": []}]
    operation = document["paths"]["/v1/things"]["post"]
    assert (operation["summary"], operation["description"]) == ("Make a thing.", "It belongs to the caller.")
