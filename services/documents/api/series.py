"""Number series over HTTP: which document has each number, and whether any is missing."""

from typing import Any

from sqlalchemy.orm import Session

from services.documents import series_audit
from services.documents.api.schemas.series import (
    NumberPageSchema,
    NumbersArguments,
    SeriesListSchema,
)
from services.documents.models import Paper
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import query
from shared.web.concurrency_limits import in_turn
from shared.web.paging import decode_cursor, encode_cursor

blueprint = Blueprint(
    "series",
    __name__,
    url_prefix="/v1/series",
    description="Number series of invoices and credit notes, and whether any number is missing.",
)


@blueprint.route("", methods=["GET"])
@blueprint.response(200, SeriesListSchema)
@requires("documents:read")
@in_turn
@query
def list_series(session: Session) -> dict[str, Any]:
    """All number series the caller may see, with totals; a number without a document is a gap."""
    return {"items": series_audit.audited_series(session)}


@blueprint.route("/numbers", methods=["GET"])
@blueprint.arguments(NumbersArguments, location="query")
@blueprint.response(200, NumberPageSchema)
@requires("documents:read")
@query
def list_numbers(session: Session, wanted: dict[str, Any]) -> dict[str, Any]:
    """The numbers of a series in order, with their documents."""
    cursor, limit = wanted.pop("cursor", None), wanted.pop("limit")
    after = decode_cursor(cursor, int)[0] if cursor else 0
    papers: list[Paper] = series_audit.numbers(session, **wanted, after=after, limit=limit + 1)
    more = len(papers) > limit
    return {
        "items": papers[:limit],
        "next": encode_cursor(papers[limit - 1].sequence) if more else None,
    }
