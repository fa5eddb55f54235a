"""Edits of placed orders as the API reads them, and their results."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.orders.api.schemas.drafts import RedemptionSchema
from services.orders.api.schemas.orders import (
    AddedFeeSchema,
    GrantedDiscountSchema,
    OrderLineSchema,
    TotalsSchema,
    WantedDeliveryGroupSchema,
    WantedLineSchema,
    coupon_codes,
)
from services.orders.api.schemas.payments import PaymentStandingSchema
from services.orders.api.schemas.people import AddressSchema, PersonDetailsSchema
from services.orders.api.schemas.taxes import OverrideArguments
from services.orders.api.schemas.values import (
    LARGEST_QUANTITY,
    Instant,
    amount,
    code,
)
from shared.skus import LONGEST
from shared.web.fields import text

WHAT = ("customer", "billing_address", "delivery_groups", "lines", "fees", "discounts", "coupons", "tax")


class EditedCustomerSchema(PersonDetailsSchema):
    """Corrections to the customer on this order; the customer record itself is not changed."""


class EditedDeliveryGroupSchema(WantedDeliveryGroupSchema):
    """A delivery group: with an id, an existing one, which keeps what is left out; without, a new one."""

    group_id = fields.UUID(
        metadata={"description": "Id of an existing delivery group; left out for a new one."}
    )
    method = fields.String(
        validate=code,
        metadata={"description": "Code of one of the market's shipping methods; needed for a new group."},
    )
    shipping_minor = amount(
        description="Shipping charge, with or without tax as the market's `tax_mode` says."
    )

    @validates_schema(skip_on_field_errors=True)
    def require_of_new(self, group: Mapping[str, Any], **_: Any) -> None:
        """Refuse a new group without a method."""
        if "group_id" not in group and "method" not in group:
            raise ValidationError({"method": ["Missing data for required field."]})


class EditedLineSchema(WantedLineSchema):
    """A line: with an id, an existing one, which keeps what is left out; without, a new one."""

    line_id = fields.UUID(metadata={"description": "Id of an existing line; left out for a new one."})
    sku = text(LONGEST, shortest=1, metadata={"description": "The seller's SKU; needed for a new line."})
    quantity = fields.Integer(
        strict=True,
        validate=validate.Range(1, LARGEST_QUANTITY),
        metadata={"description": "In sales units, as it is to be; needed for a new line."},
    )
    delivery_group = fields.Integer(
        strict=True,
        validate=validate.Range(0, 99),
        metadata={
            "description": "Place of its delivery group in `delivery_groups` as they are to be, from 0."
        },
    )
    unit_price_minor = amount(
        description=(
            "Price of one sales unit; of a new line the market's if left out. Who names another price "
            "is recorded."
        )
    )
    discount_minor = amount(description="Taken off the line as a whole.")

    @validates_schema(skip_on_field_errors=True)
    def require_of_new(self, line: Mapping[str, Any], **_: Any) -> None:
        """Refuse a new line without a SKU or quantity."""
        missing = [name for name in ("sku", "quantity") if name not in line and "line_id" not in line]
        if missing:
            raise ValidationError({name: ["Missing data for required field."] for name in missing})


class EditArguments(Schema):
    """What to change; a list that is given replaces the old one."""

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why; it is kept in the order's history.", "example": "moved house"},
    )
    customer = fields.Nested(EditedCustomerSchema)
    billing_address = fields.Nested(AddressSchema)
    delivery_groups = fields.List(
        fields.Nested(EditedDeliveryGroupSchema),
        validate=validate.Length(1, 100),
        metadata={"description": "All delivery groups as they are to be: one that is not named is removed."},
    )
    lines = fields.List(
        fields.Nested(EditedLineSchema),
        validate=validate.Length(1, 1000),
        metadata={"description": "All lines as they are to be: one that is not named is removed."},
    )
    fees = fields.List(
        fields.Nested(AddedFeeSchema),
        validate=validate.Length(max=50),
        metadata={"description": "All fees as they are to be."},
    )
    discounts = fields.List(
        fields.Nested(GrantedDiscountSchema),
        validate=validate.Length(max=50),
        metadata={
            "description": (
                "With coupons one list: naming either replaces both. Left out, amounts stay, what was"
                " granted as a percentage is as much of the goods as they then are, and free shipping stays."
            )
        },
    )
    coupons = coupon_codes()
    tax = fields.Nested(OverrideArguments)

    @validates_schema(skip_on_field_errors=True)
    def require_something(self, edit: Mapping[str, Any], **_: Any) -> None:
        """Refuse an edit that changes nothing."""
        if not any(name in edit for name in WHAT):
            raise ValidationError(f"name at least one thing to change: {', '.join(WHAT)}", "reason")


class EditedLineAnswerSchema(OrderLineSchema):
    """A line after the edit."""

    class Meta:
        """A new line has no id until the edit is saved."""

        exclude = ("line_id", "group_id")


class EditSchema(Schema):
    """The result of an edit; a preview returns the same."""

    version = fields.Integer(metadata={"description": "Version of the order after the edit."})
    changed = fields.List(
        fields.String(),
        metadata={
            "description": (
                "What differs, of `customer`, `billing_address`, `delivery_groups`, `lines`, `fees`, "
                "`discounts`, `coupons` and `tax`."
            )
        },
    )
    before = fields.Nested(TotalsSchema)
    after = fields.Nested(TotalsSchema)
    payment = fields.Nested(PaymentStandingSchema)
    outstanding_minor = fields.Integer(metadata={"description": "Still to be paid after the edit."})
    refund_due_minor = fields.Integer(
        metadata={
            "description": (
                "Received beyond what is owed after the edit, and not on its way back; never below 0."
            )
        }
    )
    lines = fields.List(fields.Nested(EditedLineAnswerSchema))
    coupons = fields.List(
        fields.Nested(RedemptionSchema),
        metadata={"description": "The codes that the edit names, and what each takes off."},
    )


class PastEditSchema(Schema):
    """An earlier edit."""

    at = Instant(metadata={"description": "When it was made, in UTC."})
    actor = fields.String(metadata={"description": "Who made it: the subject of their token."})
    reason = fields.String(metadata={"description": "Why, as the editor said."})
    version = fields.Integer(metadata={"description": "Version of the order after it."})
    changed = fields.List(
        fields.String(),
        metadata={
            "description": (
                "What differed, of `customer`, `billing_address`, `delivery_groups`, `lines`, `fees`, "
                "`discounts`, `coupons` and `tax`."
            )
        },
    )
    before = fields.Dict(metadata={"description": "The sums that differ, before the edit."})
    after = fields.Dict(metadata={"description": "The same sums after it."})


class EditListSchema(Schema):
    """All edits of an order, oldest first."""

    items = fields.List(fields.Nested(PastEditSchema))
