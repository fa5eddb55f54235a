"""Markets, sellers and products as the API writes and reads them."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates, validates_schema

from services.orders.api.schemas.people import AddressSchema
from services.orders.api.schemas.values import (
    LARGEST_QUANTITY,
    Instant,
    amount,
    code,
    known_currency,
    known_locale,
    known_time_zone,
    method_of_payment,
    web_address,
    yes_or_no,
)
from services.orders.domain.taxation import ChargesTaxed
from services.orders.domain.verification import Check
from shared.events.snapshots import InvoiceOn, InvoicePer, NumbersPer, TaxMode, TaxRounding
from shared.money import BASIS_POINTS
from shared.web.fields import email_address, text
from shared.web.paging import PageArguments

LONGEST_WAIT_SECONDS = 366 * 24 * 60 * 60


def _deadline(description: str) -> fields.Integer:
    return fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(60, LONGEST_WAIT_SECONDS),
        metadata={"description": description, "example": 48 * 60 * 60},
    )


class MarketArguments(Schema):
    """A market's rules; a change applies to orders at once."""

    name = text(100, shortest=1, required=True, metadata={"example": "United Kingdom"})
    currency = fields.String(
        required=True,
        validate=known_currency,
        metadata={
            "description": (
                "ISO 4217 code of the currency of all its prices and orders. It can't be changed later."
            ),
            "example": "GBP",
        },
    )
    locale = fields.String(
        required=True,
        validate=known_locale,
        metadata={
            "description": "Language of what is written for customers, unless an order says otherwise.",
            "example": "en",
        },
    )
    time_zone = fields.String(
        required=True,
        validate=[validate.Length(max=64), known_time_zone],
        metadata={"example": "Europe/London"},
    )
    tax_mode = fields.Enum(
        TaxMode,
        by_value=True,
        required=True,
        metadata={"description": "Whether the market's prices contain tax. It can't be changed later."},
    )
    tax_rounding = fields.Enum(
        TaxRounding,
        by_value=True,
        metadata={
            "description": (
                "Where tax is rounded to whole minor units. Left out, a new market rounds per rate and an "
                "existing one as before. Even per line, a rate is rounded once where lines could put its "
                "tax a unit of the currency off."
            )
        },
    )
    tax_rates = fields.Dict(
        keys=fields.String(validate=code),
        values=fields.Integer(strict=True, validate=validate.Range(0, BASIS_POINTS)),
        required=True,
        validate=validate.Length(1, 50),
        metadata={
            "description": "Tax rates in basis points, by tax class; for orders that no tax table covers.",
            "example": {"standard": 2000, "reduced": 500},
        },
    )
    payment_methods = fields.List(
        method_of_payment(),
        required=True,
        validate=validate.Length(min=1),
        metadata={"description": "Payment methods that customers can choose."},
    )
    shipping_methods = fields.Dict(
        keys=fields.String(validate=code),
        values=fields.Dict(
            keys=fields.String(validate=known_locale),
            values=text(100, shortest=1, required=True),
            validate=validate.Length(max=50),
        ),
        required=True,
        validate=validate.Length(1, 50),
        metadata={
            "description": "Names of the delivery methods by locale, by the method's code.",
            "example": {"delivery": {"en": "Delivery", "es": "Envío"}},
        },
    )
    backorders = yes_or_no(
        load_default=True,
        metadata={"description": "Whether an order may be accepted before its goods are in stock."},
    )
    invoice_on = fields.String(
        load_default=InvoiceOn.ACCEPTANCE,
        validate=validate.OneOf([*InvoiceOn]),
        metadata={"description": "What an invoice waits for."},
    )
    pay_within_seconds = _deadline(
        "In seconds: a prepaid order that stays unpaid for so long fails. Null: it stays."
    )
    accept_within_seconds = _deadline(
        "In seconds: an order that could be accepted and is not for so long is refused. Null: it stays."
    )
    return_days = fields.Integer(
        strict=True,
        load_default=14,
        validate=validate.Range(0, 3650),
        metadata={"description": "For how many days after delivery customers may ask to send goods back."},
    )
    return_expiry_days = fields.Integer(
        strict=True,
        load_default=30,
        validate=validate.Range(1, 365),
        metadata={"description": "For how many days the goods of an approved return are waited for."},
    )
    exchange_after_return = yes_or_no(
        load_default=True,
        metadata={"description": "Whether an exchange order is held until the returned goods are here."},
    )
    invoice_per = fields.String(
        load_default=InvoicePer.ORDER,
        validate=validate.OneOf([*InvoicePer]),
        metadata={
            "description": "What one invoice covers; a shipment's is not issued before it has gone out."
        },
    )
    numbers_per = fields.String(
        load_default=NumbersPer.YEAR,
        validate=validate.OneOf([*NumbersPer]),
        metadata={"description": "When the numbers of invoices and credit notes start over."},
    )

    charges_taxed = fields.Enum(
        ChargesTaxed,
        by_value=True,
        load_default=ChargesTaxed.STANDARD,
        metadata={"description": "How shipping is taxed, and fees without a tax class of their own."},
    )
    verifies = fields.List(
        fields.Enum(Check, by_value=True),
        load_default=lambda: [*Check],
        validate=validate.Length(max=len(Check)),
        metadata={
            "description": (
                "What a placed order must have; it is held for verification if it lacks any of these."
            ),
            "example": ["phone", "coupons"],
        },
    )
    abandon_drafts_after_days = fields.Integer(
        strict=True,
        load_default=30,
        validate=validate.Range(1, 3650),
        metadata={"description": "Drafts that nobody touched for so many days are abandoned."},
    )

    @validates("tax_rates")
    def require_standard(self, rates: dict[str, int], data_key: str) -> None:  # noqa: ARG002
        """Refuse rates without the one that shipping is taxed at."""
        if "standard" not in rates:
            raise ValidationError("needs a rate for the class `standard`")


class MarketSchema(MarketArguments):
    """A market: where and how orders are sold."""

    market = fields.String(attribute="code")
    version = fields.Integer()


class SellerArguments(Schema):
    """A seller's details as shown on documents and in e-mails."""

    name = text(200, shortest=1, required=True)
    legal_name = text(
        200,
        shortest=1,
        required=True,
        metadata={"description": "Name of the business as registered; it stands on invoices."},
    )
    email = email_address(
        required=True,
        metadata={"description": "Where the seller is told of new orders, and where customers' replies go."},
    )
    phone = text(40)
    address = fields.Nested(
        AddressSchema,
        required=True,
        metadata={
            "description": (
                "Where the business is registered; it stands on documents, and its country decides how home"
                " sales are taxed."
            )
        },
    )
    vat_number = text(
        40,
        metadata={
            "description": "VAT identification number; empty for a small business that charges no VAT."
        },
    )
    registration = text(
        300, metadata={"description": "What the company register wants on documents, in their foot."}
    )
    website = web_address(300)
    iban = fields.String(
        load_default="",
        validate=validate.Regexp(
            r"([A-Z]{2}[0-9]{2}[A-Z0-9]{10,30})?\Z", error="must be an IBAN without spaces"
        ),
        metadata={"description": "IBAN without spaces, where customers transfer money to; empty for none."},
    )
    colour = fields.String(
        load_default="#1f4e5f",
        validate=validate.Regexp(r"#[0-9a-fA-F]{6}\Z", error="must be #rrggbb"),
        metadata={"description": "Colour of documents, e-mails and pages, as #rrggbb."},
    )
    legal_text = fields.Dict(
        keys=fields.String(validate=known_locale),
        values=text(2000, prose=True),
        load_default=dict,
        validate=validate.Length(max=50),
        metadata={"description": "Text for the foot of documents and e-mails, by locale."},
    )


class SellerSchema(SellerArguments):
    """A seller."""

    seller = fields.String(attribute="code")
    version = fields.Integer()


class ProductArguments(Schema):
    """A product and its prices."""

    name = text(300, shortest=1, required=True, metadata={"example": "Assam tea, 250 g"})
    description = text(5000, prose=True)
    page_url = web_address(1000)
    tax_class = fields.String(load_default="standard", validate=code)
    sales_coefficient = fields.Integer(
        strict=True,
        load_default=1,
        validate=validate.Range(1, 1_000_000),
        metadata={"description": "Stock-keeping units in one sales unit: a case of 6 has 6."},
    )
    active = yes_or_no(
        load_default=True,
        metadata={"description": "Whether it can be sold; an inactive product stays in orders that have it."},
    )
    prices = fields.Dict(
        keys=fields.String(validate=code),
        values=amount(description="In minor units of the market's currency, as its tax mode counts."),
        load_default=dict,
        validate=validate.Length(max=200),
        metadata={
            "description": (
                "Price of one sales unit by market, in minor units of its currency, with or without tax as "
                "its `tax_mode` says."
            ),
            "example": {"gb": 450},
        },
    )


class ProductSchema(ProductArguments):
    """A product of a seller."""

    seller = fields.String(attribute="seller_code")
    sku = fields.String()
    version = fields.Integer()
    prices = fields.Function(  # type: ignore[assignment]
        lambda product: {price.market_code: price.price_minor for price in product.prices},
        metadata={
            "type": "object",
            "additionalProperties": {"type": "integer"},
            "description": (
                "Price of one sales unit by market, in minor units of its currency, with or without tax as "
                "its `tax_mode` says."
            ),
        },
    )


class ProductSearchArguments(PageArguments):
    """The filters of the list of products."""

    search = text(
        100,
        shortest=1,
        metadata={
            "description": "A whole SKU, or any part of name or description, typed on any keyboard; "
            "less than 3 characters find nothing."
        },
    )


def _most_uses(description: str) -> fields.Integer:
    return fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(1, LARGEST_QUANTITY),
        metadata={"description": f"How many orders may use it, {description}; null for no limit."},
    )


class CouponArguments(Schema):
    """What a coupon takes off: a percentage of the goods or an amount, shipping, or both; and its limits.

    A use is an order that was placed with the code and has not come to nothing since. A customer is whoever
    has the same id or the same e-mail.
    """

    name = text(
        200,
        shortest=1,
        required=True,
        metadata={"description": "As customers see it.", "example": "Spring sale"},
    )
    percentage_basis_points = fields.Integer(
        strict=True,
        allow_none=True,
        load_default=None,
        validate=validate.Range(1, BASIS_POINTS),
        metadata={
            "description": (
                "Percentage of the goods that it takes off, in basis points: 1000 is 10 %. Null if it takes"
                " off none."
            ),
            "example": 1000,
        },
    )
    amount_minor = amount(
        1,
        description=(
            "Amount that it takes off the goods, in minor units of the market's currency; null if it "
            "takes off none."
        ),
        allow_none=True,
        load_default=None,
    )
    free_shipping = yes_or_no(
        load_default=False, metadata={"description": "Whether it also makes shipping free."}
    )
    minimum_minor = amount(
        1,
        description=(
            "What the goods must cost for it before discounts on the order, in minor units, with or "
            "without tax as the market's `tax_mode` says; null for no minimum."
        ),
        allow_none=True,
        load_default=None,
    )
    most_uses = _most_uses("of all customers together")
    most_uses_per_customer = _most_uses("of one customer")
    valid_from = Instant(
        allow_none=True,
        load_default=None,
        metadata={"description": "The first instant at which it is valid, in UTC; null if it always was."},
    )
    valid_until = Instant(
        allow_none=True,
        load_default=None,
        metadata={
            "description": (
                "The first instant at which it is not valid any more, in UTC; null if it has no end."
            )
        },
    )
    active = yes_or_no(
        load_default=True,
        metadata={"description": "Whether it can be used; an inactive one is treated as unknown."},
    )

    @validates_schema(skip_on_field_errors=True)
    def require_sense(self, coupon: dict[str, Any], **_: Any) -> None:
        """Refuse a coupon that takes off both a percentage and an amount, or nothing, or is never valid."""
        percentage, off = coupon["percentage_basis_points"], coupon["amount_minor"]
        if percentage is not None and off is not None:
            raise ValidationError("give a percentage or an amount, not both", "amount_minor")
        if percentage is None and off is None and not coupon["free_shipping"]:
            raise ValidationError("give a percentage, an amount or free shipping", "amount_minor")
        since, until = coupon["valid_from"], coupon["valid_until"]
        if since and until and until <= since:
            raise ValidationError("must be later than valid_from", "valid_until")


class CouponSchema(CouponArguments):
    """A coupon of a seller in a market."""

    seller = fields.String(attribute="seller_code")
    market = fields.String(attribute="market_code")
    code = fields.String(metadata={"description": "Code that customers give, in capitals."})
    version = fields.Integer()
