"""The list of drafts: carts that may become orders, ticked across pages, placed and deleted."""

from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    flash,
    g,
    redirect,
    render_template,
    request,
    url_for,
)

from services.console.acting import fault_of, key
from services.console.apis import BULK_SECONDS, Away, Part, Refused, read
from services.console.forms.bulk_acts import key_of
from services.console.forms.drafts import said_of
from services.console.markets import masters
from services.console.screens import Screen

PAGE = 50
MOST = 100  # drafts at once, as the API takes them
STATES = ("draft", "placed", "abandoned")
FILTERS = ("seller", "market", "customer_id")
ACTS = {"place": "orders.drafts_place_drafts", "delete": "orders.drafts_delete_drafts"}
POSSIBLE = {"draft": ("place", "delete"), "abandoned": ("delete",), "placed": ()}
LIST = "orders.drafts_list_drafts"

blueprint = Blueprint("carts", __name__, url_prefix="/drafts")


@blueprint.get("")
def show_list() -> Any:
    """A page of the list, and what was ticked on this page and on others: all of it is in the address."""
    return render_list()


def render_list(status: int = 200) -> Any:
    """The list that the address asks for."""
    known = masters()
    filters = {name: text for name in FILTERS if (text := request.args.get(name, "").strip())}
    state = request.args.get("status", "draft")
    ticked = list(dict.fromkeys(request.args.getlist("draft_id")))
    query = {**filters, "status": state, "limit": PAGE, "cursor": request.args.get("cursor")}
    wanted = {"page": read(LIST, query)}
    if ticked:
        named = {"draft_id": ticked[:MOST], "status": state, "limit": MOST}
        wanted["ticked"] = read(LIST, named)
    parts = g.apis.together(**wanted)
    if parts["page"].hidden:
        abort(403)
    page: dict[str, Any] = parts["page"].value or {"items": [], "next": None}
    if isinstance(parts["page"].fault, Refused):
        g.fault = fault_of("filters", parts["page"].fault)
        status = g.fault.status
    result = _result()
    shown = {one["draft_id"] for one in page["items"]}
    failed = {row["draft_id"] for row in result["items"] if not row["done"]} if result else set()
    text = render_template(
        "carts/list.html",
        page=page,
        part=parts["page"],
        filters=filters,
        state=state,
        states=STATES,
        ticked={*ticked, *failed},
        elsewhere=[one for one in _items(parts.get("ticked")) if one["draft_id"] not in shown],
        acts=[name for name in POSSIBLE.get(state, ()) if g.apis.may(ACTS[name])],
        result=result,
        masters=known,
        market_names=known.market_names,
        seller_names=known.seller_names,
        addressed=addressed,
        cursor=request.args.get("cursor") or "",
    )
    return Response(text, status)


@blueprint.get("/bulk")
def ask_bulk() -> Any:
    """Whether it shall be done, and to how many."""
    name = _wanted(request.args.get("act", ""))
    return _ask(name, list(dict.fromkeys(request.args.getlist("draft_id"))))


@blueprint.post("/bulk/<name>")
def do_bulk(name: str) -> Any:
    """Do it to each; the list then says what became of each."""
    draft_ids = list(dict.fromkeys(request.form.getlist("draft_id")))
    try:
        result = _done(_wanted(name), draft_ids)
    except (Refused, Away) as error:
        g.fault = fault_of("bulk", error)
        return _ask(name, draft_ids, g.fault.status)
    kept = current_app.extensions["console.sessions"].keep_result(g.person.subject, result)
    back = urlsplit(_back())
    query = {
        name: values for name, values in parse_qs(back.query).items() if name not in {"result", "draft_id"}
    }
    query["result"] = [kept]
    return redirect(f"{back.path}?{urlencode(query, doseq=True)}#result", 303)


def _done(name: str, draft_ids: list[str]) -> dict[str, Any]:
    """What became of each, with the name of whose cart it is where it is still one."""
    answer = g.apis.write(
        ACTS[name], {"draft_ids": draft_ids}, key=key_of(key() or "", draft_ids), seconds=BULK_SECONDS
    )
    rows = [
        {"number": None, "order_id": None, "facts": {}, "done": row.get("deleted", False), **row}
        for row in answer["items"]
    ]
    failed = [row["draft_id"] for row in rows if not row["done"]]
    named = _named(failed) if failed else {}
    for row in rows:
        row["name"] = named.get(row["draft_id"], "")
        row["lacks"] = [said_of(lack, g.words) for lack in row["facts"].get("lacks", ())]
    done = sum(row["done"] for row in rows)
    return {"act": name, "items": rows, "done": done, "not_done": len(rows) - done}


def _named(draft_ids: list[str]) -> dict[str, str]:
    part = g.apis.together(page=read(LIST, {"draft_id": draft_ids, "limit": MOST}))["page"]
    return {one["draft_id"]: one["customer_name"] or one["customer_email"] for one in _items(part)}


def _ask(name: str, draft_ids: list[str], status: int = 200) -> Any:
    if not draft_ids:
        flash("carts.none_ticked")
        return redirect(_back(), 303)
    wanted = {
        state: read(LIST, {"draft_id": draft_ids[:MOST], "status": state, "limit": MOST})
        for state in ("draft", "abandoned")
    }
    parts = g.apis.together(**wanted)
    page = render_template(
        "carts/bulk.html",
        act=name,
        draft_ids=draft_ids,
        known=[one for part in parts.values() for one in _items(part)],
        most=MOST,
        back=_back(),
        masters=masters(),
    )
    return Response(page, status)


def addressed(**changes: Any) -> str:
    """The list's address with some of it changed; its first page, with nothing ticked."""
    query = {name: request.args.get(name) for name in ("status", *FILTERS)} | changes
    return url_for("carts.show_list", **{name: value for name, value in query.items() if value})


def _wanted(name: str) -> str:
    if name not in ACTS:
        abort(404)
    return name


def _back() -> str:
    """The address of the list that it was asked for on; of nothing else."""
    given, own = request.values.get("back", ""), url_for("carts.show_list")
    return given if given == own or given.startswith(f"{own}?") else own


def _result() -> dict[str, Any] | None:
    place = request.args.get("result")
    found: dict[str, Any] | None = (
        current_app.extensions["console.sessions"].result(g.person.subject, place) if place else None
    )
    return found


def _items(part: Part | None) -> list[dict[str, Any]]:
    return part.value["items"] if part else []


SCREEN = Screen(blueprint, "carts.show_list", LIST, "nav.carts", "shopping-cart")
