"""Export orders as files: filters in, a file out."""

from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from flask import Response, request
from sqlalchemy.orm import Session
from werkzeug.wsgi import wrap_file

from services.orders.api.schemas.exports import LineExportArguments
from services.orders.api.schemas.lists import OrderFilters
from services.orders.queries import exports
from services.orders.queries.exported_lines import LINES
from shared import clock
from shared.web.auth import requires
from shared.web.blueprint import Blueprint
from shared.web.commands import query
from shared.web.concurrency_limits import in_turn

CSV = "text/csv; charset=utf-8"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
FILE = {"type": "string", "format": "binary"}
BYTES_AT_ONCE = 1 << 18

blueprint = Blueprint(
    "exports", __name__, url_prefix="/v1/orders", description="Orders and their lines as CSV and Excel files."
)


@blueprint.route("/export.csv", methods=["GET"])
@blueprint.arguments(OrderFilters, location="query")
@blueprint.response(200, FILE, content_type="text/csv")
@requires("orders:read", "exports:read")
@in_turn
@query
def export_csv(session: Session, filters: dict[str, Any]) -> Response:
    """All orders that match the list's filters, newest first, as CSV: UTF-8 with a byte order mark.

    Amounts are in whole units of their currency, instants in UTC. A text that would be run as a formula has
    an apostrophe before it.
    """
    return _file("csv", CSV, lambda path: exports.write_csv(session, filters, path))


@blueprint.route("/export.xlsx", methods=["GET"])
@blueprint.arguments(OrderFilters, location="query")
@blueprint.response(200, FILE, content_type=XLSX)
@requires("orders:read", "exports:read")
@in_turn
@query
def export_xlsx(session: Session, filters: dict[str, Any]) -> Response:
    """All orders that match the list's filters, newest first, as an Excel sheet."""
    return _file("xlsx", XLSX, lambda path: exports.write_xlsx(session, filters, path))


@blueprint.route("/export-lines.csv", methods=["GET"])
@blueprint.arguments(LineExportArguments, location="query")
@blueprint.response(200, FILE, content_type="text/csv")
@requires("orders:read", "exports:read")
@in_turn
@query
def export_lines_csv(session: Session, wanted: dict[str, Any]) -> Response:
    """One row for each line of all orders that match the list's filters, newest first, as CSV.

    With the numbers of what it was sent in and billed by; `columns` chooses what it has, and in which order.
    Written as the CSV of orders is.
    """
    names = wanted.pop("columns", ())
    return _file(
        "csv", CSV, lambda path: exports.write_csv(session, wanted, path, LINES, names), "order-lines"
    )


@blueprint.route("/export-lines.xlsx", methods=["GET"])
@blueprint.arguments(LineExportArguments, location="query")
@blueprint.response(200, FILE, content_type=XLSX)
@requires("orders:read", "exports:read")
@in_turn
@query
def export_lines_xlsx(session: Session, wanted: dict[str, Any]) -> Response:
    """One row for each line of all orders that match the list's filters, as an Excel sheet."""
    names = wanted.pop("columns", ())
    return _file(
        "xlsx", XLSX, lambda path: exports.write_xlsx(session, wanted, path, LINES, names), "order-lines"
    )


def _file(ending: str, media_type: str, write: Callable[[Path], None], called: str = "orders") -> Response:
    """The file, complete on disk before its first byte is sent, and deleted once the last one is.

    So whoever reads slowly holds a file, not a connection and a snapshot of the database; what goes wrong on
    the way is an error, not half a file; and its length is known. If the process dies the system has it back.
    """
    with NamedTemporaryFile(prefix="orders-", suffix=f".{ending}") as named:
        write(Path(named.name))
        file = Path(named.name).open("rb")  # noqa: SIM115 - closed by the server, when it has sent it
    answer = Response(
        wrap_file(request.environ, file, BYTES_AT_ONCE), content_type=media_type, direct_passthrough=True
    )
    answer.content_length = file.seek(0, 2)
    file.seek(0)
    day = clock.now().date().isoformat()
    answer.headers["Content-Disposition"] = f'attachment; filename="{called}-{day}.{ending}"'
    return answer
