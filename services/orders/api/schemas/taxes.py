"""Tax tables as the API reads and writes them, and how an order was taxed."""

from collections import defaultdict
from datetime import date
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.orders.api.schemas.values import (
    code,
    day,
    known_country,
    tax_treatment,
    yes_or_no,
)
from services.orders.domain.taxation import SamePrice, Supply
from shared.events.snapshots import TaxTreatment
from shared.money import BASIS_POINTS
from shared.vat import EXEMPTIONS, parts_of_countries, place_of
from shared.web.fields import text

_PLACE = (
    "A country by ISO 3166-1 alpha-2, XI for Northern Ireland,"
    " or PT-20, PT-30, AT-6991 for parts with rates of their own."
)


def _known_place(value: str) -> None:
    """Refuse a place that has no rates of its own."""
    if value in parts_of_countries():
        return
    known_country(value)
    if (taken := place_of(value).code) != value:
        raise ValidationError(f"is taxed as {taken}: use that")


def _known_exemption(value: str) -> None:
    if value and value not in EXEMPTIONS:
        raise ValidationError("must be a VATEX exemption code, as in VATEX-EU-132-1I")


class TaxRateSchema(Schema):
    """The rate of a tax class in a place, for a period of days."""

    place = fields.String(
        required=True, validate=_known_place, metadata={"description": _PLACE, "example": "FR"}
    )
    tax_class = fields.String(required=True, validate=code, metadata={"example": "reduced"})
    rate_basis_points = fields.Integer(
        required=True,
        strict=True,
        validate=validate.Range(0, BASIS_POINTS),
        metadata={"description": "Tax rate in basis points: 550 is 5.5 %.", "example": 550},
    )
    exemption = fields.String(
        load_default="",
        validate=_known_exemption,
        metadata={
            "description": (
                "If the class is exempt there, why: a code of VATEX, the list of EN 16931; else empty."
            ),
            "example": "",
        },
    )
    valid_from = fields.Date(
        allow_none=True,
        load_default=None,
        validate=day,
        metadata={
            "description": (
                "The first day on which it is valid, in the market's time zone; null if it always was."
            )
        },
    )
    valid_until = fields.Date(
        allow_none=True,
        load_default=None,
        validate=day,
        metadata={
            "description": (
                "The first day on which it is not valid any more, in the market's time zone; null if none "
                "is known."
            )
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def require_sense(self, row: dict[str, Any], **_: Any) -> None:
        """Refuse a rate that is both exempt and above zero, or never valid."""
        if row["exemption"] and row["rate_basis_points"]:
            raise ValidationError("must be 0 if there is an exemption", "rate_basis_points")
        since, until = row["valid_from"], row["valid_until"]
        if since and until and until <= since:
            raise ValidationError("must be later than valid_from", "valid_until")


class TaxTableSchema(Schema):
    """A market's tax table: rates by place and class, and the seller's choices."""

    taxes_at_destination = yes_or_no(
        required=True,
        metadata={
            "description": (
                "Whether consumers in other member states are taxed at the rates there, through the one-stop"
                " shop; false below the threshold of article 59c of Directive 2006/112/EC: then at home."
            )
        },
    )
    same_price = fields.Enum(
        SamePrice,
        by_value=True,
        load_default=SamePrice.GROSS,
        metadata={
            "description": (
                "In a market with gross prices, what stays the same where rates differ. Where nothing is "
                "taxed, the net price is owed either way."
            )
        },
    )
    supplies = fields.Dict(
        keys=fields.String(validate=code),
        values=fields.Enum(Supply, by_value=True),
        load_default=dict,
        validate=validate.Length(max=50),
        metadata={
            "description": "What tax classes are of, by class; one that is not named is of goods.",
            "example": {"download": "digital"},
        },
    )
    pickup_places = fields.Dict(
        keys=text(100, shortest=1),
        values=fields.String(validate=_known_place),
        load_default=dict,
        validate=validate.Length(max=500),
        metadata={
            "description": (
                "Where pickup points are, by their code: a place as in `rates`; the seller's country if not"
                " named."
            ),
            "example": {"LYON-1": "FR"},
        },
    )
    rates = fields.List(
        fields.Nested(TaxRateSchema),
        required=True,
        validate=validate.Length(1, 2000),
        metadata={"description": "The rates; there is at most one for a place, a class and a day."},
    )

    @validates_schema(skip_on_field_errors=True)
    def require_one_a_day(self, table: dict[str, Any], **_: Any) -> None:
        """Refuse two rates for the same place, class and day."""
        known: defaultdict[tuple[str, str], list[tuple[date, date]]] = defaultdict(list)
        wrong = {}
        for at, row in enumerate(table["rates"]):
            since, until = row["valid_from"] or date.min, row["valid_until"] or date.max
            spans = known[row["place"], row["tax_class"]]
            if any(since < end and begin < until for begin, end in spans):
                wrong[at] = {"valid_from": ["overlaps another rate for this place and class"]}
            spans.append((since, until))
        if wrong:
            raise ValidationError({"rates": wrong})


class TaxReasonSchema(Schema):
    """Why a rate of an order is what it is."""

    rate_basis_points = fields.Integer()
    treatment = tax_treatment()
    exemption = fields.String(
        metadata={"description": "If it is exempt, why: a code of VATEX, the list of EN 16931; else empty."}
    )
    places = fields.List(
        fields.String(),
        metadata={"description": "Whose VAT it is: countries, or parts of one that are taxed otherwise."},
    )


class OverrideArguments(Schema):
    """A tax treatment that overrides the market's table; null removes the override."""

    treatment = tax_treatment(
        "By which rule of VAT it is to be taxed; null goes by the market's table again.",
        required=True,
        allow_none=True,
    )
    exemption = fields.String(
        load_default="",
        validate=_known_exemption,
        metadata={
            "description": "For `exempt`, why: a code of VATEX, the list of EN 16931; else empty.",
            "example": "VATEX-EU-151",
        },
    )

    @validates_schema(skip_on_field_errors=True)
    def require_code(self, override: dict[str, Any], **_: Any) -> None:
        """Require an exemption code for an exempt treatment, and for no other."""
        if (override["treatment"] is TaxTreatment.EXEMPT) != bool(override["exemption"]):
            raise ValidationError("is required for `exempt`, and not allowed otherwise", "exemption")


class OverrideSchema(Schema):
    """The overriding treatment; the order's history says who chose it, when and why."""

    treatment = tax_treatment()
    exemption = fields.String(
        metadata={"description": "For `exempt`, why: a code of VATEX, the list of EN 16931; else empty."}
    )


class TaxationSchema(Schema):
    """How an order's taxes were decided, and on what basis."""

    home = fields.String(
        metadata={
            "description": (
                "Place from which the seller sells: a country, or a part of one that is taxed otherwise."
            )
        }
    )
    decided_on = fields.Date(
        metadata={"description": "Day whose rates these are, in the market's time zone."}
    )
    identifier = fields.String(
        metadata={
            "description": (
                "The customer's VAT identifier, right by its form and check digits; only VIES can tell "
                "whether it is theirs. Empty: none, taxed as a consumer."
            )
        }
    )
    reasons = fields.List(
        fields.Nested(TaxReasonSchema), metadata={"description": "Why each rate is what it is."}
    )
    override = fields.Nested(
        OverrideSchema,
        allow_none=True,
        metadata={
            "description": "The treatment that somebody chose in place of the table's; null if nobody did."
        },
    )
