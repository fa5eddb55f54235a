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

    description = "Codes the customer gave. One that is not valid takes nothing off; the order says so."
    return fields.List(
        CouponCode(),
        validate=[validate.Length(max=5), distinct],
        metadata={"description": description, "example": ["SPRING"]},
        **options,
    )


def remark(**options: Any) -> Text:
    """The customer's remark at checkout."""
    description = "What the customer wrote: for who picks and packs; not on invoices, and not searched."
    return text(LONGEST_REMARK, prose=True, metadata={"description": description}, **options)


class OrderingCustomerSchema(PersonDetailsSchema):
    """The ordering customer: the id of a known one, or the name and e-mail of a new one."""

    id = fields.UUID(metadata={"description": "Of a customer of this seller; then nothing else."})

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


class WantedDeliverySchema(Schema):
    """Where lines go, and how: to an address, or to a pickup point for collection."""

    method = fields.String(
        required=True, validate=code, metadata={"description": "One of the market's shipping methods."}
    )
    shipping_minor = amount(load_default=0)
    address = fields.Nested(AddressSchema)
    pickup_point = text(100, shortest=1)
    requested_on = fields.Date(
        validate=day,
        metadata={
            "description": "The day the customer would like; not before the order, by the market's clocks."
        },
    )


class WantedLineSchema(Schema):
    """A line to be ordered."""

    sku = text(
        LONGEST, shortest=1, required=True, metadata={"description": "The seller's.", "example": "TEA-250"}
    )
    quantity = fields.Integer(
        required=True, strict=True, validate=validate.Range(1, LARGEST_QUANTITY), metadata={"example": 2}
    )
    delivery_group = fields.Integer(
        strict=True,
        load_default=0,
        validate=validate.Range(0, 99),
        metadata={"description": "Its place among the delivery groups, from 0."},
    )
    unit_price_minor = amount(
        description="The market's price if left out; who names another one is written down."
    )
    discount_minor = amount(load_default=0, description="Off the line as a whole.")
    name = text(300, shortest=1, metadata={"description": "The product's name if left out."})


class AddedFeeSchema(Schema):
    """A charge for something other than goods."""

    name = text(200, shortest=1, required=True, metadata={"example": "Gift wrapping"})
    amount_minor = amount(1, required=True)
    tax_class = fields.String(
        validate=code, metadata={"description": "Left out, it is taxed as the market's `charges_taxed` says."}
    )


class GrantedDiscountSchema(Schema):
    """A discount on the goods as a whole, shared out among their tax rates."""

    name = text(200, shortest=1, required=True, metadata={"example": "Voucher SPRING"})
    amount_minor = amount(1, required=True)


class OrderArguments(Schema):
    """An order to place."""

    seller = fields.String(required=True, validate=code)
    market = fields.String(required=True, validate=code)
    customer = fields.Nested(OrderingCustomerSchema, required=True)
    billing_address = fields.Nested(
        AddressSchema, metadata={"description": "The first delivery address if left out."}
    )
    delivery_groups = fields.List(
        fields.Nested(WantedDeliverySchema), required=True, validate=validate.Length(1, 100)
    )
    lines = fields.List(fields.Nested(WantedLineSchema), required=True, validate=validate.Length(1, 1000))
    fees = fields.List(fields.Nested(AddedFeeSchema), load_default=list, validate=validate.Length(max=50))
    discounts = fields.List(
        fields.Nested(GrantedDiscountSchema), load_default=list, validate=validate.Length(max=50)
    )
    coupons = coupon_codes(load_default=list)
    payment_method = method_of_payment(
        required=True, metadata={"description": "One of the market's.", "example": "transfer"}
    )
    channel = fields.Enum(Channel, by_value=True, load_default=Channel.OTHER)
    locale = fields.String(validate=known_locale, metadata={"description": "The market's if left out."})
    external_reference = text(
        100,
        shortest=1,
        metadata={"description": "The shop's own number, once per seller; again: 409 `already_placed`."},
    )
    remark = remark()


class ReasonArguments(Schema):
    """Why an order is refused."""

    reason = text(500, shortest=1, prose=True, required=True, metadata={"example": "no longer made"})


class CancelArguments(Schema):
    """Why an order, or part of it, is cancelled."""

    reason = text(500, shortest=1, prose=True, required=True, metadata={"example": "ordered twice"})
    confirm = yes_or_no(
        load_default=False,
        attribute="confirmed",
        metadata={"description": "Without it: 409 `not_confirmed`, with `warnings` of what to see to first."},
    )


class CancelledLineSchema(Schema):
    """Units of a line."""

    line_id = fields.UUID(required=True)
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, LARGEST_QUANTITY))


class CancelUnitsArguments(CancelArguments):
    """Why an order, or part of it, is cancelled."""

    lines = fields.List(
        fields.Nested(CancelledLineSchema),
        load_default=list,
        validate=validate.Length(max=1000),
        metadata={"description": "Units of these alone; the whole order if left out."},
    )


class DeliveryGroupSchema(Schema):
    """Lines that go to one place by one method."""

    group_id = fields.UUID(attribute="id")
    method = fields.String()
    method_name = fields.String(metadata={"description": "In the order's language."})
    shipping_minor = fields.Integer(metadata={"description": "What it costs, before `waived_minor`."})
    waived_minor = fields.Integer(
        metadata={"description": "What of that is not charged: a coupon has shipping free."}
    )
    address = fields.Nested(KeptAddressSchema, allow_none=True)
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
        allow_none=True, metadata={"description": "The market's price when the order was placed."}
    )
    price_set_by = fields.String(
        allow_none=True, metadata={"description": "Who named another price than that."}
    )
    discount_minor = fields.Integer()
    total_minor = fields.Integer()
    tax_rate_basis_points = fields.Integer()
    tax_minor = fields.Integer(
        metadata={"description": "Contained in the total in a gross market, added to it in a net one."}
    )
    tax_treatment = tax_treatment(allow_none=True)
    tax_place = fields.String(
        allow_none=True,
        metadata={"description": "Whose VAT it is: a country, or a part of one that is taxed otherwise."},
    )
    sales_coefficient = fields.Integer()
    cancelled_quantity = fields.Integer()
    returned_quantity = fields.Integer()


class OrderFeeSchema(Schema):
    """A charge or discount that is not a line."""

    kind = fields.String(metadata={"description": "shipping, fee or discount; a discount is negative."})
    name = fields.String()
    amount_minor = fields.Integer()
    tax_rate_basis_points = fields.Integer()
    tax_minor = fields.Integer()
    group_id = fields.UUID(allow_none=True)


class TaxRowSchema(Schema):
    """The order's totals at one tax rate."""

    rate_basis_points = fields.Integer()
    net_minor = fields.Integer()
    tax_minor = fields.Integer()
    gross_minor = fields.Integer()


class TotalsSchema(Schema):
    """total = lines + fees + shipping - discounts + tax_added; the tax rows sum to the same."""

    lines_minor = fields.Integer()
    fees_minor = fields.Integer()
    shipping_minor = fields.Integer()
    discounts_minor = fields.Integer()
    tax_added_minor = fields.Integer()
    total_minor = fields.Integer()
    tax = fields.List(fields.Nested(TaxRowSchema))


class CancellationSchema(Schema):
    """The latest attempt to cancel the order, or part of it."""

    reason = fields.String()
    lines = fields.List(
        fields.Nested(CancelledLineSchema), metadata={"description": "Empty for the whole order."}
    )
    requested_by = fields.String()
    requested_at = Instant()
    answered_at = Instant(allow_none=True)
    done = fields.Boolean(allow_none=True, metadata={"description": "Null while shipping is asked."})
    refusal = fields.String(metadata={"description": "Why not: already_shipped, …"})


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
        metadata={"description": "The seller's: each that one of the shipments is in."},
    )
    csr_status = fields.Enum(CsrStatus, by_value=True, allow_none=True)
    timeline = fields.Enum(
        TimelineStep,
        by_value=True,
        allow_none=True,
        metadata={"description": "The customer's: the furthest step reached; null before acceptance."},
    )
    seller = fields.String(attribute="seller_code")
    market = fields.String(attribute="market_code")
    channel = fields.Enum(Channel, by_value=True)
    external_reference = fields.String(allow_none=True)
    tags = fields.List(fields.String())
    customer_name = fields.String()
    payment_method = method_of_payment()
    payment_state = fields.Enum(PaymentState, by_value=True)
    total_minor = fields.Integer()
    currency = fields.String()
    placed_at = Instant()
    payment_due_at = Instant(
        allow_none=True, metadata={"description": "Unpaid after this it fails; stands still while held."}
    )
    acceptance_due_at = Instant(
        allow_none=True,
        metadata={"description": "Not accepted after this it is refused; stands still while held."},
    )
    due_at = Instant(allow_none=True, metadata={"description": "The next of its deadlines."})


class ListedOrderSchema(OrderSummarySchema):
    """An order in a list, with what people want to see before they open it."""

    balance_minor = fields.Integer(
        metadata={
            "description": "What was received above what is owed, in the order's currency; below nothing:"
            " what is still to come. What is on its way back counts no more."
        }
    )
    line_count = fields.Integer(metadata={"description": "How many lines it has."})
    delivery_methods = fields.List(
        fields.String(), metadata={"description": "The market's codes of them, each once."}
    )
    country = fields.String(
        metadata={"description": "Where the first of it goes; of what is fetched, the bill's."}
    )
    on_hold = fields.Boolean()
    customer_waits = fields.Boolean(metadata={"description": "For an answer to what they wrote."})


class OrderSchema(OrderSummarySchema):
    """An order in full."""

    class Meta:
        """The summary's flat fields are part of nested ones here."""

        exclude = ("customer_name", "payment_method", "payment_state", "total_minor")

    actions = refusals_by_action()
    locale = fields.String()
    customer_id = fields.UUID()
    customer = fields.Nested(KeptPersonSchema)
    billing_address = fields.Nested(KeptAddressSchema)
    delivery_groups = fields.List(fields.Nested(DeliveryGroupSchema))
    lines = fields.List(fields.Nested(OrderLineSchema))
    fees = fields.List(fields.Nested(OrderFeeSchema))
    totals = fields.Nested(TotalsSchema)
    taxation = fields.Nested(
        TaxationSchema,
        allow_none=True,
        metadata={"description": "Null where the market's rates are all there is to know."},
    )
    payment = fields.Nested(PaymentStandingSchema)
    refunds = fields.List(fields.Nested(RefundSchema))
    to_decide = fields.Integer(
        metadata={"description": "What the gateway told of its money and waits for a person."}
    )
    returns = fields.List(fields.Nested(ReturnSchema))
    exchange_of = fields.UUID(
        allow_none=True,
        metadata={"description": "The order of which this one replaces returned goods."},
    )
    holds = fields.List(fields.Nested(HoldSchema))
    coupons = fields.List(fields.String(), metadata={"description": "Codes the customer gave."})
    remark = fields.String(metadata={"description": "What the customer wrote at checkout."})
    coupons_refused = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        metadata={
            "description": f"Those that took nothing off, each with its reason: {COUPON_REFUSALS}.",
            "example": {"SPRING": "coupon_used_up"},
        },
    )
    free_shipping = fields.String(
        allow_none=True, metadata={"description": "The name of the coupon for which shipping is free."}
    )
    unverified = fields.List(
        fields.Enum(Check, by_value=True),
        metadata={"description": "What was missing or did not hold when the order was placed."},
    )
    verified_by = fields.String(
        allow_none=True,
        metadata={"description": "`orders` where nothing was missing; null until a person lifts the hold."},
    )
    verified_at = Instant(allow_none=True)
    cancellation = fields.Nested(CancellationSchema, allow_none=True)
    awaiting = fields.List(
        fields.String(),
        allow_none=True,
        metadata={"description": "Shipments that lack stock; null until shipping was heard."},
    )
    accepted_at = Instant(allow_none=True)
    refused_at = Instant(allow_none=True)
    failed_at = Instant(allow_none=True)
    cancelled_at = Instant(allow_none=True)
    completed_at = Instant(allow_none=True)
    anonymised_at = Instant(
        allow_none=True, metadata={"description": "Since then nothing here says whose order it was."}
    )
    end_reason = fields.String(metadata={"description": "Why it was cancelled, refused or failed."})
