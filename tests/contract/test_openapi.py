"""The committed OpenAPI documents are what the services serve: a change of the API shows in its diff."""

import json
import re
from functools import cache

import pytest

from deploy.local.databases import SERVICES
from tests.contract import openapi

METHODS = {"get", "put", "post", "delete", "patch"}
# What these say is plain to everybody; all other properties are described.
PLAIN = {"name", "company", "city", "text", "description", "title"}
LONGEST_LIST_OF_WORDS = 30  # of an enum whose every word is explained; the types of events are more

_document = cache(openapi.document)


@pytest.mark.parametrize("service", SERVICES)
def test_the_committed_document_is_the_one_that_is_served(service):
    committed = json.loads(openapi.path(service).read_text())

    assert _document(service) == committed, "write it anew: python -m tests.contract.openapi"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_says_what_it_does_and_who_may(service):
    for route, operations in _document(service)["paths"].items():
        for method, operation in operations.items():
            if method in METHODS:
                assert operation.get("summary"), f"{method} {route} has no summary"
                assert operation["security"], f"{method} {route} says nothing of who may"


@pytest.mark.parametrize("service", SERVICES)
def test_every_operation_has_a_name_of_its_own_that_programs_can_call_it_by(service):
    names = [
        operation.get("operationId")
        for operations in _document(service)["paths"].values()
        for method, operation in operations.items()
        if method in METHODS
    ]

    assert len(set(names)) == len(names)
    assert all(name and name.isidentifier() for name in names)


def _schemas(service):
    return _document(service)["components"]["schemas"]


def _properties(service):
    for schema, described in _schemas(service).items():
        for name, said in described.get("properties", {}).items():
            yield f"{schema}.{name}", name, said


def _parameters(service):
    for route, operations in _document(service)["paths"].items():
        for parameter in operations.get("parameters", []):
            yield f"{route} {parameter.get('name')}", parameter
        for method, operation in operations.items():
            if method in METHODS:
                for parameter in operation.get("parameters", []):
                    yield f"{method} {route} {parameter.get('name')}", parameter


def _is_described_elsewhere(said):
    """Whether it is what another schema describes, or a list of such."""
    return "$ref" in said or "$ref" in said.get("items", {})


def _is_nullable(said):
    kinds = said.get("type", [])
    return "null" in kinds if isinstance(kinds, list) else {"type": "null"} in said.get("anyOf", [])


def _words(said):
    """The words that a property, or each item of a list, can be."""
    words = said.get("enum") or said.get("items", {}).get("enum") or said.get("schema", {}).get("enum", [])
    return {word for word in words if word is not None} if len(words) <= LONGEST_LIST_OF_WORDS else set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_tag_and_every_schema_is_described(service):
    undescribed = [tag["name"] for tag in _document(service)["tags"] if not tag.get("description")]
    undescribed += [name for name, schema in _schemas(service).items() if not schema.get("description")]

    assert not undescribed


@pytest.mark.parametrize("service", SERVICES)
def test_every_property_whose_name_is_not_plain_is_described(service):
    assert not [
        place
        for place, name, said in _properties(service)
        if not (said.get("description") or name in PLAIN or _is_described_elsewhere(said))
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_every_parameter_is_described(service):
    assert not [
        place
        for place, parameter in _parameters(service)
        if "$ref" not in parameter and not parameter.get("description")
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_what_may_be_null_says_what_that_means(service):
    assert not [
        place
        for place, _, said in _properties(service)
        if _is_nullable(said) and not re.search(r"\bnull\b", said.get("description", ""), re.IGNORECASE)
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_every_word_of_an_enum_is_explained(service):
    described = [(place, said) for place, _, said in _properties(service)] + [*_parameters(service)]

    assert not [
        (place, unsaid)
        for place, said in described
        if (unsaid := {word for word in _words(said) if word not in said.get("description", "")})
    ]


@pytest.mark.parametrize("service", SERVICES)
def test_amounts_and_times_say_their_unit(service):
    assert not [
        place
        for place, name, said in _properties(service)
        if (name.endswith("_minor") and "minor unit" not in said["description"])
        or (said.get("format") == "date-time" and "UTC" not in said["description"])
    ]
