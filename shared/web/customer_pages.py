"""Small pages for customers: no scripts, nothing loaded, forms only post to the same site."""

import base64
import hashlib
from http import HTTPStatus
from pathlib import Path
from typing import Any

from flask import Response

from shared.colours import PLAIN, brand_colours
from shared.web.problems import MEDIA_TYPE

# The one style is known by its hash; what is not named here does not work on a page.
POLICY = (
    "default-src 'none'; style-src 'sha256-{style}'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'"
)
_STYLE = Path(__file__).with_name("page.css").read_text("utf-8")


def also_as_pages(*statuses: int) -> dict[str, Any]:
    """Document errors that browsers see as a page."""
    as_page = {
        "description": "Any error: as a page for people, as a problem for programs.",
        "content": {
            "text/html": {"schema": {"type": "string"}},
            MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}},
        },
    }
    return {str(status): as_page for status in statuses}


def style_of(colour: str = PLAIN) -> str:
    """The style shared by all pages, with the seller's colour."""
    brand, on_brand = brand_colours(colour)
    return f"{_STYLE}:root {{ --brand: {brand}; --on-brand: {on_brand}; }}"


def page_answer(page: str, style: str, status: int = HTTPStatus.OK) -> Response:
    """A page response with the only style its policy allows; pass the style as it is in the page."""
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    answer = Response(page, status, mimetype="text/html")
    answer.headers["Content-Security-Policy"] = POLICY.format(style=digest)
    return answer
