"""One draft: an order that is taken down, kept as it is typed, and placed."""

import hashlib
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

import msgspec
from flask import Blueprint, Response, flash, g, redirect, render_template, request, url_for

from services.console import showing
from services.console.acting import STALE, act, fault_of, key, version
from services.console.apis import Away, Part, Refused, read
from services.console.forms.drafts import (
    NAMED,
    PERSON,
    body_of,
    count,
    marks_of,
    places_of,
    said_of,
    values_of,
    without,
)
from services.console.forms.order_acts import ADDRESS, BILLING, NEEDED
from services.console.forms.reviews import carried
from services.console.markets import masters
from services.console.screens import Screen
from services.console.typed import whole
from shared.wording import languages, locale_of

FORM = "draft"
PRICES = "prices:write"  # the scope of who may name a price, a discount or a fee
SHORTEST_TYPED = 3  # letters; fewer fit too much
SUGGESTED = 8
MOST_CHOICES = 100

Thing = Mapping[str, Any]

_ORDER_ON_PAGE = ("customer", "lines", "fees", "delivery_groups", "payment_method", "billing_address")

blueprint = Blueprint("drafts", __name__, url_prefix="/drafts")

ONE = "/<uuid:draft_id>"


@blueprint.get("/new")
def ask_new() -> str:
    """Whose order it will be, and where it is sold."""
    g.apis.require("orders.drafts_create_draft")
    known = masters()
    return render_template(
        "drafts/new.html",
        markets=known.market_names,
        sellers=known.seller_names,
    )


@blueprint.post("/new")
def create() -> Any:
    """Begin it; it is taken down by telephone until somebody says otherwise."""
    body = {name: request.form.get(name, "") for name in ("seller", "market")} | {"channel": "call"}
    return act(
        "new",
        lambda: g.apis.write("orders.drafts_create_draft", body, key=key()),
        ask_new,
        lambda draft: _at(draft["draft_id"], "customer-find"),
    )


@blueprint.get("/customers")
def suggest_customers() -> Any:
    """Who fits what is being typed."""
    return _suggested("customers", _customers(request.args.get("seller", ""), _typed()))


@blueprint.get("/products")
def suggest_products() -> Any:
    """What fits what is being typed, with its price and what there is of it now."""
    seller, market = request.args.get("seller", ""), request.args.get("market", "")
    return _suggested("products", _products(seller, market, _typed()))


@blueprint.get(ONE)
def show(draft_id: UUID) -> Any:
    """The draft as a form; one that was placed is an order by now."""
    draft = _read(draft_id)
    if draft["order_id"]:
        return redirect(url_for("order.show_details", order_id=draft_id), 302)
    return _page(draft)


@blueprint.post(ONE)
def change(draft_id: UUID) -> Any:
    """Keep all that was typed, and do what was asked for with it."""
    form = request.form
    verb, _, about = form.get("do", "save").partition(":")
    body = body_of(form, form.get("currency", "EUR"))
    if request.headers.get("X-Fragment"):
        return _keep(draft_id, body)
    leads: list[tuple[Any, ...]] = []

    def do() -> Any:
        leads.append(_CHANGES.get(verb, _save)(body, about))
        return _kept(draft_id, body, is_placed=verb == "place")

    def done(answer: Thing) -> str:
        if answer["order_id"]:
            flash("done.draft_placed")
            return url_for("order.show_details", order_id=draft_id)
        field, query, said = (*leads[0], {}, "")[:3]
        if answer["draft_id"] != str(draft_id):
            said = "drafts.begun_anew"
        if said:
            flash(said)
        return _at(answer["draft_id"], field, query)

    return act(
        FORM,
        do,
        lambda: _page(_read(draft_id)),
        done,
        changes=lambda _: _changes(_read(draft_id)),
        place=places_of(form),
    )


@blueprint.post(f"{ONE}/abandon")
def abandon(draft_id: UUID) -> Any:
    """Give it up."""
    return act(
        "abandon",
        lambda: g.apis.write("orders.drafts_abandon_draft", key=key(), version=version(), draft_id=draft_id),
        lambda: ask_abandon(draft_id),
        lambda _: url_for("carts.show_list"),
        said="done.draft_abandoned",
        changes=lambda _: _changes(_read(draft_id)),
    )


@blueprint.get(f"{ONE}/abandon")
def ask_abandon(draft_id: UUID) -> str:
    """Whether it shall really be given up, for nobody takes it up again."""
    return render_template("drafts/abandon.html", draft=_read(draft_id))


def _keep(draft_id: UUID, body: dict[str, Any]) -> Response:
    """Keep what was typed so far, while its form stays as it is; answers what stands beside its fields.

    What can't be taken of it is said, and the rest is kept all the same.
    """
    status = 200
    try:
        draft = _put(draft_id, body)
    except (Refused, Away) as error:
        if isinstance(error, Away):
            raise
        g.fault = fault_of(FORM, error, lambda _: _changes(_read(draft_id)), places_of(request.form))
        status = g.fault.status
        rest = without(body, error.errors) if status == HTTPStatus.UNPROCESSABLE_ENTITY else None
        draft = _read(draft_id) if rest is None else _put(draft_id, rest)
    return Response(render_template("drafts/kept.html", **_shown(draft, request.form)), status)


def _kept(draft_id: UUID, body: dict[str, Any], *, is_placed: bool) -> Any:
    """The draft with all that was typed, or the order that it becomes, or has become by another's hand."""
    form = request.form
    try:
        draft = _put(draft_id, body)
        if not is_placed:
            return draft
        total = {"total_minor": whole(form.get("total", ""))}
        named = {"key": f"{key()}-place", "version": str(draft["version"])}
        return g.apis.write("orders.drafts_place_draft", total, draft_id=draft_id, **named) | {
            "draft_id": str(draft_id)
        }
    except Refused as refused:
        if refused.status == HTTPStatus.NOT_FOUND and {"seller", "market"} <= form.keys():
            return _begin_anew(body)
        if refused.reason == "already_placed" or refused.status == STALE:
            now = _read(draft_id)
            if now["order_id"]:
                return now
        raise _in_words(refused, form.get("currency", "EUR")) from None


def _begin_anew(body: Mapping[str, Any]) -> Any:
    """Another draft with what was typed, for somebody has deleted the one that it was typed into."""
    whose = {name: request.form[name] for name in ("seller", "market")}
    return g.apis.write("orders.drafts_create_draft", {**body, **whose}, key=f"{key()}-anew")


def _put(draft_id: UUID, body: dict[str, Any]) -> Any:
    """Replace what it holds, once for the version that was shown: sent again, the same is answered."""
    marked = hashlib.sha256(msgspec.json.encode([key(), version(), body])).hexdigest()
    return g.apis.write("orders.drafts_change_draft", body, key=marked, version=version(), draft_id=draft_id)


# --- What a button does to the contents before they are kept; each answers where it leads -------------------


def _save(_body: dict[str, Any], _about: str) -> tuple[Any, ...]:
    """Nothing; what stands in a search box is looked for."""
    for name in ("customer", "product"):
        if typed := request.form.get(f"{name}-find", "").strip():
            return f"{name}-find", {name: typed}
    return "", {}, "done.draft_saved"


def _place(_body: dict[str, Any], _about: str) -> tuple[Any, ...]:
    return ("",)


def _add_line(body: dict[str, Any], sku: str) -> tuple[Any, ...]:
    """Another line; of what there is one of already, that."""
    skus = [line["sku"] for line in body["lines"]]
    if sku in skus:
        return f"line-{skus.index(sku)}-quantity", {}, "drafts.is_there"
    body["lines"].append({"sku": sku, "quantity": 1})
    return (f"line-{len(skus)}-quantity",)


def _remove_line(body: dict[str, Any], at: str) -> tuple[str]:
    if at.isdecimal() and int(at) < len(body["lines"]):
        del body["lines"][int(at)]
    return ("product-find",)


def _choose_customer(body: dict[str, Any], customer_id: str) -> tuple[str]:
    """Somebody who is known; what they have sent goes to their own address, until another is typed."""
    body["customer"] = {"id": customer_id}
    groups = body.setdefault("delivery_groups", [{}])
    if not groups[0].get("address") and not groups[0].get("pickup_point"):
        known = g.apis.together(customer=read("orders.customers_show_customer", customer_id=customer_id))
        if known["customer"] and known["customer"].value["addresses"]:
            groups[0]["address"] = known["customer"].value["addresses"][0]
    if not any(groups):
        del body["delivery_groups"]
    return ("product-find",)


def _drop_customer(body: dict[str, Any], _about: str) -> tuple[str]:
    body.pop("customer", None)
    return ("customer-find",)


def _add_group(body: dict[str, Any], _about: str) -> tuple[str]:
    groups = body.setdefault("delivery_groups", [{}])
    groups.append({})
    return (f"group-{len(groups) - 1}-method",)


def _remove_group(body: dict[str, Any], at: str) -> tuple[str]:
    """One delivery less; what would have gone there goes with the first."""
    groups = body.get("delivery_groups", [])
    if at.isdecimal() and int(at) < len(groups) and len(groups) > 1:
        gone = int(at)
        del groups[gone]
        for line in body["lines"]:
            place = line["delivery_group"]
            if isinstance(place, int) and place >= gone:
                line["delivery_group"] = 0 if place == gone else place - 1
    return ("group-0-method",)


def _use_address(body: dict[str, Any], about: str) -> tuple[str]:
    """Send a delivery to an entry of the customer's address book."""
    at, _, entry = about.partition(":")
    groups = body.setdefault("delivery_groups", [{}])
    customer_id = request.form.get("customer-id", "")
    book = g.apis.read("orders.customers_show_customer", customer_id=customer_id)["addresses"]
    if at.isdecimal() and entry.isdecimal() and int(at) < len(groups) and int(entry) < len(book):
        groups[int(at)]["address"] = book[int(entry)]
        groups[int(at)].pop("pickup_point", None)
    return (f"group-{at}-line1",)


_CHANGES: Mapping[str, Any] = {
    "place": _place,
    "add": _add_line,
    "remove": _remove_line,
    "customer": _choose_customer,
    "drop-customer": _drop_customer,
    "add-group": _add_group,
    "remove-group": _remove_group,
    "use": _use_address,
}


# --- What the page shows ------------------------------------------------------------------------------------


def _page(draft: Thing) -> str:
    known = masters()
    market, seller = known.markets.get(draft["market"], {}), known.sellers.get(draft["seller"], {})
    typed = request.form if request.method == "POST" else None
    values = typed or values_of(draft, seller.get("address", {}).get("country", ""))
    wanted = {"locations": read("shipping.locations_list_locations", {"limit": MOST_CHOICES})}
    if values.get("customer-id"):
        wanted["book"] = read("orders.customers_show_customer", customer_id=values["customer-id"])
    parts = g.apis.together(**wanted)
    looked_for = {name: request.args.get(name, "").strip() for name in ("customer", "product")}
    return render_template(
        "drafts/draft.html",
        **_shown(draft, values),
        parts=parts,
        book=parts["book"].value["addresses"] if parts.get("book") else [],
        person_fields=PERSON,
        address_parts=ADDRESS,
        billing_parts=BILLING,
        needed_parts=NEEDED,
        methods=[
            (code, known.method_name(draft["market"], code, g.language))
            for code in market.get("shipping_methods", {})
        ],
        points=_points(parts["locations"], draft),
        payment_methods=[
            (code, g.words.of("payment_method", code)) for code in market.get("payment_methods", ())
        ],
        locales=_locales(values.get("locale", "")),
        looked_for=looked_for,
        customers=_customers(draft["seller"], looked_for["customer"]),
        products=_products(draft["seller"], draft["market"], looked_for["product"]),
        may_find=g.apis.may("orders.customers_list_customers"),
    )


def _shown(draft: Thing, values: Mapping[str, str]) -> dict[str, Any]:
    """What the form and what stands beside it are made of."""
    place = places_of(values)
    return {
        "draft": draft,
        "values": values,
        "rows": {kind: count(values, kind) for kind in ("line", "group", *NAMED)},
        "told_lines": _told_lines(draft, values),
        "lacks": [_lack(one, draft, place) for one in sorted(draft["lacks"], key=_place_on_page)],
        "place": place,
        "was": msgspec.json.encode(marks_of(draft)).decode(),
        "may_price": PRICES in g.person.scopes,
        "can_change": draft["actions"]["change"] is None and g.apis.may("orders.drafts_change_draft"),
        "masters": masters(),
        "zone": masters().zone(draft["market"]),
    }


def _told_lines(draft: Thing, values: Mapping[str, str]) -> list[Thing | None]:
    """What the draft tells of each line of the form; None of one that it does not have."""
    left = list(draft["lines"])
    found: list[Thing | None] = []
    for at in range(count(values, "line")):
        line = next((one for one in left if one["sku"] == values[f"line-{at}-sku"]), None)
        if line is not None:
            left.remove(line)
        found.append(line)
    return found


def _in_words(refused: Refused, currency: str) -> Refused:
    """A refusal to place, with what it is about in the reader's words: the page names the rest beside it."""
    problem = dict(refused.problem)
    if refused.reason in {"no_lines", "incomplete"}:
        problem["detail"] = ""
    elif refused.reason == "total_changed":
        total = showing.money(problem["total_minor"], currency, g.language)
        problem["detail"] = g.words("drafts.total_now", sum=total)
    return Refused(refused.service, refused.status, problem, refused.correlation_id)


def _place_on_page(lack: Thing) -> int:
    head = lack["field"].partition(".")[0]
    return _ORDER_ON_PAGE.index(head) if head in _ORDER_ON_PAGE else len(_ORDER_ON_PAGE)


def _lack(lack: Thing, draft: Thing, place: Any) -> tuple[str, str]:
    """Something that is missing, in words, and its field."""
    field, said = lack["field"], said_of(lack, g.words)
    head, _, rest = field.partition(".")
    at = rest.partition(".")[0]
    if head == "lines" and at.isdecimal():
        said = f"{draft['lines'][int(at)]['name']}: {said}"
    elif head == "delivery_groups" and at.isdecimal() and len(draft["delivery_groups"]) > 1:
        said = f"{g.words('edit.delivery', n=int(at) + 1)}: {said}"
    return said, place(field)


def _changes(draft: Thing) -> list[dict[str, Any]]:
    """Who changed what since the form was shown."""
    change = {"actor": draft["updated_by"], "action": "change_draft", "at": draft["updated_at"]}
    was = carried("was")
    if not was:  # a form that shows none of its parts
        return [change]
    names = [name for name, mark in marks_of(draft).items() if was.get(name) != mark]
    groups = {"payment_method": "orders.f"}
    change["what"] = ", ".join(g.words.of(groups.get(name, "fields"), name) for name in names)
    return [change]


def _customers(seller: str, typed: str) -> Part | None:
    """Who fits; None where nothing is looked for."""
    if len(typed) < SHORTEST_TYPED:
        return None
    query = {"seller": seller, "search": typed[:100], "limit": SUGGESTED}
    found: Part = g.apis.together(found=read("orders.customers_list_customers", query))["found"]
    return found


def _products(seller: str, market: str, typed: str) -> tuple[Part, dict[str, Thing]] | None:
    """What fits, and what there is of it now, as far as that can be known."""
    if len(typed) < SHORTEST_TYPED:
        return None
    query = {"search": typed[:100], "limit": SUGGESTED}
    found: Part = g.apis.together(found=read("orders.masters_list_products", query, seller=seller))["found"]
    skus = [one["sku"] for one in found.value["items"]] if found else []
    if not skus:
        return found, {}
    asked = {"seller": seller, "market": market, "skus": ",".join(skus)}
    stock = g.apis.together(stock=read("shipping.goods_get_availability", asked))["stock"]
    return found, {one["sku"]: one for one in stock.value["items"]} if stock else {}


def _suggested(name: str, found: Any) -> Any:
    part = found[0] if isinstance(found, tuple) else found
    if not part:  # the search itself says what is wrong
        return Response(status=204)
    known = masters()
    market = known.markets.get(request.args.get("market", ""), {})
    return render_template(
        f"drafts/{name}.html",
        found=found,
        as_options=True,
        currency=market.get("currency", ""),
        market=request.args.get("market", ""),
    )


def _points(locations: Part, draft: Thing) -> list[tuple[str, str]]:
    """Where goods can be fetched; none where that can't be read, and the code is typed then."""
    if not locations or locations.value["next"]:
        return []
    return [
        (one["code"], one["name"])
        for one in locations.value["items"]
        if one["active"] and one["seller"] in {draft["seller"], "*"}
    ]


def _locales(now: str) -> list[tuple[str, str]]:
    """The languages that customers are written to in, by name."""
    codes = dict.fromkeys([*languages(), *([now] if now else [])])
    reader = locale_of(g.language)
    return [(code, str(reader.languages.get(code.partition("_")[0], code)).capitalize()) for code in codes]


def _typed() -> str:
    return request.args.get("search", "").strip()


def _read(draft_id: UUID) -> Any:
    return g.apis.read("orders.drafts_show_draft", draft_id=draft_id)


def _at(draft_id: Any, field: str, query: Mapping[str, Any] | None = None) -> str:
    """The page at one of its fields."""
    address = url_for("drafts.show", draft_id=draft_id, **(query or {}))
    return f"{address}#{FORM}-{field}" if field else address


SCREEN = Screen(blueprint, "drafts.show", "orders.drafts_show_draft", within="carts")
