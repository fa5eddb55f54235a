"""Orders as the API reads them when they are placed, and writes them afterwards."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.orders.api.schemas.holds import HoldSchema
from services.orders.api.schemas.payments import PaymentStandingSchema
from services.orders.api.schemas.people import (
    AddressSchema,
    KeptAddressSchema,
    KeptPersonSchema,
    PersonDetailsSchema,
)
from services.orders.api.schemas.refunds import RefundSchema
from services.orders.api.schemas.returns import ReturnSchema
from services.orders.api.schemas.taxes import TaxationSchema
from services.orders.api.schemas.values import (
    LARGEST_QUANTITY,
    CouponCode,
    Instant,
    amount,
    code,
    day,
    known_locale,
    method_of_payment,
    tax_treatment,
    yes_or_no,
)
from services.orders.domain.fulfilment import Fulfilment
from services.orders.domain.shown_statuses import CsrStatus, Lifecycle, Queue, TimelineStep
from services.orders.domain.verification import Check
from shared.events.snapshots import Channel, OrderStatus, PaymentState
from shared.skus import LONGEST
from shared.web.fields import Text, text
from shared.web.problems import refusals_by_action

COUPON_REFUSALS = (
    "coupon_unknown, coupon_not_yet_valid, coupon_expired, coupon_used_up, coupon_used_by_customer, "
    "coupon_below_minimum, coupon_nothing_left"
)

LONGEST_REMARK = 1000


def coupon_codes(**options: Any) -> fields.List[str]:
    """The coupon codes that a customer gave, each once."""

    def distinct(codes: list[str]) -> None:
        if len(set(codes)) < len(codes):
            raise ValidationError("name each code once")

    description = (
        "Codes that the customer gave. One that is not valid takes nothing off, and the answer says why."
    )
    return fields.List(
        CouponCode(),
        validate=[validate.Length(max=5), distinct],
        metadata={"description": description, "example": ["SPRING"]},
        **options,
    )


def remark(**options: Any) -> Text:
    """The customer's remark at checkout."""
    description = "What the customer wrote, for whoever picks and packs; not on invoices, and not searched."
    return text(LONGEST_REMARK, prose=True, metadata={"description": description}, **options)


class OrderingCustomerSchema(PersonDetailsSchema):
    """The ordering customer: the id of a known one, or the name and e-mail of a new one."""

    id = fields.UUID(metadata={"description": "Id of a customer of this seller; then nothing else."})

    @validates_schema(skip_on_field_errors=True)
    def require_one(self, customer: Mapping[str, Any], **_: Any) -> None:
        """Require either the id of a known customer, or what a new one needs."""
        if "id" in customer:
            if len(customer) > 1:
                raise ValidationError("give only the id for an existing customer", "id")
            return
        missing = [name for name in ("name", "email") if name not in customer]
        if missing:
            raise ValidationError({name: ["Missing data for required field."] for name in missing})


class WantedDeliveryGroupSchema(Schema):
    """Where lines go, and how: to an address, or to a pickup point for collection."""

    method = fields.String(
        required=True,
        validate=code,
        metadata={"description": "Code of one of the market's shipping methods."},
    )
    shipping_minor = amount(
        load_default=0, description="Shipping charge, with or without tax as the market's `tax_mode` says."
    )
    address = fields.Nested(AddressSchema, metadata={"description": "Where it goes, if it is delivered."})
    pickup_point = text(
        100,
        shortest=1,
        metadata={"description": "Code of the location where the customer collects it, if it is collected."},
    )
    requested_on = fields.Date(
        validate=day,
        metadata={
            "description": (
                "Day on which the customer would like to have it, not before the day of the order, by the "
                "market's calendar."
            )
        },
    )


class WantedLineSchema(Schema):
    """A line to be ordered."""

    sku = text(
        LONGEST,
        shortest=1,
        required=True,
        metadata={"description": "SKU (stock-keeping unit), as the seller calls it.", "example": "TEA-250"},
    )
    quantity = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, LARGEST_QUANTITY), metadata={"example": 2}
    )
    delivery_group = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, 99),
        metadata={"description": "Place of its delivery group in `delivery_groups`, from 0."},
    )
    unit_price_minor = amount(
        description=(
            "Price of one sales unit, with or without tax as the market's `tax_mode` says; the market's"
            " price if left out. Who names another price is recorded."
        )
    )
    discount_minor = amount(load_default=0, description="Taken off the line as a whole.")
    name = text(
        300,
        shortest=1,
        metadata={"description": "Name to be shown on the order; a new line has the product's if left out."},
    )


class AddedFeeSchema(Schema):
    """A charge for something other than goods."""

    name = text(200, shortest=1, required=True, metadata={"example": "Gift wrapping"})
    amount_minor = amount(
        1, required=True, description="With or without tax as the market's `tax_mode` says."
    )
    tax_class = fields.String(
        validate=code,
        metadata={
            "description": (
                "Code of its tax class; left out, it is taxed as the market's `charges_taxed` says."
            )
        },
    )


class GrantedDiscountSchema(Schema):
    """A discount on the goods as a whole, shared out among their tax rates."""

    name = text(200, shortest=1, required=True, metadata={"example": "Voucher SPRING"})
    amount_minor = amount(
        1,
        required=True,
        description="Amount off the goods, with or without tax as the market's `tax_mode` says.",
    )


class OrderArguments(Schema):
    """An order to place."""

    seller = fields.String(required=True, validate=code)
    market = fields.String(required=True, validate=code)
    customer = fields.Nested(OrderingCustomerSchema, required=True)
    billing_address = fields.Nested(
        AddressSchema, metadata={"description": "The first delivery address if left out."}
    )
    delivery_groups = fields.List(
        fields.Nested(WantedDeliveryGroupSchema), required=True, validate=validate.Length(1, 100)
    )
    lines = fields.List(fields.Nested(WantedLineSchema), required=True, validate=validate.Length(1, 1000))
    fees = fields.List(fields.Nested(AddedFeeSchema), load_default=list, validate=validate.Length(max=50))
    discounts = fields.List(
        fields.Nested(GrantedDiscountSchema), load_default=list, validate=validate.Length(max=50)
    )
    coupons = coupon_codes(load_default=list)
    payment_method = method_of_payment(
        required=True, metadata={"description": "One of the market's payment methods.", "example": "transfer"}
    )
    channel = fields.Enum(Channel, by_value=True, load_default=Channel.OTHER)
    locale = fields.String(
        validate=known_locale,
        metadata={"description": "Language of what is written for the customer; the market's if left out."},
    )
    external_reference = text(
        100,
        shortest=1,
        metadata={
            "description": (
                "The shop's or marketplace's own number, used once in a seller's orders; used again, the "
                "order is not placed (409 `already_placed`)."
            )
        },
    )
    remark = remark()


class ReasonArguments(Schema):
    """Why an order is refused."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={
            "description": "Why; it is kept in the order's history.",
            "example": "no longer made",
        },
    )


class CancelArguments(Schema):
    """Why an order, or part of it, is cancelled."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why; it is kept in the order's history.", "example": "ordered twice"},
    )
    confirm = yes_or_no(
        load_default=False,
        attribute="confirmed",
        metadata={
            "description": (
                "Confirms the cancellation. Without it nothing is done (409 `not_confirmed`), and "
                "`warnings` says what to see to first."
            )
        },
    )


class CancelledLineSchema(Schema):
    """Units of a line."""

    line_id = fields.UUID(required=True)
    quantity = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(1, LARGEST_QUANTITY),
        metadata={"description": "In sales units, beyond those that are cancelled already."},
    )


class CancelUnitsArguments(CancelArguments):
    """Why an order, or part of it, is cancelled."""

    lines = fields.List(
        fields.Nested(CancelledLineSchema),
        load_default=list,
        validate=validate.Length(max=1000),
        metadata={"description": "Units to cancel; the whole order if left out."},
    )


class DeliveryGroupSchema(Schema):
    """Lines that go to one place by one method."""

    group_id = fields.UUID(attribute="id")
    method = fields.String(metadata={"description": "Code of the delivery method, one of the market's."})
    method_name = fields.String(
        metadata={"description": "Name of the delivery method in the order's language."}
    )
    shipping_minor = fields.Integer(
        metadata={
            "description": (
                "Shipping charge before `waived_minor`, with or without tax as the market's `tax_mode` says."
            )
        }
    )
    waived_minor = fields.Integer(
        metadata={"description": "What of `shipping_minor` is not charged, as a coupon makes shipping free."}
    )
    address = fields.Nested(
        KeptAddressSchema,
        allow_none=True,
        metadata={"description": "Where it goes; null if it is collected."},
    )
    pickup_point = fields.String(allow_none=True)
    requested_on = fields.Date(allow_none=True)


class OrderLineSchema(Schema):
    """A quantity of one SKU at one price."""

    line_id = fields.UUID(attribute="id")
    group_id = fields.UUID()
    sku = fields.String()
    name = fields.String()
    quantity = fields.Integer()
    unit_price_minor = fields.Integer()
    list_price_minor = fields.Integer(
        allow_none=True,
        metadata={"description": "The market's price when the line was placed; null if it had none."},
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
    tax_rate_basis_points = fields.Integer()
    tax_minor = fields.Integer(
        metadata={
            "description": "Its tax: contained in the total in a gross market, added to it in a net one."
        }
    )
    tax_treatment = tax_treatment(allow_none=True)
    tax_place = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Whose VAT it is: a country, or a part of one that is taxed otherwise; null if the market's"
                " rates decided."
            )
        },
    )
    sales_coefficient = fields.Integer()
    cancelled_quantity = fields.Integer(metadata={"description": "How much of `quantity` was cancelled."})
    returned_quantity = fields.Integer(
        metadata={"description": "How much of `quantity` came back in returns."}
    )


class OrderFeeSchema(Schema):
    """A charge or discount that is not a line."""

    kind = fields.String(metadata={"description": "shipping, fee or discount; a discount is negative."})
    name = fields.String()
    amount_minor = fields.Integer(
        metadata={
            "description": "With or without tax as the market's `tax_mode` says; negative for a discount."
        }
    )
    tax_rate_basis_points = fields.Integer()
    tax_minor = fields.Integer()
    group_id = fields.UUID(
        allow_none=True,
        metadata={
            "description": "Id of the delivery group that shipping is for; null for fees and discounts."
        },
    )


class TaxRowSchema(Schema):
    """The order's totals at one tax rate."""

    rate_basis_points = fields.Integer()
    net_minor = fields.Integer()
    tax_minor = fields.Integer()
    gross_minor = fields.Integer()


class TotalsSchema(Schema):
    """total = lines + fees + shipping - discounts + tax_added; the tax rows sum to the same."""

    lines_minor = fields.Integer(metadata={"description": "Sum of the lines."})
    fees_minor = fields.Integer(metadata={"description": "Sum of the fees."})
    shipping_minor = fields.Integer(
        metadata={"description": "Sum of the shipping charges, less what is waived."}
    )
    discounts_minor = fields.Integer(
        metadata={"description": "Sum of the discounts on the goods as a whole; positive, and taken off."}
    )
    tax_added_minor = fields.Integer(
        metadata={"description": "Tax that is added to prices; 0 in a gross market, whose prices contain it."}
    )
    total_minor = fields.Integer(metadata={"description": "What the customer pays in all."})
    tax = fields.List(fields.Nested(TaxRowSchema), metadata={"description": "The total by tax rate."})


class CancellationSchema(Schema):
    """The latest attempt to cancel the order, or part of it."""

    reason = fields.String(metadata={"description": "Why, as whoever asked said."})
    lines = fields.List(
        fields.Nested(CancelledLineSchema),
        metadata={"description": "Units that were to be cancelled; empty for the whole order."},
    )
    requested_by = fields.String()
    requested_at = Instant()
    answered_at = Instant(
        allow_none=True,
        metadata={"description": "When it was decided, in UTC; null while shipping is asked."},
    )
    done = fields.Boolean(
        allow_none=True, metadata={"description": "Whether it was cancelled; null while shipping is asked."}
    )
    refusal = fields.String(
        metadata={
            "description": (
                "Code of why not, such as `already_shipped`; empty if it was cancelled or is not decided."
            )
        }
    )


class OrderSummarySchema(Schema):
    """An order in a list."""

    order_id = fields.UUID(attribute="id")
    number = fields.String()
    version = fields.Integer()
    status = fields.Enum(OrderStatus, by_value=True)
    fulfilment = fields.Enum(Fulfilment, by_value=True)
    lifecycle = fields.Enum(Lifecycle, by_value=True)
    queues = fields.List(
        fields.Enum(Queue, by_value=True),
        metadata={"description": "The seller's work queues that one of its shipments is in."},
    )
    csr_status = fields.Enum(CsrStatus, by_value=True, allow_none=True)
    timeline = fields.Enum(
        TimelineStep,
        by_value=True,
        allow_none=True,
        metadata={
            "description": (
                "How far it is as its customer sees it; null before it is accepted, and if it ended without"
                " its goods."
            )
        },
    )
    seller = fields.String(attribute="seller_code")
    market = fields.String(attribute="market_code")
    channel = fields.Enum(Channel, by_value=True)
    external_reference = fields.String(allow_none=True)
    tags = fields.List(fields.String())
    customer_name = fields.String()
    payment_method = method_of_payment()
    payment_state = fields.Enum(PaymentState, by_value=True)
    total_minor = fields.Integer(
        metadata={
            "description": (
                "What the customer pays in all, as placed or last edited; cancellations and refunds are not"
                " taken off."
            )
        }
    )
    currency = fields.String()
    placed_at = Instant()
    payment_due_at = Instant(
        allow_none=True,
        metadata={
            "description": (
                "When it fails unless it is paid, in UTC; null for no deadline, and while it is held."
            )
        },
    )
    acceptance_due_at = Instant(
        allow_none=True,
        metadata={
            "description": (
                "When it is refused unless it is accepted, in UTC; null for no deadline, and while it is "
                "held."
            )
        },
    )
    due_at = Instant(
        allow_none=True, metadata={"description": "The next of these deadlines, in UTC; null for none."}
    )


class ListedOrderSchema(OrderSummarySchema):
    """An order in a list, with what people want to see before they open it."""

    balance_minor = fields.Integer(
        metadata={
            "description": (
                "What was received beyond what is owed; negative: what is still to be paid. Money on its "
                "way back does not count as received."
            )
        }
    )
    line_count = fields.Integer(metadata={"description": "How many lines it has."})
    delivery_methods = fields.List(
        fields.String(), metadata={"description": "Codes of its delivery methods, each once."}
    )
    country = fields.String(
        metadata={
            "description": (
                "ISO 3166-1 alpha-2 code of the country that its first goods go to; of the billing address "
                "if all is collected."
            )
        }
    )
    on_hold = fields.Boolean(metadata={"description": "Whether a hold stands."})
    customer_waits = fields.Boolean(
        metadata={"description": "Whether the customer wrote last and waits for an answer."}
    )


class OrderSchema(OrderSummarySchema):
    """An order in full."""

    class Meta:
        """The summary's flat fields are part of nested ones here."""

        exclude = ("customer_name", "payment_method", "payment_state", "total_minor")

    actions = refusals_by_action()
    locale = fields.String()
    customer_id = fields.UUID()
    customer = fields.Nested(
        KeptPersonSchema,
        metadata={
            "description": "The customer as of the order; changes of the customer record do not reach it."
        },
    )
    billing_address = fields.Nested(KeptAddressSchema)
    delivery_groups = fields.List(fields.Nested(DeliveryGroupSchema))
    lines = fields.List(fields.Nested(OrderLineSchema))
    fees = fields.List(fields.Nested(OrderFeeSchema))
    totals = fields.Nested(TotalsSchema)
    taxation = fields.Nested(
        TaxationSchema,
        allow_none=True,
        metadata={
            "description": "How its taxes were decided; null if the market's rates are all there is to know."
        },
    )
    payment = fields.Nested(PaymentStandingSchema)
    refunds = fields.List(fields.Nested(RefundSchema))
    to_decide = fields.Integer(
        metadata={"description": "How many reports of the gateway about its money wait for a person."}
    )
    returns = fields.List(fields.Nested(ReturnSchema))
    exchange_of = fields.UUID(
        allow_none=True,
        metadata={
            "description": "Id of the order whose returned goods this one replaces; null if it replaces none."
        },
    )
    holds = fields.List(fields.Nested(HoldSchema), metadata={"description": "All holds, lifted ones too."})
    coupons = fields.List(fields.String(), metadata={"description": "Codes that the customer gave."})
    remark = fields.String(
        metadata={"description": "What the customer wrote, for whoever picks and packs; empty for nothing."}
    )
    coupons_refused = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": f"Codes that took nothing off, each with why: {COUPON_REFUSALS}.",
            "example": {"SPRING": "coupon_used_up"},
        },
    )
    free_shipping = fields.String(
        allow_none=True,
        metadata={"description": "Name of the coupon that makes shipping free; null for none."},
    )
    unverified = fields.List(
        fields.Enum(Check, by_value=True),
        metadata={
            "description": "What was missing or wrong when the order was placed, for which it was held."
        },
    )
    verified_by = fields.String(
        allow_none=True,
        metadata={
            "description": (
                "Who verified it: the subject of their token, or `orders` if nothing was missing; null "
                "until the hold is lifted."
            )
        },
    )
    verified_at = Instant(
        allow_none=True, metadata={"description": "When it was verified, in UTC; null until then."}
    )
    cancellation = fields.Nested(
        CancellationSchema,
        allow_none=True,
        metadata={"description": "The latest attempt to cancel it, or part of it; null if there was none."},
    )
    awaiting = fields.List(
        fields.String(),
        allow_none=True,
        metadata={
            "description": "Numbers of shipments that lack stock; null until shipping has planned the order."
        },
    )
    accepted_at = Instant(
        allow_none=True, metadata={"description": "When it was accepted, in UTC; null until then."}
    )
    refused_at = Instant(
        allow_none=True, metadata={"description": "When it was refused, in UTC; null if it was not."}
    )
    failed_at = Instant(
        allow_none=True, metadata={"description": "When it failed, in UTC; null if it did not."}
    )
    cancelled_at = Instant(
        allow_none=True,
        metadata={"description": "When it was cancelled as a whole, in UTC; null if it was not."},
    )
    completed_at = Instant(
        allow_none=True, metadata={"description": "When it was completed, in UTC; null until then."}
    )
    anonymised_at = Instant(
        allow_none=True,
        metadata={"description": "When all that names its customer was erased, in UTC; null if it was not."},
    )
    end_reason = fields.String(
        metadata={"description": "Why it was cancelled, refused or failed; empty if it was not."}
    )
