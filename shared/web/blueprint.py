"""API blueprints: strict request parsing, and responses serialised by schema."""

from collections.abc import Callable
from typing import Any, NoReturn

import flask_smorest
import marshmallow
from flask import Request, g
from webargs import core
from webargs.flaskparser import FlaskParser, is_json_request

from shared.errors import Invalid
from shared.web import payloads
from shared.web.problems import Problem

View = Callable[..., Any]


class StrictParser(FlaskParser):
    """Parses requests by schema; unknown fields are rejected by name, not ignored."""

    DEFAULT_UNKNOWN_BY_LOCATION: dict[str, str | None] = {  # noqa: RUF012 - as the library declares it
        **FlaskParser.DEFAULT_UNKNOWN_BY_LOCATION,
        "query": marshmallow.RAISE,
        "form": marshmallow.RAISE,
        "files": marshmallow.RAISE,
    }

    def _raw_load_json(self, req: Request) -> Any:
        body = req.get_data(cache=True)
        if not is_json_request(req):
            if body:
                raise Problem(415, "the body must be application/json")
            return core.missing
        try:
            value = payloads.parse(body)
        except payloads.MalformedError as error:
            where: dict[str, Any] = {} if error.position is None else {"position": error.position}
            raise Problem(400, f"the body is not valid JSON: {error}", **where) from error
        if refused := payloads.unstorable(value, body):
            raise Invalid(**refused)
        return value

    def load_querystring(self, req: Request, schema: marshmallow.Schema) -> Any:
        """The query parameters, except the customer's token, which has already been read."""
        values = req.args.copy()
        if g.get("customer_order_id"):
            values.poplist("token")
        if refused := payloads.unstorable(values.to_dict()):
            raise Invalid(**refused)
        return self._makeproxy(values, schema)

    def handle_error(
        self,
        error: marshmallow.ValidationError,
        req: Request,  # noqa: ARG002
        schema: marshmallow.Schema,  # noqa: ARG002
        *,
        error_status_code: int | None,  # noqa: ARG002
        error_headers: Any,  # noqa: ARG002
    ) -> NoReturn:
        """Report each invalid field with its reason."""
        messages: Any = error.messages  # its outermost key is the part of the request: json, query, …
        fields = {field: reason for part in messages.values() for field, reason in _flat(part)}
        raise Invalid(**fields) from error


def _flat(messages: Any, path: str = "") -> list[tuple[str, str]]:
    if isinstance(messages, dict):
        return [
            found
            for name, part in messages.items()
            for found in _flat(part, path if name == "_schema" else f"{path}.{name}" if path else str(name))
        ]
    if isinstance(messages, list) and all(isinstance(part, str) for part in messages):
        return [(path or "body", " ".join(messages))]
    return [(path or "body", str(messages))]


class Blueprint(flask_smorest.Blueprint):
    """A group of routes in the API and its OpenAPI document."""

    ARGUMENTS_PARSER = StrictParser()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._prepare_doc_cbks += [self._prepare_headers_doc, self._prepare_operation_id_doc]

    def _store_endpoint_docs(
        self, endpoint: str, obj: Any, parameters: Any, tags: Any, **options: Any
    ) -> None:
        super()._store_endpoint_docs(endpoint, obj, parameters, tags, **options)
        for method, described in self._docs[endpoint].items():
            if method != "parameters":
                described["operation_id"] = f"{self.name}_{endpoint}"

    def arguments(self, schema: Any, **options: Any) -> Callable[[View], View]:
        """Declare the request arguments of a view."""
        # An instance, made once: from a class one would be made, fields and all, for every request.
        decorate: Callable[[View], View] = super().arguments(_instance(schema), **options)
        return decorate

    def response(self, status_code: int, schema: Any = None, **documentation: Any) -> Callable[[View], View]:
        """Declare a view's response; commands and queries serialise it within their transaction."""
        schema = _instance(schema)
        document = super().response(status_code, schema, **documentation)

        def decorate(view: View) -> View:
            inner: Any = view
            while inner is not None:  # down to the view itself, past what is wrapped around it
                inner.answers_with = (status_code, schema)
                inner = getattr(inner, "__wrapped__", None)
            decorated: View = document(view)
            return decorated

        return decorate

    def _prepare_arguments_doc(self, doc: Any, doc_info: Any, **context: Any) -> Any:
        # The default answer describes every problem; one more per status would only repeat it.
        doc_info.get("arguments", {}).pop("responses", None)
        return super()._prepare_arguments_doc(doc, doc_info, **context)

    @staticmethod
    def _prepare_operation_id_doc(doc: Any, doc_info: Any, **_context: Any) -> Any:
        """The operation id for generated clients and our console, independent of the path."""
        doc["operationId"] = doc_info["operation_id"]
        return doc

    @staticmethod
    def _prepare_headers_doc(doc: Any, doc_info: Any, **_context: Any) -> Any:
        if headers := doc_info.get("headers"):
            doc.setdefault("parameters", []).extend(headers)
        return doc


def _instance(schema: Any) -> Any:
    return schema() if isinstance(schema, type) else schema


def documents_headers(view: View, *names: str) -> View:
    """Document that the view uses these headers, which are defined in the OpenAPI components."""
    documented: Any = view
    documented._apidoc = getattr(view, "_apidoc", {}) | {"headers": names}  # noqa: SLF001 - flask-smorest's place
    return view
