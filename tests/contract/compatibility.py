"""What of one OpenAPI document a client of an older one would stumble over."""

from collections.abc import Iterator
from typing import Any

METHODS = ("get", "put", "post", "delete", "patch")
# A bound, and whether it may only rise (of what is taken).
BOUNDS = {
    "maxLength": True,
    "maxItems": True,
    "maxProperties": True,
    "maximum": True,
    "exclusiveMaximum": True,
    "minLength": False,
    "minItems": False,
    "minProperties": False,
    "minimum": False,
    "exclusiveMinimum": False,
}
Document = dict[str, Any]


def breaches(before: Document, now: Document) -> Iterator[str]:
    """Each operation, field or word that is gone, narrower, or newly demanded; by where it stands."""
    for path, operations in before["paths"].items():
        for method in METHODS:
            if (known := operations.get(method)) is None:
                continue
            place = f"{method.upper()} {path}"
            offered = now["paths"].get(path, {}).get(method)
            if offered is None:
                yield f"{place} is gone"
                continue
            shared = [each["paths"].get(path, {}).get("parameters", []) for each in (before, now)]
            yield from _operation(place, (known, shared[0], before), (offered, shared[1], now))


def _operation(place: str, before: Any, now: Any) -> Iterator[str]:
    (known, known_shared, known_document), (offered, offered_shared, document) = before, now
    if known.get("operationId") != offered.get("operationId"):
        yield f"{place} is called {offered.get('operationId')}"
    if known.get("security") != offered.get("security"):
        yield f"{place} is opened by {offered.get('security')}"
    asked = _parameters(known_document, [*known_shared, *known.get("parameters", [])])
    taken = _parameters(document, [*offered_shared, *offered.get("parameters", [])])
    for name, parameter in asked.items():
        if name not in taken:
            yield f"{place} takes no {name}"
        else:
            schemas = (known_document, parameter["schema"]), (document, taken[name]["schema"])
            yield from _taken(f"{place} {name}", *schemas)
    for name, parameter in taken.items():
        if parameter.get("required") and not asked.get(name, {}).get("required"):
            yield f"{place} demands {name}"
    yield from _bodies(place, (known_document, known), (document, offered))
    for status, answer in known.get("responses", {}).items():
        if status.startswith("2"):
            if status not in offered["responses"]:
                yield f"{place} answers no {status}"
            else:
                yield from _contents(
                    f"{place} {status}",
                    (known_document, answer),
                    (document, offered["responses"][status]),
                    compare=_answered,
                )


def _parameters(document: Document, listed: list[Any]) -> dict[str, Any]:
    resolved = (_resolved(document, parameter) for parameter in listed)
    return {f"{each['in']} {each['name']}": each for each in resolved}


def _bodies(place: str, before: Any, now: Any) -> Iterator[str]:
    (known_document, known), (document, offered) = before, now
    sent, taken = known.get("requestBody"), offered.get("requestBody")
    if taken and taken.get("required") and not (sent and sent.get("required")):
        yield f"{place} demands a body"
    if sent and not taken:
        yield f"{place} takes no body"
    elif sent:
        yield from _contents(f"{place} body", (known_document, sent), (document, taken), compare=_taken)


def _contents(place: str, before: Any, now: Any, *, compare: Any) -> Iterator[str]:
    known, offered = (_resolved(*each).get("content", {}) for each in (before, now))
    for kind, content in known.items():
        if kind not in offered:
            yield f"{place} is not of {kind}"
        elif "schema" in content:
            yield from compare(
                place, (before[0], content["schema"]), (now[0], offered[kind].get("schema", {}))
            )


def _resolved(document: Document, thing: Any) -> Any:
    while "$ref" in thing:
        found: Any = document
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found | {name: value for name, value in thing.items() if name != "$ref"}
    return thing


_TYPES = {str: "string", int: "integer", bool: "boolean", type(None): "null"}


def _types(schema: Any) -> set[str]:
    told = schema.get("type", [])
    if not told and "enum" in schema:  # its words say it
        told = [_TYPES[type(word)] for word in schema["enum"]]
    return {*([told] if isinstance(told, str) else told), *(["null"] if schema.get("nullable") else [])}


def _taken(place: str, before: Any, now: Any, seen: tuple[Any, ...] = ()) -> Iterator[str]:
    """What was taken and is no more."""
    (_, known), (_, offered) = known_and_offered = _both(before, now)
    if _is_known(before, seen):
        return
    types = _types(offered)
    if types and (narrowed := (_types(known) or {"anything"}) - types):
        yield f"{place} is no {' or '.join(sorted(narrowed))}"
    if "enum" in offered and (gone := {*known.get("enum", ["anything"])} - {*offered["enum"]}):
        yield f"{place} is not {', '.join(sorted(map(str, gone)))}"
    for bound, rises in BOUNDS.items():
        if bound in offered:
            was = known.get(bound)
            if was is None or (offered[bound] < was if rises else offered[bound] > was):
                yield f"{place} has {bound} {offered[bound]}"
    for rule in ("pattern", "format"):
        if rule in offered and offered[rule] != known.get(rule):
            yield f"{place} has the {rule} {offered[rule]}"
    for name in sorted({*offered.get("required", [])} - {*known.get("required", [])}):
        yield f"{place}.{name} is demanded"
    yield from _parts(place, *known_and_offered, (*seen, before[1].get("$ref")), _taken)


def _answered(place: str, before: Any, now: Any, seen: tuple[Any, ...] = ()) -> Iterator[str]:
    """What was answered and is no more, or otherwise; a word more is free."""
    (_, known), (_, offered) = known_and_offered = _both(before, now)
    if _is_known(before, seen):
        return
    types = _types(known)
    if types and (widened := (_types(offered) or {"anything"}) - types):
        yield f"{place} may be {' or '.join(sorted(widened))}"
    if known.get("format") != offered.get("format"):
        yield f"{place} has the format {offered.get('format')}"
    if gone := {*known.get("enum", [])} - {*offered.get("enum", known.get("enum", []))}:
        yield f"{place} is never {', '.join(sorted(map(str, gone)))}"
    for name in sorted({*known.get("required", [])} - {*offered.get("required", [])}):
        yield f"{place}.{name} may be missing"
    yield from _parts(place, *known_and_offered, (*seen, before[1].get("$ref")), _answered)


def _both(before: Any, now: Any) -> Any:
    return tuple((document, _resolved(document, schema)) for document, schema in (before, now))


def _is_known(before: Any, seen: tuple[Any, ...]) -> bool:
    return before[1].get("$ref") is not None and before[1]["$ref"] in seen


def _parts(place: str, before: Any, now: Any, seen: tuple[Any, ...], compare: Any) -> Iterator[str]:
    (document, known), (new_document, offered) = before, now
    for name, schema in known.get("properties", {}).items():
        if name in offered.get("properties", {}):
            new = (new_document, offered["properties"][name])
            yield from compare(f"{place}.{name}", (document, schema), new, seen)
        elif not offered.get("additionalProperties"):
            yield f"{place}.{name} is gone"
    for inner, mark in (("items", "[]"), ("additionalProperties", ".*")):
        pair = known.get(inner), offered.get(inner)
        if all(isinstance(each, dict) for each in pair):
            yield from compare(f"{place}{mark}", (document, pair[0]), (new_document, pair[1]), seen)
    for choice in ("oneOf", "anyOf", "allOf"):
        if len(known.get(choice, [])) != len(offered.get(choice, [])):
            yield f"{place} has {choice} of {len(offered.get(choice, []))}"
        for number, pair in enumerate(zip(known.get(choice, []), offered.get(choice, []), strict=False), 1):
            yield from compare(
                f"{place} {choice} {number}", (document, pair[0]), (new_document, pair[1]), seen
            )
