"""The OpenAPI document and a page to try it out, both served locally without external resources."""

from importlib.resources import files
from typing import Any

import flask_swagger_ui
from flask import Flask, Response, abort, render_template_string, request, send_file

from shared.web import payloads
from shared.web.auth import public
from shared.web.descriptions import Glossary

ASSETS = {
    "swagger-ui.css": "text/css",
    "swagger-ui-bundle.js": "text/javascript",
    "favicon-32x32.png": "image/png",
}
# Addresses are relative, for a gateway has the service under a prefix.
PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>{{ title }} API</title>
<link rel="stylesheet" href="docs/swagger-ui.css">
<link rel="icon" href="docs/favicon-32x32.png">
<div id="api"></div>
<script src="docs/swagger-ui-bundle.js"></script>
<script src="docs/start.js"></script>
"""
START = """SwaggerUIBundle({
  url: "openapi.json", dom_id: "#api", deepLinking: true, displayRequestDuration: true,
  docExpansion: "list", defaultModelsExpandDepth: 0, persistAuthorization: false,
});
"""
# The page's icons are data addresses; all else comes from here, and goes nowhere else.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
    "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
UNCHANGING = "public, max-age=86400"


def serve_documentation(app: Flask, specification: Any, glossary: Glossary) -> None:
    """Add /openapi.json and /docs to the app; call this after registering all routes."""
    described = specification.to_dict()
    glossary.describe_parameters(described)
    document = payloads.encode(described)
    folder = files(flask_swagger_ui) / "dist"

    @app.get("/openapi.json")
    @public
    def openapi() -> Response:
        prefix = request.script_root
        found = payloads.encode(described | {"servers": [{"url": prefix}]}) if prefix else document
        return Response(found, mimetype="application/json")

    @app.get("/docs")
    @public
    def docs() -> Response:
        page = Response(render_template_string(PAGE, title=specification.title), mimetype="text/html")
        page.headers["Content-Security-Policy"] = POLICY
        return page

    @app.get("/docs/<name>")
    @public
    def docs_asset(name: str) -> Response:
        if name == "start.js":
            asset = Response(START, mimetype="text/javascript")
        elif name in ASSETS:
            asset = send_file(str(folder / name), mimetype=ASSETS[name])
        else:
            abort(404)
        asset.headers["Cache-Control"] = UNCHANGING
        return asset
