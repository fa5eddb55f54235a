"""What the OpenAPI document says of each schema, property and parameter.

What a schema says of its own field stands. What many schemas mean by the same name is in a glossary, once;
and so is what the words of an enum mean, which is added wherever the enum appears. A schema is described by
its docstring. tests/contract/test_openapi.py holds the documents to it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import partial
from typing import Any

from apispec.ext.marshmallow import MarshmallowPlugin
from apispec.ext.marshmallow.common import resolve_schema_instance
from apispec.ext.marshmallow.openapi import OpenAPIConverter
from marshmallow import fields, validate

Meanings = Mapping[type[Enum], Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Glossary:
    """What names and enums mean throughout an API."""

    names: Mapping[str, str] = field(default_factory=dict)
    meanings: Meanings = field(default_factory=dict)  # of each word of an enum

    def __or__(self, other: "Glossary") -> "Glossary":
        """Both; of what both have, the other's counts."""
        return Glossary(names={**self.names, **other.names}, meanings={**self.meanings, **other.meanings})

    def description(self, name: str, own: str = "", words: Sequence[Enum] = ()) -> str:
        """What to say of a property or parameter: its field's own words, or the glossary's for its name.

        `words` are the members of an enum that it can be; each is explained.
        """
        said = [own or self.names.get(name, "")]
        meanings = self.meanings.get(type(words[0]), {}) if words else {}
        if told := [f"`{word.value}`: {meanings[word.value]}" for word in words if word.value in meanings]:
            said.append(f"{'; '.join(told)}.")
        if name.endswith("_minor") and said[0] and "minor unit" not in said[0]:
            said.append("In minor units.")
        return " ".join(filter(None, said))

    def describe_parameters(self, document: dict[str, Any]) -> None:
        """Describe the parameters of a document that say nothing of themselves: those of paths.

        A name that means something else behind another part of a path is in the glossary with that part:
        `carriers/{code}`.
        """
        for route, operations in document["paths"].items():
            named = [*operations.get("parameters", ())]
            for operation in operations.values():
                named += operation.get("parameters", ()) if isinstance(operation, dict) else ()
            for parameter in named:
                name = parameter.get("name", "")
                part = route.partition(f"/{{{name}}}")[0].rpartition("/")[2]
                own = self.names.get(f"{part}/{{{name}}}", "")
                if said := self.description(name, own):
                    parameter.setdefault("description", said)


NOTHING_OWN = Glossary()


class Converter(OpenAPIConverter):
    """Turns schemas into OpenAPI, and adds to what they say of themselves."""

    def __init__(self, glossary: Glossary, **options: Any) -> None:
        super().__init__(**options)
        self.glossary = glossary

    def init_attribute_functions(self) -> None:
        """Describe a field right after its own metadata, so that what follows sees it like these."""
        super().init_attribute_functions()  # type: ignore[no-untyped-call]
        at = self.attribute_functions.index(self.metadata2properties) + 1
        self.attribute_functions.insert(at, self.describe)

    def describe(self, each: fields.Field[Any], ret: dict[str, Any]) -> dict[str, str]:
        """The description of a field, and the type of an enum; of a list's items the list says it."""
        typed = {"type": "string"} if isinstance(each, fields.Enum) else {}
        if each.name is None or isinstance(each.parent, fields.List | fields.Dict):
            return typed
        # What has a schema of its own is described there, and no value that a name of the glossary is of.
        name = "" if isinstance(each, fields.Nested) else each.data_key or each.name
        said = self.glossary.description(name, ret.get("description", ""), _words(each))
        if isinstance(each, fields.AwareDateTime) and said and "UTC" not in said:
            said = f"{said} In UTC."
        return typed | ({"description": said} if said else {})

    def schema2jsonschema(self, schema: Any) -> dict[str, Any]:
        """The schema, with its docstring."""
        described: dict[str, Any] = super().schema2jsonschema(schema)  # type: ignore[no-untyped-call]
        document = type(resolve_schema_instance(schema)).__doc__
        return described | ({"description": " ".join(document.split())} if document else {})


def plugin(glossary: Glossary) -> MarshmallowPlugin:
    """The plugin that turns schemas into OpenAPI, described with this glossary."""
    made = MarshmallowPlugin()
    made.Converter = partial(Converter, glossary)  # type: ignore[assignment]
    return made


def _words(each: fields.Field[Any]) -> Sequence[Enum]:
    """The members of an enum that a field, or each item of a list, can be."""
    if isinstance(each, fields.List):
        each = each.inner
    if isinstance(each, fields.Enum):
        return [*each.enum.__members__.values()]
    for validator in each.validators:
        if isinstance(validator, validate.OneOf) and all(isinstance(one, Enum) for one in validator.choices):
            return tuple(validator.choices)
    return ()
