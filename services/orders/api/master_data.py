"""Markets, sellers, products and coupons over HTTP: parse, call one command or query, answer."""

from typing import Any

from sqlalchemy.orm import Session

from services.orders import queries
from services.orders.api.schemas.master_data import (
    CouponArguments,
    CouponSchema,
    MarketArguments,
    MarketSchema,
    ProductArguments,
    ProductSchema,
    ProductSearchArguments,
    SellerArguments,
    SellerSchema,
)
from services.orders.api.schemas.taxes import TaxTableSchema
from services.orders.api.schemas.values import checked_code, checked_coupon
from services.orders.commands import master_data as commands
from services.orders.models import Coupon, Market, Product, Seller
from shared.web.auth import refuse_bounded, requires
from shared.web.blueprint import Blueprint
from shared.web.commands import command, query
from shared.web.paging import PageArguments, decode_cursor, page_of, page_schema

blueprint = Blueprint(
    "masters", __name__, url_prefix="/v1", description="Markets, sellers, products, coupons and tax tables."
)


@blueprint.route("/markets/<market>", methods=["PUT"])
@blueprint.arguments(MarketArguments)
@blueprint.response(200, MarketSchema)
@requires("admin")
@command
def put_market(session: Session, rules: dict[str, Any], market: str) -> Market:
    """Create or replace a market.

    Every seller in it goes by its rules, so the token has to be bound to none. Refused (409) with its reason:
    `currency_fixed`, for another currency or tax mode.
    """
    refuse_bounded("sellers")
    return commands.put_market(session, checked_code("market", market), **rules)


@blueprint.route("/markets/<market>", methods=["GET"])
@blueprint.response(200, MarketSchema)
@requires("catalogue:read")
@query
def show_market(session: Session, market: str) -> Market:
    """One market."""
    return queries.market(session, market)


@blueprint.route("/markets", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(MarketSchema))
@requires("catalogue:read")
@query
def list_markets(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Markets by code."""
    return page_of(queries.markets(session, page["limit"] + 1, _after(page)), page["limit"], "code")


@blueprint.route("/markets/<market>/tax-table", methods=["PUT"])
@blueprint.arguments(TaxTableSchema)
@blueprint.response(200, TaxTableSchema)
@requires("admin")
@command
def put_tax_table(session: Session, table: dict[str, Any], market: str) -> tuple[Any, dict[str, str]]:
    """Set or replace the tax table of a market: taxes then depend on where goods go and who buys them.

    Orders placed from then on go by it, of sellers that have a VAT identifier; those placed before keep how
    they were taxed. Rates that begin or end at a midnight may stand in it beforehand. Every seller in the
    market goes by it, so the token has to be bound to none.
    """
    refuse_bounded("sellers")
    return _tax_table_of(commands.put_tax_table(session, checked_code("market", market), **table))


@blueprint.route("/markets/<market>/tax-table", methods=["GET"])
@blueprint.response(200, TaxTableSchema)
@requires("catalogue:read")
@query
def show_tax_table(session: Session, market: str) -> tuple[Any, dict[str, str]]:
    """The tax table of a market; 404 if it has none and taxes by its `tax_rates`."""
    return _tax_table_of(queries.market_with_tax_table(session, market))


@blueprint.route("/sellers/<seller>", methods=["PUT"])
@blueprint.arguments(SellerArguments)
@blueprint.response(200, SellerSchema)
@requires("admin")
@command
def put_seller(session: Session, details: dict[str, Any], seller: str) -> Seller:
    """Create or replace a seller.

    New documents and e-mails show it; documents that were issued stay as they are.
    """
    return commands.put_seller(session, checked_code("seller", seller), **details)


@blueprint.route("/sellers/<seller>", methods=["GET"])
@blueprint.response(200, SellerSchema)
@requires("catalogue:read")
@query
def show_seller(session: Session, seller: str) -> Seller:
    """One seller."""
    return queries.seller(session, seller)


@blueprint.route("/sellers", methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(SellerSchema))
@requires("catalogue:read")
@query
def list_sellers(session: Session, page: dict[str, Any]) -> dict[str, Any]:
    """Sellers by code."""
    return page_of(queries.sellers(session, page["limit"] + 1, _after(page)), page["limit"], "code")


@blueprint.route("/sellers/<seller>/products/<path:sku>", methods=["PUT"])
@blueprint.arguments(ProductArguments)
@blueprint.response(200, ProductSchema)
@requires("prices:write")
@command
def put_product(session: Session, details: dict[str, Any], seller: str, sku: str) -> Product:
    """Create or replace a product and its prices; placed orders are not affected.

    A new one's SKU is of letters from A to Z, digits, dots, hyphens and underscores, begins with a letter or
    a digit, has 64 at most and is not written as an id: so it is the same in every address, query and file.
    """
    return commands.put_product(session, seller, sku, **details)


@blueprint.route("/sellers/<seller>/products/<path:sku>", methods=["GET"])
@blueprint.response(200, ProductSchema)
@requires("catalogue:read")
@query
def show_product(session: Session, seller: str, sku: str) -> Product:
    """One product."""
    return queries.product(session, seller, sku)


@blueprint.route("/sellers/<seller>/products", methods=["GET"])
@blueprint.arguments(ProductSearchArguments, location="query")
@blueprint.response(200, page_schema(ProductSchema))
@requires("catalogue:read")
@query
def list_products(session: Session, page: dict[str, Any], seller: str) -> dict[str, Any]:
    """A seller's products by SKU; or active products that match a search, to add to an order."""
    products = queries.products(session, seller, page["limit"] + 1, _after(page), page.get("search"))
    return page_of(products, page["limit"], "sku")


_COUPONS = "/sellers/<seller>/markets/<market>/coupons"


@blueprint.route(f"{_COUPONS}/<coupon>", methods=["PUT"])
@blueprint.arguments(CouponArguments)
@blueprint.response(200, CouponSchema)
@requires("prices:write")
@command
def put_coupon(session: Session, details: dict[str, Any], seller: str, market: str, coupon: str) -> Coupon:
    """Create or replace a coupon in a market; an inactive one is treated as unknown.

    Orders keep what it took off when they were placed.
    """
    return commands.put_coupon(session, seller, market, checked_coupon("coupon", coupon), **details)


@blueprint.route(f"{_COUPONS}/<coupon>", methods=["GET"])
@blueprint.response(200, CouponSchema)
@requires("orders:read")
@query
def show_coupon(session: Session, seller: str, market: str, coupon: str) -> Coupon:
    """One coupon."""
    return queries.coupon(session, seller, market, checked_coupon("coupon", coupon))


@blueprint.route(_COUPONS, methods=["GET"])
@blueprint.arguments(PageArguments, location="query")
@blueprint.response(200, page_schema(CouponSchema))
@requires("orders:read")
@query
def list_coupons(session: Session, page: dict[str, Any], seller: str, market: str) -> dict[str, Any]:
    """A seller's coupons in a market, by code."""
    coupons = queries.coupons(session, seller, market, page["limit"] + 1, _after(page))
    return page_of(coupons, page["limit"], "code")


def _tax_table_of(market: Market) -> tuple[Any, dict[str, str]]:
    """A market's tax table; changing it requires the version of the market."""
    return market.tax_table, {"ETag": f'"{market.version}"'}


def _after(page: dict[str, Any]) -> str:
    after: str = decode_cursor(page["cursor"], str)[0] if "cursor" in page else ""
    return after
