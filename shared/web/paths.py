"""Text in URL paths."""

from flask import Flask, request

from shared.errors import Invalid
from shared.text import UnfitText, accepted


def accept_paths(app: Flask) -> None:
    """Apply the rules for text to every text parameter in a path."""

    @app.before_request
    def accept() -> None:
        given = request.view_args or {}
        for name, value in given.items():
            if isinstance(value, str):
                try:
                    given[name] = accepted(value)
                except UnfitText as error:
                    raise Invalid(**{name: str(error)}) from error
