"""What the OpenAPI document says of a field: its own words, or the glossary's for its name."""

from enum import StrEnum

import pytest
from apispec import APISpec
from marshmallow import Schema, fields, validate

from shared.web.descriptions import Glossary, plugin


class Size(StrEnum):
    """How large something is."""

    SMALL = "small"
    LARGE = "large"


class PartSchema(Schema):
    """A part."""


class ThingSchema(Schema):
    """A thing,
    told on two lines.
    """

    code = fields.String()
    name = fields.String(metadata={"description": "Of the thing."})
    part = fields.Nested(PartSchema)
    size = fields.Enum(Size, by_value=True, metadata={"description": "How large."})
    sizes = fields.List(fields.Enum(Size, by_value=True))
    only = fields.String(validate=validate.OneOf([Size.LARGE]))
    price_minor = fields.Integer(metadata={"description": "What it costs."})
    total_minor = fields.Integer(metadata={"description": "In minor units of yen."})
    made_at = fields.AwareDateTime(metadata={"description": "When it was made."})
    unknown_at = fields.AwareDateTime()


GLOSSARY = Glossary(
    names={
        "code": "Code of it.",
        "name": "Name of it.",
        "part": "Number of the part.",
        "things/{code}": "Its.",
    },
    meanings={Size: {"small": "fits in a hand", "large": "does not"}},
)


@pytest.fixture(scope="module")
def schemas():
    """The document's schemas."""
    spec = APISpec("Things", "v1", "3.1.0", plugins=[plugin(GLOSSARY)])
    spec.components.schema("Thing", schema=ThingSchema)
    return spec.to_dict()["components"]["schemas"]


def test_a_schema_is_described_by_its_docstring(schemas):
    assert schemas["Thing"]["description"] == "A thing, told on two lines."


@pytest.mark.parametrize(
    ("name", "description"),
    [
        ("code", "Code of it."),
        ("name", "Of the thing."),
        ("part", None),  # its own schema says what it is, not the value that has its name elsewhere
        ("size", "How large. `small`: fits in a hand; `large`: does not."),
        ("sizes", "`small`: fits in a hand; `large`: does not."),
        ("only", "`large`: does not."),
        ("price_minor", "What it costs. In minor units."),
        ("total_minor", "In minor units of yen."),
        ("made_at", "When it was made. In UTC."),
        ("unknown_at", None),
    ],
)
def test_a_field_says_what_it_is_or_the_glossary_does(schemas, name, description):
    assert schemas["Thing"]["properties"][name].get("description") == description


def test_an_enum_has_a_type(schemas):
    assert schemas["Thing"]["properties"]["size"]["type"] == "string"
    assert schemas["Thing"]["properties"]["sizes"]["items"] == {"type": "string", "enum": ["small", "large"]}


def test_a_parameter_of_a_path_is_described_by_what_stands_before_it():
    def parameters(route):
        document = {"paths": {route: {"parameters": [{"name": "code"}], "get": {}}}}
        GLOSSARY.describe_parameters(document)
        return document["paths"][route]["parameters"]

    assert parameters("/v1/things/{code}") == [{"name": "code", "description": "Its."}]
    assert parameters("/v1/others/{code}") == [{"name": "code", "description": "Code of it."}]


def test_of_two_glossaries_the_second_counts():
    both = GLOSSARY | Glossary(names={"code": "Another."})

    assert both.description("code") == "Another."
    assert both.description("name") == "Name of it."
