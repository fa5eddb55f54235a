"""Drafts as the API reads and writes them."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, missing, validate, validates

from services.orders.api.schemas.orders import (
    COUPON_REFUSALS,
    AddedFeeSchema,
    DeliveryGroupSchema,
    GrantedDiscountSchema,
    TotalsSchema,
    WantedDeliveryGroupSchema,
    WantedLineSchema,
    coupon_codes,
    remark,
)
from services.orders.api.schemas.people import (
    KeptAddressSchema,
    KeptPersonSchema,
    PartialAddressSchema,
    PersonDetailsSchema,
)
from services.orders.api.schemas.taxes import TaxReasonSchema
from services.orders.api.schemas.values import (
    Instant,
    code,
    known_locale,
    method_of_payment,
    tax_treatment,
)
from services.orders.domain.verification import Check
from shared.events.snapshots import Channel, OrderStatus
from shared.web.fields import text
from shared.web.paging import LARGEST_PAGE, PageArguments
from shared.web.problems import refusals_by_action

DRAFT_STATUSES = (OrderStatus.DRAFT, OrderStatus.PLACED, OrderStatus.ABANDONED)


class DraftCustomerSchema(PersonDetailsSchema):
    """The customer of a draft: the id of a known one, or what is known of a new one."""

    id = fields.UUID(metadata={"description": "Id of a customer of this seller; the rest is then ignored."})


class PartialDeliveryGroupSchema(WantedDeliveryGroupSchema):
    """Where lines will go, as far as is known."""

    method = fields.String(
        validate=code, metadata={"description": "Code of one of the market's shipping methods."}
    )
    address = fields.Nested(PartialAddressSchema)


class DraftChangeArguments(Schema):
    """The new contents of a draft; what is left out is removed."""

    customer = fields.Nested(DraftCustomerSchema)
    billing_address = fields.Nested(
        PartialAddressSchema, metadata={"description": "The first delivery address if left out."}
    )
    delivery_groups = fields.List(
        fields.Nested(PartialDeliveryGroupSchema), validate=validate.Length(max=100)
    )
    lines = fields.List(fields.Nested(WantedLineSchema), validate=validate.Length(max=1000))
    fees = fields.List(fields.Nested(AddedFeeSchema), validate=validate.Length(max=50))
    discounts = fields.List(fields.Nested(GrantedDiscountSchema), validate=validate.Length(max=50))
    coupons = coupon_codes()
    payment_method = method_of_payment(metadata={"description": "One of the market's payment methods."})
    channel = fields.Enum(Channel, by_value=True)
    locale = fields.String(
        validate=known_locale,
        metadata={"description": "Language of what is written for the customer; the market's if left out."},
    )
    external_reference = text(
        100,
        shortest=1,
        metadata={"description": "The shop's or marketplace's own number, used once in a seller's orders."},
    )
    remark = remark(load_default=missing)


class DraftArguments(DraftChangeArguments):
    """A draft to create; only seller and market are required."""

    seller = fields.String(required=True, validate=code)
    market = fields.String(required=True, validate=code)


class PlaceArguments(Schema):
    """What the caller expects."""

    total_minor = fields.Integer(
        strict=True,
        validate=validate.Range(0),
        metadata={
            "description": (
                "What the customer was told that it costs; if it costs anything else now, it is not placed "
                "(409 `total_changed`)."
            )
        },
    )


def _drafts() -> fields.List[Any]:
    """Drafts, by id."""
    return fields.List(fields.UUID(), required=True, validate=validate.Length(1, LARGEST_PAGE))


class PlacingArguments(Schema):
    """Which drafts to place."""

    draft_ids = _drafts()

    @validates("draft_ids")
    def require_each_once(self, draft_ids: list[Any], data_key: str) -> None:  # noqa: ARG002
        """Refuse a draft that is named twice: it can only become one order."""
        if len(set(draft_ids)) < len(draft_ids):
            raise ValidationError("lists a draft more than once")


class PlacedSchema(Schema):
    """The result for one draft."""

    draft_id = fields.UUID()
    done = fields.Boolean(metadata={"description": "Whether it was placed."})
    order_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Id of the order that it became; null if it was not placed."},
    )
    number = fields.String(
        allow_none=True, metadata={"description": "Number of that order; null if it was not placed."}
    )
    reason = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Code of why it was not placed, as the draft itself would refuse it; null if it was."
            )
        },
    )
    detail = fields.String(allow_none=True)
    facts = fields.Dict(
        keys=fields.String(),
        metadata={"description": "What the reason is about, such as what the draft lacks."},
    )


class PlacingsSchema(Schema):
    """The result for each draft, in the order of the request."""

    done = fields.Integer(metadata={"description": "How many were placed."})
    not_done = fields.Integer(metadata={"description": "How many were not placed."})
    items = fields.List(fields.Nested(PlacedSchema))


class DeletionArguments(Schema):
    """Which drafts to delete."""

    draft_ids = _drafts()


class DeletionSchema(Schema):
    """The result for one draft."""

    draft_id = fields.UUID()
    deleted = fields.Boolean(metadata={"description": "Whether it was deleted."})
    reason = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Code of why it was not: `not_found`, or `already_placed` if it has become an order; null "
                "if it was."
            )
        },
    )


class DeletionsSchema(Schema):
    """The result for each draft, in the order of the request."""

    items = fields.List(fields.Nested(DeletionSchema))


class StockLevelSchema(Schema):
    """What one location has of a SKU, in stock-keeping units."""

    location = fields.String(metadata={"description": "Code of the location."})
    on_hand = fields.Integer(metadata={"description": "How many are there."})
    reserved = fields.Integer(metadata={"description": "How many of these are promised to shipments."})


class AvailabilitySchema(Schema):
    """The stock of a line's SKU, in stock-keeping units: advice only, for only a shipment is a promise."""

    as_of = Instant(metadata={"description": "When shipping reported it, in UTC."})
    available_units = fields.Integer(
        metadata={
            "description": (
                "How many are there and not promised, at all locations of this seller and of everyone."
            )
        }
    )
    needed_units = fields.Integer(metadata={"description": "How many all lines of the draft need together."})
    enough = fields.Boolean(metadata={"description": "Whether there are as many as are needed."})
    levels = fields.List(fields.Nested(StockLevelSchema), metadata={"description": "The same by location."})


class DraftLineSchema(Schema):
    """A line as it would be placed now."""

    sku = fields.String()
    name = fields.String(
        metadata={"description": "Name as it would be placed: `own_name`, or else the product's."}
    )
    own_name = fields.String(
        allow_none=True,
        metadata={"description": "The name that was given in place of the product's; null if none was."},
    )
    page_url = fields.String(
        metadata={"description": "Where the shop shows the product; empty if that is not known."}
    )
    quantity = fields.Integer()
    sales_coefficient = fields.Integer()
    delivery_group = fields.Integer()
    unit_price_minor = fields.Integer(
        allow_none=True,
        metadata={
            "description": (
                "Price of one sales unit, with or without tax as the market's `tax_mode` says; null if the "
                "market has no price and none was named."
            )
        },
    )
    list_price_minor = fields.Integer(
        allow_none=True, metadata={"description": "The market's price now; null if it has none."}
    )
    price_set_by = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Who named another price than the market's: the subject of their token; null if nobody did."
            )
        },
    )
    discount_minor = fields.Integer()
    total_minor = fields.Integer(metadata={"description": "Quantity times price, less the line's discount."})
    tax_rate_basis_points = fields.Integer(
        allow_none=True,
        metadata={
            "description": (
                "Tax rate in basis points: 2000 is 20 %. Null while the line can't be placed as it is."
            )
        },
    )
    tax_minor = fields.Integer()
    tax_treatment = tax_treatment(allow_none=True)
    availability = fields.Nested(
        AvailabilitySchema,
        allow_none=True,
        metadata={"description": "Stock of the SKU; null if shipping has reported none."},
    )


class DraftChargeSchema(Schema):
    """A charge or discount that is not a line."""

    kind = fields.String(metadata={"description": "shipping, fee or discount; a discount is negative."})
    name = fields.String()
    amount_minor = fields.Integer(
        metadata={"description": "With or without tax as the market's `tax_mode` says."}
    )
    tax_minor = fields.Integer()


class RedemptionSchema(Schema):
    """A coupon code, and what it takes off."""

    code = fields.String(metadata={"description": "Code of the coupon, in capitals."})
    name = fields.String(metadata={"description": "Name of the coupon as customers see it."})
    amount_minor = fields.Integer(metadata={"description": "What it takes off the goods."})
    refusal = fields.String(
        allow_none=True,
        metadata={"description": f"Code of why it takes nothing off: {COUPON_REFUSALS}; null if it does."},
    )
    shipping_minor = fields.Integer(
        metadata={"description": "What shipping would cost that the coupon has free."}
    )
    minimum_minor = fields.Integer(
        allow_none=True,
        metadata={
            "description": "What the goods must cost for it, before other discounts; null for no minimum."
        },
    )


class NoticeSchema(Schema):
    """Something that whoever works on the draft should know."""

    code = fields.String(
        metadata={
            "description": "not_sold, no_price, price_changed, not_enough_stock of a line; of a coupon "
            f"{COUPON_REFUSALS}."
        }
    )
    detail = fields.String(metadata={"description": "The same in words for people."})
    line = fields.Integer(
        allow_none=True,
        metadata={"description": "Place of the line that it is about, from 0; null if it is about none."},
    )
    was_minor = fields.Integer(
        allow_none=True,
        metadata={"description": "Of `price_changed`, what a unit cost when the line was added; else null."},
    )
    coupon = fields.String(
        allow_none=True,
        metadata={"description": "Code of the coupon that it is about; null if it is about none."},
    )


class DraftDeliveryGroupSchema(DeliveryGroupSchema):
    """Where lines go, and how."""

    class Meta:
        """A draft's groups have no id that anything could refer to."""

        exclude = ("group_id",)


class DraftSummarySchema(Schema):
    """A draft in a list."""

    draft_id = fields.UUID(attribute="id")
    version = fields.Integer()
    status = fields.Enum(
        OrderStatus,
        by_value=True,
        metadata={"description": "Where the draft stands; only draft, placed and abandoned occur."},
    )
    order_id = fields.UUID(
        allow_none=True,
        metadata={"description": "Id of the order that it became, the same as the draft's; null until then."},
    )
    seller = fields.String(attribute="seller_code")
    market = fields.String(attribute="market_code")
    currency = fields.String(attribute="market.currency")
    customer_id = fields.UUID(
        allow_none=True,
        metadata={
            "description": "Id of the customer; null while it has none of the seller's known customers."
        },
    )
    customer_name = fields.String()
    customer_email = fields.String()
    total_minor = fields.Integer(metadata={"description": "What it came to when it was last changed."})
    reorder_of = fields.UUID(
        allow_none=True, metadata={"description": "Id of the order that it repeats; null if it repeats none."}
    )
    created_by = fields.String()
    created_at = Instant()
    updated_by = fields.String(
        metadata={"description": "Who changed it last: the subject of their token, or the service itself."}
    )
    updated_at = Instant()


class DraftSchema(Schema):
    """A draft, its current prices and totals, and what is still missing."""

    draft_id = fields.UUID(attribute="draft.id")
    version = fields.Integer()
    status = fields.Enum(
        OrderStatus,
        by_value=True,
        attribute="draft.status",
        metadata={"description": "Where the draft stands; only draft, placed and abandoned occur."},
    )
    order_id = fields.UUID(
        attribute="draft.order_id",
        allow_none=True,
        metadata={"description": "Id of the order that it became, the same as the draft's; null until then."},
    )
    actions = refusals_by_action()
    lacks = fields.Function(
        lambda quote: [{"field": field, "reason": reason} for field, reason in quote.lacks.items()],
        metadata={
            "type": "array",
            "items": {"type": "object", "additionalProperties": {"type": "string"}},
            "description": "What stands between the draft and an order, by field.",
        },
    )
    notices = fields.List(
        fields.Nested(NoticeSchema), metadata={"description": "What whoever works on the draft should know."}
    )
    unverified = fields.List(
        fields.Enum(Check, by_value=True),
        metadata={"description": "What would have the order held for verification if it were placed now."},
    )
    seller = fields.String(attribute="draft.seller_code")
    market = fields.String(attribute="draft.market_code")
    currency = fields.String(attribute="draft.market.currency")
    channel = fields.String(
        attribute="contents.channel",
        dump_default=None,
        allow_none=True,
        metadata={
            "description": (
                "Through which channel the customer orders: web, mobile, call, store, marketplace or other;"
                " null until it is said."
            )
        },
    )
    locale = fields.String(
        attribute="contents.locale",
        dump_default=None,
        allow_none=True,
        metadata={"description": "Language of what is written for the customer; null for the market's."},
    )
    external_reference = fields.String(
        attribute="contents.external_reference",
        dump_default=None,
        allow_none=True,
        metadata={"description": "The shop's or marketplace's own number; null if it has none."},
    )
    remark = fields.String(
        attribute="contents.remark",
        dump_default="",
        metadata={"description": "What the customer wrote, for whoever picks and packs; empty for nothing."},
    )
    customer_id = fields.UUID(
        attribute="draft.customer_id",
        allow_none=True,
        metadata={
            "description": "Id of the customer; null while it has none of the seller's known customers."
        },
    )
    customer = fields.Nested(KeptPersonSchema)
    billing_address = fields.Nested(
        KeptAddressSchema,
        attribute="contents.billing_address",
        dump_default=None,
        allow_none=True,
        metadata={"description": "Null for the first delivery address."},
    )
    delivery_groups = fields.List(fields.Nested(DraftDeliveryGroupSchema), attribute="groups")
    lines = fields.List(fields.Nested(DraftLineSchema))
    fees = fields.List(fields.Nested(AddedFeeSchema), attribute="contents.fees", dump_default=list)
    discounts = fields.List(
        fields.Nested(GrantedDiscountSchema), attribute="contents.discounts", dump_default=list
    )
    coupons = fields.List(
        fields.Nested(RedemptionSchema),
        metadata={"description": "The codes that the customer gave, and what each takes off."},
    )
    charges = fields.List(
        fields.Nested(DraftChargeSchema),
        metadata={"description": "Shipping, fees and discounts, as they are charged."},
    )
    totals = fields.Nested(TotalsSchema)
    tax_reasons = fields.List(
        fields.Nested(TaxReasonSchema),
        metadata={"description": "Why each rate is what it is; empty where the market keeps no table."},
    )
    payment_method = fields.String(
        attribute="contents.payment_method",
        dump_default=None,
        allow_none=True,
        metadata={
            "description": (
                "How the customer pays: one of the market's payment methods; null until it is said."
            )
        },
    )
    reorder_of = fields.UUID(
        attribute="draft.reorder_of",
        allow_none=True,
        metadata={"description": "Id of the order that it repeats; null if it repeats none."},
    )
    created_by = fields.String(attribute="draft.created_by")
    created_at = Instant(attribute="draft.created_at")
    updated_by = fields.String(
        attribute="draft.updated_by",
        metadata={"description": "Who changed it last: the subject of their token, or the service itself."},
    )
    updated_at = Instant(attribute="draft.updated_at")


class DraftListArguments(PageArguments):
    """The filters of the list of drafts."""

    status = fields.Enum(
        OrderStatus,
        by_value=True,
        load_default=OrderStatus.DRAFT,
        validate=validate.OneOf(DRAFT_STATUSES),
        metadata={"description": "Only drafts with this status: draft, placed or abandoned."},
    )
    seller = fields.String(validate=code)
    market = fields.String(validate=code)
    customer_id = fields.UUID(metadata={"description": "Only drafts for this customer."})
    draft_id = fields.List(
        fields.UUID(),
        validate=validate.Length(1, LARGEST_PAGE),
        metadata={"description": "Only these drafts; several may be named."},
    )


def deletions(results: list[tuple[Any, str | None]]) -> dict[str, Any]:
    """The result for each draft, as in DeletionsSchema."""
    return {
        "items": [
            {"draft_id": draft_id, "deleted": reason is None, "reason": reason}
            for draft_id, reason in results
        ]
    }
