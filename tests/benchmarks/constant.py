"""What an answer costs at the least: the same server, a bare route, bytes that are ready."""

import os
from pathlib import Path

from flask import Flask, Response


def create_app() -> Flask:
    """An application that answers one file, whatever it is asked."""
    app = Flask("constant")
    body = Path(os.environ["CONSTANT_FILE"]).read_bytes()

    @app.get("/")
    def answer() -> Response:
        return Response(body, mimetype="application/json")

    return app
