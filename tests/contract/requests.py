"""What the services take in: every field of every request's schema."""

import importlib
from functools import cache

from marshmallow import fields

from deploy.local.databases import SERVICES
from shared.settings import read
from tests.contract.openapi import ENVIRONMENT


@cache
def taken_fields():
    """Each field that a request can fill, by where it stands: service, route, place, path."""
    found = {}
    for service in SERVICES:
        settings = read(importlib.import_module(f"services.{service}.settings").Settings, ENVIRONMENT)
        app = importlib.import_module(f"services.{service}.app").create_app(settings)
        for rule in app.url_map.iter_rules():
            documented = getattr(app.view_functions[rule.endpoint], "_apidoc", {}).get("arguments", {})
            for parameter in documented.get("parameters", ()):
                for path, field in _within(parameter["schema"].load_fields):
                    found[f"{service} {rule.rule} {parameter['in']} {path}"] = field
    return found


def _within(known):
    for name, field in known.items():
        for path, inner in _inside(field):
            yield f"{name}{path}", inner


def _inside(field):
    if isinstance(field, fields.Nested):
        for path, inner in _within(field.schema.load_fields):
            yield f".{path}", inner
    elif isinstance(field, fields.List):
        for path, inner in _inside(field.inner):
            yield f"[]{path}", inner
    elif isinstance(field, fields.Mapping):
        for part, name in ((field.key_field, "key"), (field.value_field, "value")):
            for path, inner in _inside(part) if part else [("", None)]:
                yield f".{name}{path}", inner
    else:
        yield "", field
