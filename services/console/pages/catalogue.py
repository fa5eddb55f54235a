"""The catalogue: what sellers sell, for how much in which market, and what coupons take off."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from flask import Blueprint, g, render_template, request, url_for

from services.console.acting import act, key, must_be_filled, version
from services.console.apis import Part, Read, read
from services.console.forms.reviews import changes, filled, is_reviewed, mark_of, yes_or_no
from services.console.markets import Masters, masters
from services.console.screens import Screen
from services.console.showing import amount, money
from services.console.typed import basis_points, minor, whole

blueprint = Blueprint("catalogue", __name__, url_prefix="/catalogue")

PAGE = 50
PRODUCTS, PRODUCT, PUT_PRODUCT = (
    f"orders.masters_{name}" for name in ("list_products", "show_product", "put_product")
)
COUPONS, COUPON, PUT_COUPON = (
    f"orders.masters_{name}" for name in ("list_coupons", "show_coupon", "put_coupon")
)
GOODS, PUT_GOODS = "shipping.goods_get_goods", "shipping.goods_put_goods"
STOCK = "shipping.stock_list_stock"
ONE = "/products/<seller>/<path:sku>"
ONE_COUPON = "/coupons/<seller>/<market>/<coupon>"
NEW_PRODUCT: Mapping[str, Any] = {
    "name": "",
    "description": "",
    "page_url": "",
    "tax_class": "standard",
    "sales_coefficient": 1,
    "active": True,
    "prices": {},
}
NO_GOODS: Mapping[str, Any] = {
    "barcode": "",
    "specifications": {},
    "weight_grams": 0,
    "available_on": None,
}
NEW_COUPON: Mapping[str, Any] = {
    "name": "",
    "percentage_basis_points": None,
    "amount_minor": None,
    "free_shipping": False,
    "minimum_minor": None,
    "most_uses": None,
    "most_uses_per_customer": None,
    "valid_from": None,
    "valid_until": None,
    "active": True,
}
BASIS_POINTS_OF_A_PERCENT = 100


@blueprint.get("")
def show_list() -> Any:
    """A seller's products by SKU, or those that a search finds."""
    known = masters(needed=True)
    seller, search = _chosen(known.sellers, "seller"), request.args.get("search", "").strip()
    page = None
    if seller:
        query = {"search": search or None, "cursor": request.args.get("cursor"), "limit": PAGE}
        page = g.apis.together(page=read(PRODUCTS, query, seller=seller))["page"]
    return _page("catalogue/list.html", tab="products", page=page, seller=seller, search=search)


@blueprint.get("/new")
def ask_new() -> Any:
    """The form of a new product."""
    g.apis.require(PUT_PRODUCT)
    known = masters(needed=True)
    return _product_form(known, _chosen(known.sellers, "seller"), None, None)


@blueprint.post("/new")
def create() -> Any:
    """Make a product; where there is one already, first show what that would change of it."""
    seller, sku = (request.form.get(name, "").strip() for name in ("seller", "sku"))
    path = {"seller": seller, "sku": sku}
    there = _find(PRODUCT, path)
    if there:
        return _product_form(masters(needed=True), seller, sku, there)
    return _put_product(seller, sku, ask_new, said="done.product_made")


@blueprint.get(ONE)
def show(seller: str, sku: str) -> Any:
    """One product: its prices, what the warehouse knows of it, and where how much of it is."""
    parts = g.apis.together(
        goods=read(GOODS, seller=seller, sku=sku), stock=read(STOCK, {"sku": sku, "limit": PAGE})
    )
    return _page(
        "catalogue/product.html",
        product=g.apis.read(PRODUCT, seller=seller, sku=sku),
        goods=parts["goods"].if_known,
        stock=parts["stock"],
    )


@blueprint.get(f"{ONE}/change")
def ask_change(seller: str, sku: str) -> Any:
    """The form of what may be otherwise."""
    g.apis.require(PUT_PRODUCT)
    return _product_form(masters(needed=True), seller, sku, _must(read(PRODUCT, seller=seller, sku=sku)))


@blueprint.post(f"{ONE}/change")
def change(seller: str, sku: str) -> Any:
    """Change a product, once the person has seen what that changes."""
    if not is_reviewed(_product_body(masters(needed=True))):
        return ask_change(seller, sku)
    return _put_product(seller, sku, lambda: ask_change(seller, sku), said="done.product_changed")


@blueprint.get(f"{ONE}/goods")
def ask_goods(seller: str, sku: str) -> Any:
    """The form of what the warehouse knows of a SKU."""
    g.apis.require(PUT_GOODS)
    part = g.apis.together(goods=read(GOODS, seller=seller, sku=sku))["goods"].if_known
    goods = part.needed() or NO_GOODS
    facts = {name: goods[name] for name in NO_GOODS}
    posted = request.method == "POST"
    form = filled(facts, goods.get("version"), _goods_body() if posted else facts, _shown)
    body = form.body
    return _page(
        "catalogue/goods.html",
        seller=seller,
        sku=sku,
        body=body,
        specifications="\n".join(f"{name}: {text}" for name, text in body["specifications"].items()),
        filled=form,
        version=form.version,
        review=changes(goods, body, _shown) if posted else [],
        mark=mark_of(body) if posted else "",
    )


@blueprint.post(f"{ONE}/goods")
def change_goods(seller: str, sku: str) -> Any:
    """Say what a SKU is like and from when it may leave."""
    body = _goods_body()
    if not is_reviewed(body):
        return ask_goods(seller, sku)
    return act(
        "goods",
        lambda: g.apis.write(PUT_GOODS, body, key=key(), version=version(), seller=seller, sku=sku),
        lambda: ask_goods(seller, sku),
        lambda _: url_for("catalogue.show", seller=seller, sku=sku),
        said="done.goods_changed",
        place=lambda field: field.partition(".")[0],
    )


@blueprint.get("/coupons")
def show_coupons() -> Any:
    """A seller's coupons in a market, by code."""
    known = masters(needed=True)
    seller, market = _chosen(known.sellers, "seller"), _chosen(known.markets, "market")
    page = None
    if seller and market:
        query = {"cursor": request.args.get("cursor"), "limit": PAGE}
        page = g.apis.together(page=read(COUPONS, query, seller=seller, market=market))["page"]
    return _page("catalogue/coupons.html", tab="coupons", page=page, seller=seller, market=market)


@blueprint.get("/coupons/new")
def ask_new_coupon() -> Any:
    """The form of a new coupon."""
    g.apis.require(PUT_COUPON)
    known = masters(needed=True)
    return _coupon_form(known, _chosen(known.sellers, "seller"), _chosen(known.markets, "market"), None, None)


@blueprint.post("/coupons/new")
def create_coupon() -> Any:
    """Make a coupon; where there is one already, first show what that would change of it."""
    seller, market, coupon = (request.form.get(name, "").strip() for name in ("seller", "market", "coupon"))
    path = {"seller": seller, "market": market, "coupon": coupon}
    there = _find(COUPON, path)
    if there:
        return _coupon_form(masters(needed=True), seller, market, coupon, there)
    return _put_coupon(seller, market, coupon, ask_new_coupon, said="done.coupon_made")


@blueprint.get(ONE_COUPON)
def show_coupon(seller: str, market: str, coupon: str) -> Any:
    """One coupon, as the form of what may be otherwise."""
    found = _must(read(COUPON, seller=seller, market=market, coupon=coupon))
    return _coupon_form(masters(needed=True), seller, market, coupon, found)


@blueprint.post(ONE_COUPON)
def change_coupon(seller: str, market: str, coupon: str) -> Any:
    """Change what a code takes off, once the person has seen what that changes."""
    if not is_reviewed(_coupon_body(masters(needed=True), market)):
        return show_coupon(seller, market, coupon)
    again = lambda: show_coupon(seller, market, coupon)  # noqa: E731
    return _put_coupon(seller, market, coupon, again, said="done.coupon_changed")


def _put_product(seller: str, sku: str, again: Any, *, said: str) -> Any:
    path = {"seller": seller, "sku": sku}

    def put() -> Any:
        must_be_filled(**path)
        body = _product_body(masters(needed=True))
        return g.apis.write(PUT_PRODUCT, body, key=key(), version=version(), **path)

    return act(
        "product",
        put,
        again,
        lambda _: url_for("catalogue.show", seller=seller, sku=sku),
        said=said,
        place=lambda field: field.removesuffix(".value"),  # of a price
    )


def _put_coupon(seller: str, market: str, coupon: str, again: Any, *, said: str) -> Any:
    path = {"seller": seller, "market": market, "coupon": coupon}

    def put() -> Any:
        must_be_filled(**path)
        body = _coupon_body(masters(needed=True), market)
        return g.apis.write(PUT_COUPON, body, key=key(), version=version(), **path)

    return act(
        "coupon",
        put,
        again,
        lambda _: url_for("catalogue.show_coupons", seller=seller, market=market),
        said=said,
    )


def _product_form(known: Masters, seller: str, sku: str | None, part: Part | None) -> Any:
    before = part.value if part else NEW_PRODUCT
    posted = request.method == "POST"
    facts = {name: before[name] for name in NEW_PRODUCT}
    form = filled(facts, before.get("version"), _product_body(known) if posted else facts, _shown)
    body = form.body if part else _product_body(known) if posted else before
    return _page(
        "catalogue/product_form.html",
        seller=seller,
        sku=sku,
        is_new=part is None,
        filled=form,
        version=form.version,
        body=body,
        prices=_typed_prices(body, known),
        kept={code: price for code, price in before["prices"].items() if code not in known.markets},
        tax_classes=[(tax, tax) for tax in _tax_classes(known)],
        review=changes(before, body, _shown) if posted and part else [],
        mark=mark_of(body) if posted and part else "",
    )


def _tax_classes(known: Masters) -> list[str]:
    return sorted({tax for market in known.markets.values() for tax in market["tax_rates"]})


def _typed_prices(product: Mapping[str, Any], known: Masters) -> dict[str, str]:
    return {
        code: amount(price, market["currency"]) if isinstance(price, int) else price
        for code, market in known.markets.items()
        for price in [product["prices"].get(code, "")]
    }


def _product_body(known: Masters) -> dict[str, Any]:
    form = request.form
    typed = {code: form.get(f"prices.{code}", "").strip() for code in known.markets}
    prices = {code: minor(text, known.markets[code]["currency"]) for code, text in typed.items() if text}
    start = "kept_prices."  # in markets that the page has no field for
    prices |= {name.removeprefix(start): whole(form[name]) for name in form if name.startswith(start)}
    return {
        "name": form.get("name", "").strip(),
        "description": form.get("description", "").strip().replace("\r\n", "\n"),
        "page_url": form.get("page_url", "").strip(),
        "tax_class": form.get("tax_class", "").strip(),
        "sales_coefficient": whole(form.get("sales_coefficient", "")),
        "active": "active" in form,
        "prices": prices,
    }


def _goods_body() -> dict[str, Any]:
    form = request.form
    lines = (line.partition(":") for line in form.get("specifications", "").splitlines() if line.strip())
    return {
        "barcode": form.get("barcode", "").strip(),
        "specifications": {name.strip(): value.strip() for name, _, value in lines},
        "weight_grams": whole(form.get("weight_grams", "").strip() or "0"),
        "available_on": form.get("available_on", "").strip() or None,
    }


def _coupon_form(known: Masters, seller: str, market: str, coupon: str | None, part: Part | None) -> Any:
    before = part.value if part else NEW_COUPON
    posted = request.method == "POST"
    body = _coupon_body(known, market) if posted else before
    currency, zone = _currency(known, market), known.zone(market)
    return _page(
        "catalogue/coupon_form.html",
        seller=seller,
        market=market,
        coupon=coupon,
        is_new=part is None,
        version=before.get("version"),
        body=body,
        values=_typed_coupon(before, currency, zone),
        review=changes(before, body, _shown_in(currency, zone)) if posted and part else [],
        mark=mark_of(body) if posted and part else "",
    )


def _typed_coupon(coupon: Mapping[str, Any], currency: str, zone: str) -> dict[str, str]:
    """A coupon as its form has it: percent, whole money, and the market's clock."""
    percentage = coupon["percentage_basis_points"]
    return {
        "percentage_basis_points": f"{percentage / BASIS_POINTS_OF_A_PERCENT:g}" if percentage else "",
        **{
            name: amount(coupon[name], currency) if coupon[name] is not None else ""
            for name in ("amount_minor", "minimum_minor")
        },
        **{name: str(coupon[name] or "") for name in ("most_uses", "most_uses_per_customer")},
        **{
            name: datetime.fromisoformat(at).astimezone(ZoneInfo(zone)).strftime("%Y-%m-%dT%H:%M")
            if (at := coupon[name])
            else ""
            for name in ("valid_from", "valid_until")
        },
    }


def _coupon_body(known: Masters, market: str) -> dict[str, Any]:
    form = request.form
    currency, zone = _currency(known, market), ZoneInfo(known.zone(market))
    typed = {name: form.get(name, "").strip() for name in NEW_COUPON}
    return {
        "name": typed["name"],
        "percentage_basis_points": basis_points(typed["percentage_basis_points"])
        if typed["percentage_basis_points"]
        else None,
        **{
            name: minor(typed[name], currency) if typed[name] else None
            for name in ("amount_minor", "minimum_minor")
        },
        "free_shipping": "free_shipping" in form,
        **{
            name: whole(typed[name]) if typed[name] else None
            for name in ("most_uses", "most_uses_per_customer")
        },
        **{name: _instant(typed[name], zone) for name in ("valid_from", "valid_until")},
        "active": "active" in form,
    }


def _instant(typed: str, zone: ZoneInfo) -> str | None:
    """An instant by the market's clock; what is none as it is, for the service to refuse."""
    try:
        at = datetime.fromisoformat(typed)
    except ValueError:
        return typed or None
    return (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(ZoneInfo("UTC")).isoformat()


def _shown(name: str, value: Any) -> str:
    """A value as a review shows it."""
    if isinstance(value, bool):
        return yes_or_no(value)
    if value in (None, ""):
        return "-"
    start, _, market = name.partition(".")
    if start == "prices" and isinstance(value, int):
        return money(value, _currency(masters(needed=True), market), g.words.language)
    return str(value)


def _shown_in(currency: str, zone: str) -> Any:
    """How values of a coupon of a market are shown."""

    def shown(name: str, value: Any) -> str:
        if name.startswith("valid_") and value:
            typed = _typed_coupon({**NEW_COUPON, name: value}, currency, zone)[name]
            return f"{typed.replace('T', ' ')} {zone}"
        if isinstance(value, int) and not isinstance(value, bool):
            if name.endswith("_minor"):
                return money(value, currency, g.words.language)
            if name == "percentage_basis_points":
                return f"{value / BASIS_POINTS_OF_A_PERCENT:g} %"
        return _shown(name, value)

    return shown


def _find(operation: str, path: Mapping[str, str]) -> Part:
    """What goes by these names already; where one is missing, nothing."""
    found = g.apis.together(it=Read(operation, path)) if all(path.values()) else {"it": Part(hidden=True)}
    part: Part = found["it"]
    return part


def _must(one: Read) -> Part:
    """A part that the page is nothing without."""
    part: Part = g.apis.together(it=one)["it"]
    part.needed()
    return part


def _page(template: str, **parts: Any) -> str:
    known = masters(needed=True)
    return render_template(
        template,
        masters=known,
        seller_names=known.seller_names,
        market_names=known.market_names,
        **parts,
    )


def _chosen(there: Mapping[str, Any], name: str) -> str:
    """The seller or market that the address names, or the first that the person sees."""
    return request.args.get(name, "").strip() or request.form.get(name, "").strip() or next(iter(there), "")


def _currency(known: Masters, market: str) -> str:
    currency: str = known.markets.get(market, {}).get("currency", "EUR")
    return currency


SCREEN = Screen(blueprint, "catalogue.show_list", PRODUCTS, "nav.catalogue", "tag")
