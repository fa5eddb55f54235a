"""Addresses and customers as the API writes and reads them."""

from typing import Any

from marshmallow import (
    Schema,
    ValidationError,
    fields,
    missing,
    post_load,
    validate,
    validates_schema,
)

from services.orders.api.schemas.values import (
    Instant,
    code,
    known_country,
    known_country_or_none,
    yes_or_no,
)
from shared.events.snapshots import Address
from shared.web.fields import email_address, text
from shared.web.paging import PageArguments


class AddressSchema(Schema):
    """A postal address."""

    name = text(200, shortest=1, required=True)
    company = text(200)
    line1 = text(200, shortest=1, required=True)
    line2 = text(200)
    city = text(100, shortest=1, required=True)
    region = text(100)
    postcode = text(20, metadata={"description": "Empty where the country has none."})
    country = fields.String(
        required=True,
        validate=known_country,
        metadata={"description": "ISO 3166-1 alpha-2 code.", "example": "GB"},
    )
    phone = text(40)

    @post_load
    def make(self, values: dict[str, Any], **_: Any) -> Address:
        """The address as the rest of the service uses it."""
        return Address(**values)


class PartialAddressSchema(AddressSchema):
    """A postal address that may be incomplete."""

    name = text(200)
    line1 = text(200)
    city = text(100)
    country = fields.String(
        load_default="",
        validate=known_country_or_none,
        metadata={
            "description": "ISO 3166-1 alpha-2 code, such as GB; empty while it is not known.",
            "example": "GB",
        },
    )


class KeptAddressSchema(Schema):
    """An address as stored: everything but the country is empty once the person is erased."""

    name = fields.String()
    company = fields.String()
    line1 = fields.String()
    line2 = fields.String()
    city = fields.String()
    region = fields.String()
    postcode = fields.String(metadata={"description": "Empty where the country has none."})
    country = fields.String(
        metadata={
            "description": "ISO 3166-1 alpha-2 code; it stays when the person is erased.",
            "example": "GB",
        }
    )
    phone = fields.String()


class KeptPersonSchema(Schema):
    """A person as stored: empty where not given, and entirely once the person is erased."""

    name = fields.String(metadata={"example": "Ann Archer"})
    email = fields.String(metadata={"example": "ann@example.com"})
    phone = fields.String()
    company = fields.String()
    vat_number = fields.String()


class PersonSchema(Schema):
    """The customer as named when the order was placed."""

    name = text(200, shortest=1, required=True, metadata={"example": "Ann Archer"})
    email = email_address(required=True, metadata={"example": "ann@example.com"})
    phone = text(40)
    company = text(200)
    vat_number = text(40)


class PersonDetailsSchema(Schema):
    """The details of a customer; what is left out is unknown, or stays as it is."""

    name = text(200, shortest=1, metadata={"example": "Ann Archer"})
    email = email_address(metadata={"example": "ann@example.com"})
    phone = text(40, load_default=missing)
    company = text(200, load_default=missing)
    vat_number = text(40, load_default=missing)


class CorrectionArguments(PersonDetailsSchema):
    """Corrections to an order's customer; what is left out stays as it is."""

    class Meta:
        """The VAT number is corrected together with the invoice."""

        exclude = ("vat_number",)

    reason = text(
        500,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "Why; it is kept in the order's history.", "example": "misheard"},
    )
    keep_links = yes_or_no(
        load_default=False,
        metadata={
            "description": (
                "Keep the links open that went to the e-mail address of before. Otherwise they are closed, "
                "as it may be a stranger's."
            )
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def require_something(self, correction: dict[str, Any], **_: Any) -> None:
        """Refuse a correction that changes nothing."""
        if not correction.keys() & {"name", "email", "phone", "company"}:
            raise ValidationError("give at least one of name, email, phone, company", "reason")


class CustomerArguments(PersonSchema):
    """A customer to create or replace; orders already placed are not affected."""

    seller = fields.String(
        required=True,
        validate=code,
        metadata={"description": "Code of the seller whose customer it is. It can't be changed later."},
    )
    addresses = fields.List(
        fields.Nested(AddressSchema),
        load_default=list,
        validate=validate.Length(max=50),
        metadata={"description": "The whole address book as it is to be; the first address is the default."},
    )


class CustomerSchema(KeptPersonSchema):
    """A customer of a seller."""

    customer_id = fields.UUID(attribute="id")
    version = fields.Integer()
    seller = fields.String(attribute="seller_code")
    addresses = fields.Pluck(
        "AddressEntrySchema",
        "address",
        many=True,
        metadata={"description": "The address book; the first address is the default."},
    )
    created_at = Instant()
    erased_at = Instant(
        allow_none=True,
        metadata={"description": "When the person was erased, in UTC; null if they were not."},
    )


class KeptSchema(Schema):
    """Data of an erased person that is kept."""

    what = fields.String(
        metadata={"description": "invoices, credit_notes or amounts_and_goods.", "example": "invoices"}
    )
    why = fields.String(
        metadata={
            "description": (
                "tax_law: the law keeps it; bookkeeping: the accounts need it, and it names nobody."
            )
        }
    )


class ErasureSchema(Schema):
    """The progress of a person's erasure."""

    customer_id = fields.UUID()
    erased_at = Instant(
        metadata={"description": "When the erasure was asked for and the customer emptied, in UTC."}
    )
    erased_by = fields.String(metadata={"description": "Who asked for it: the subject of their token."})
    orders_left = fields.List(
        fields.String(),
        metadata={"description": "Numbers of orders that are erased once they have ended, at most 20."},
    )
    more_left = fields.Boolean(metadata={"description": "Whether there are more orders than these."})
    kept = fields.List(
        fields.Nested(KeptSchema), metadata={"description": "What is kept of the person, and why."}
    )


class AddressEntrySchema(Schema):
    """An entry in an address book."""

    address_id = fields.UUID(attribute="id")
    address = fields.Nested(KeptAddressSchema)


class AddressEntryArguments(Schema):
    """An entry to add or change."""

    address = fields.Nested(AddressSchema, required=True)
    default = yes_or_no(
        load_default=False,
        metadata={"description": "Whether to make it the first address, which is the default."},
    )


class ReaddressArguments(Schema):
    """The new address of a delivery."""

    delivery_group_id = fields.UUID(
        required=True, metadata={"description": "Id of the delivery group that goes to the new address."}
    )
    address = fields.Nested(AddressSchema, required=True)
    add_to_address_book = yes_or_no(
        load_default=False,
        metadata={
            "description": (
                "Whether the customer's address book gains it too; otherwise it is for this order alone."
            )
        },
    )


class CustomerSearchArguments(PageArguments):
    """The filters of the list of customers."""

    search = text(
        100,
        shortest=1,
        metadata={
            "description": "Any part of the name, typed on any keyboard (`Muller` and `Mueller` find "
            "Müller), or of the e-mail as it is; or three digits and more of the telephone, with or without "
            "the country."
        },
    )
    seller = fields.String(validate=code, metadata={"description": "Only customers of this seller, by code."})
