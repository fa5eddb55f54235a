"""The committed OpenAPI documents are what the services serve: a change of the API shows in its diff."""

import json

import pytest

from deploy.local.databases import SERVICES
from tests.contract import openapi


@pytest.mark.parametrize("service", SERVICES)
def test_the_committed_document_is_the_one_that_is_served(service):
    committed = json.loads(openapi.path(service).read_text())

    assert openapi.document(service) == committed, "write it anew: python -m tests.contract.openapi"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_it_does_and_who_may(service):
    for route, operations in openapi.document(service)["paths"].items():
        for method, operation in operations.items():
            if method in {"get", "put", "post", "delete", "patch"}:
                assert operation.get("summary"), f"{method} {route} has no summary"
                assert operation["security"], f"{method} {route} says nothing of who may"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_name_of_its_own_that_programs_can_call_it_by(service):
    names = [
        operation.get("operationId")
        for operations in openapi.document(service)["paths"].values()
        for method, operation in operations.items()
        if method in {"get", "put", "post", "delete", "patch"}
    ]

    assert len(set(names)) == len(names)
    assert all(name and name.isidentifier() for name in names)
