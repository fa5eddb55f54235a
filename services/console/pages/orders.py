"""The list of orders: found, filtered, sorted, exported, and worked on in bulk."""

from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit
from uuid import UUID

from flask import (
    Blueprint,
    Response,
    abort,
    g,
    redirect,
    render_template,
    request,
    url_for,
)
from werkzeug.datastructures import MultiDict

from services.console import showing
from services.console.acting import Fault, fault_of, passed_on
from services.console.apis import Away, Refused, read
from services.console.forms.bulk_acts import ACTS, BulkList, next_step, prints_of, result_of_bulk
from services.console.markets import Masters, masters
from services.console.saved_views import USUAL_SORT, reads, views_of
from services.console.screens import Screen
from services.console.typed import minor

PAGE = 50
SUGGESTED = 8  # orders, while somebody types
SHORTEST_TYPED = 3  # letters; fewer fit too much

blueprint = Blueprint("orders", __name__, url_prefix="/orders")
BULK = BulkList("orders", "orders.show_list", "nav.orders", "bulk", "order_id", "orders.tick", ACTS)

# What somebody looks at first; each is a filter of the list like any other.
TABS: dict[str, dict[str, list[str]]] = {
    "all": {},
    "to_accept": {"status": ["placed"]},
    "to_pay": {"status": ["placed", "accepted"], "payment_state": ["unpaid", "partly_paid"]},
    "to_prepare": {"queue": ["To prepare"]},
    "ready": {"queue": ["Ready to ship"]},
    "in_transit": {"queue": ["In transit"]},
    "finalised": {"queue": ["Finalized"]},
    "on_hold": {"csr_status": ["OnHold"]},
}
TAB_FILTERS = ("status", "payment_state", "queue", "csr_status")
# The API's filters in the order of the form, each with the group that its codes have words in.
CODED = {
    "status": "order_status",
    "payment_state": "payment_state",
    "fulfilment": "fulfilment",
    "queue": "queue",
    "csr_status": "csr_status",
    "lifecycle": "lifecycle",
    "timeline": "timeline",
    "payment_method": "payment_method",
    "channel": "channel",
    "period": "period",
}
TYPED = (
    *("search", "number", "name", "email", "phone", "sku", "tracking_number", "invoice_number"),
    *("reference", "tag", "placed_from", "placed_to", "min_total_minor", "max_total_minor"),
)
OWNED = ("seller", "market")
FILTERS = (*TYPED, *CODED, *OWNED)
AMOUNTS = {"min_total": "min_total_minor", "max_total": "max_total_minor"}
MINOR_DIGITS = 2
OF_TWO_DIGITS = "EUR"
# The columns whose headings sort, with the API's word for each way.
SORTS = {"placed": ("-placed_at", "placed_at"), "total": ("-total_minor", "total_minor"), "due": ("due_at",)}
USUAL = USUAL_SORT
# What an address of the list has beside filters. Anything else in it is a filter that the API shall judge.
BESIDE_FILTERS = frozenset({"sort", "cursor", "view", "result", "than", *AMOUNTS})
# What an export of lines may have, as its API says.
LINE_COLUMNS = (
    *("number", "seller", "market", "channel", "status", "currency", "placed_at_utc", "external_reference"),
    *("customer_name", "customer_email", "customer_phone", "customer_company", "line", "sku", "product"),
    *("quantity", "cancelled_quantity", "returned_quantity", "unit_price", "discount", "order_discount"),
    *("total", "vat_rate_percent", "vat", "delivery_method", "pickup_point", "delivery_name"),
    *("delivery_company", "delivery_line1", "delivery_line2", "delivery_postcode", "delivery_city"),
    *("delivery_region", "delivery_country", "delivery_phone", "tracking_numbers", "invoice_numbers"),
    "credit_note_numbers",
)


@blueprint.get("")
def show_list() -> Any:
    """A page of the list; all that it shows is in its address."""
    if (clean := _clean()) is not None:
        return redirect(clean, 302)
    return render_list()


def render_list(status: int = 200) -> Any:
    """The list that the address asks for; a filter that the API refuses is marked on it."""
    known = masters()
    result = result_of_bulk()
    failed = [row for row in result["items"] if not row["done"]] if result else []
    filters = asked_filters(request.args)
    sort = request.args.get("sort", USUAL)
    query = filters | {"sort": sort, "limit": PAGE, "cursor": request.args.get("cursor")}
    parts = g.apis.together(page=read("orders.lists_list_orders", query), **reads())
    if parts["page"].hidden:
        abort(403)
    views = views_of(parts)
    view = next((one for one in views if one.view_id == request.args.get("view")), None)
    fault = None
    page: dict[str, Any] = parts["page"].value or {"items": [], "next": None}
    if (refused := parts["page"].fault) is not None:
        fault = fault_of("filters", refused)
        status = fault.status
    g.fault = g.get("fault") or fault
    text = render_template(
        "orders/list.html",
        page=page,
        fault=fault,
        filters=filters,
        sort=sort,
        tabs=TABS,
        tab=_tab(filters),
        views=views,
        view=view,
        view_differs=view is not None and not view.shows(_shown()),
        list_query=addressed().removeprefix(url_for("orders.show_list")),
        coded=CODED,
        market_names=known.market_names,
        seller_names=known.seller_names,
        chip=lambda name, value: _chip(name, value, known),
        units=_units,
        delivery=lambda order: ", ".join(
            known.method_name(order["market"], code, g.language) for code in order["delivery_methods"]
        ),
        bulk=BULK,
        acts=[one for one in ACTS.values() if all(map(g.apis.may, one.operations))],
        failed={row["order_id"] for row in failed},
        elsewhere=_elsewhere(failed, page["items"]),
        result=result,
        next_step=next_step,
        row_address=lambda row: url_for("order.show_details", order_id=row["order_id"]),
        prints=prints_of(result),
        chips=[name for name in filters if name != "search"],
        wrong_in=lambda name: _wrong_in(fault, name),
        masters=known,
        addressed=addressed,
        sorts=SORTS,
        cursor=request.args.get("cursor"),
    )
    return Response(text, status)


@blueprint.get("/newer")
def count_newer() -> Response | str:
    """How many orders came since the first one that a page shows."""
    filters = asked_filters(request.args)
    known = request.args.get("than")
    try:
        page = g.apis.read("orders.lists_list_orders", filters | {"limit": 21})
    except (Refused, Away):
        return Response(status=204)
    ids = [row["order_id"] for row in page["items"]]
    number = ids.index(known) if known in ids else len(ids)
    return render_template("orders/newer.html", number=number, most=20, address=addressed(cursor=None))


@blueprint.get("/suggest")
def suggest() -> Response | str:
    """The newest orders that fit what is being typed into the search box of any page."""
    typed = request.args.get("search", "").strip()
    if len(typed) < SHORTEST_TYPED:
        return Response(status=204)
    try:
        page = g.apis.read("orders.lists_list_orders", {"search": typed, "limit": SUGGESTED})
    except (Refused, Away):
        return Response(status=204)  # the search itself says what is wrong
    return render_template("orders/suggest.html", orders=page["items"], typed=typed, masters=masters())


@blueprint.get("/export")
def ask_export() -> Any:
    """How many rows a file of the list will have, and as which kind of file."""
    filters = asked_filters(request.args)
    try:
        found = g.apis.read("orders.lists_list_orders", filters | {"limit": 1, "count": True})
    except Refused:
        return redirect(addressed(), 303)  # where it says which filter is not taken
    return render_template(
        "orders/export.html",
        filters=filters,
        found=found,
        line_columns=LINE_COLUMNS,
        back=addressed(),
        chips=[(name, _chip(name, filters[name], masters())) for name in filters],
    )


@blueprint.get("/export.<any(csv, xlsx):kind>")
def export(kind: str) -> Response:
    """Exactly the rows of the filter as a file, passed on as it comes."""
    return passed_on(g.apis.stream(f"orders.exports_export_{kind}", asked_filters(request.args)))


@blueprint.get("/export-lines.<any(csv, xlsx):kind>")
def export_lines(kind: str) -> Response:
    """The same with a row for each of their lines, in the columns that were ticked."""
    wanted = {"columns": request.args.getlist("columns")}
    return passed_on(
        g.apis.stream(f"orders.exports_export_lines_{kind}", asked_filters(request.args) | wanted)
    )


@blueprint.get("/prints/<uuid:print_id>")
def show_print(print_id: UUID) -> Response:
    """The file that was made of many papers, for the printer."""
    return passed_on(g.apis.stream("documents.prints_get_print_content", print_id=print_id))


@blueprint.get("/bulk")
def ask_bulk() -> Any:
    """What is about to be done, and to how many; with what it needs to know."""
    wanted = BULK.act(request.args.get("act", ""))
    if request.args.get("everything"):
        listed = _query(urlsplit(request.args.get("back", "")).query)
        found = g.apis.read(
            "orders.lists_list_matching", asked_filters(listed) | {"sort": listed.get("sort", USUAL)}
        )
        return BULK.ask(wanted, found["order_ids"], found)
    return BULK.ask(wanted, request.args.getlist("order_id"))


@blueprint.post("/bulk/<name>")
def do_bulk(name: str) -> Any:
    """Do it to each; the list that it was asked for on then says what became of each."""
    wanted = BULK.act(name)
    order_ids = request.form.getlist("order_id")
    if request.form.get("everything") or not order_ids:  # nobody has seen yet how many that are
        asked: dict[str, Any] = {
            "act": name,
            "back": BULK.back(),
            "everything": request.form.get("everything"),
        }
        return redirect(url_for("orders.ask_bulk", **asked), 303)
    return BULK.do(wanted, order_ids, {"order_ids": order_ids}, {})


def _elsewhere(failed: list[dict[str, Any]], shown: list[dict[str, Any]]) -> set[str]:
    """What failed and is on no row of this page: it stays ticked above the list."""
    return {row["order_id"] for row in failed if row["reason"] != "not_found"} - {
        order["order_id"] for order in shown
    }


def _query(text: str) -> MultiDict[str, str]:
    return MultiDict((name, value) for name, values in parse_qs(text).items() for value in values)


def asked_filters(query: MultiDict[str, str]) -> dict[str, Any]:
    """The filters in an address, by the API's names; amounts in minor units, as it takes them."""
    found: dict[str, Any] = {}
    for name in _filters_in(query):
        values = [value.strip() for value in query.getlist(name) if value.strip()]
        if values:
            found[name] = values[0] if name in TYPED and name != "tag" else values
    if isinstance(found.get("period"), list):
        found["period"] = found["period"][0]
    return found


def addressed(**changes: Any) -> str:
    """The list's address with some of it changed; whatever is changed, its first page."""
    query = {name: request.args.getlist(name) for name in (*_filters_in(request.args), "sort", "view")}
    query |= {name: value if isinstance(value, list) else [value] for name, value in changes.items()}
    pairs = [(name, value) for name, values in query.items() for value in values if value not in {None, ""}]
    return url_for("orders.show_list") + (f"?{urlencode(pairs)}" if pairs else "")


def shown_query() -> str:
    """The query of the list that the address asks for, as the API takes it and views keep it."""
    return urlencode(_shown())


def _shown() -> list[tuple[str, str]]:
    names = [*_filters_in(request.args), "sort"]
    pairs = [(name, value.strip()) for name in names for value in request.args.getlist(name)]
    return [pair for pair in pairs if pair[1] and pair != ("sort", USUAL)]


def _filters_in(query: MultiDict[str, str]) -> list[str]:
    """The filters of an address, known ones first; one that nobody knows narrows the list too."""
    known = [name for name in FILTERS if name in query]
    return known + [name for name in query if name not in FILTERS and name not in BESIDE_FILTERS]


def _tab(filters: dict[str, Any]) -> str:
    now = {name: sorted(filters[name]) for name in TAB_FILTERS if name in filters}
    return next(
        (
            tab
            for tab, wanted in TABS.items()
            if now == {name: sorted(values) for name, values in wanted.items()}
        ),
        "",
    )


def _clean() -> str | None:
    """The address without what was left empty, and amounts as the API has them; None if it is so already."""
    empty = any(value.strip() == "" for _, value in request.args.items(multi=True))
    typed = {name: request.args.get(name, "").strip() for name in AMOUNTS}
    if not empty and not any(typed.values()):
        return None
    amounts = {AMOUNTS[name]: _minor(text) for name, text in typed.items() if text}
    cursor = {"cursor": request.args.get("cursor")}
    return addressed(**amounts, **cursor)


def _wrong_in(fault: Fault | None, name: str) -> str:
    """What the API says of a filter, or of one of its values."""
    errors = fault.errors if fault else {}
    return next((reason for field, reason in errors.items() if field.partition(".")[0] == name), "")


def _chip(name: str, value: Any, known: Masters) -> str:
    """What a filter is set to, in words."""
    if name == "market":
        return ", ".join(known.markets.get(one, {}).get("name", one) for one in value)
    if name == "seller":
        return ", ".join(map(known.seller_name, value))
    if name in CODED:
        values = value if isinstance(value, list) else [value]
        return ", ".join(g.words.of(CODED[name], one) for one in values)
    if name.endswith("_total_minor"):
        return _units(value)
    if name in {"placed_from", "placed_to"}:
        return _day(value)
    return ", ".join(value) if isinstance(value, list) else str(value)


def _day(text: str) -> str:
    try:
        return showing.day(text, g.language)
    except ValueError:  # the API says what is wrong with it
        return text


def _units(minor: str | None) -> str:
    """An amount as people type it."""
    try:
        return f"{Decimal(minor or '').scaleb(-MINOR_DIGITS):f}"
    except InvalidOperation:
        return minor or ""


def _minor(text: str) -> str:
    """A typed amount in minor units; what is no amount as it was typed, for the API to refuse."""
    return str(minor(text, OF_TWO_DIGITS))


SCREEN = Screen(blueprint, "orders.show_list", "orders.lists_list_orders", "nav.orders", "package")
