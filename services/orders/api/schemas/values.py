"""The types of value in the schemas, each with its own validation."""

import re
from datetime import date, datetime
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel import Locale, UnknownLocaleError
from marshmallow import ValidationError, fields, validate

from shared.errors import Invalid
from shared.events.snapshots import PaymentMethod, TaxTreatment
from shared.money import currencies
from shared.web.fields import Text

LARGEST_AMOUNT_MINOR = 10**12
LARGEST_QUANTITY = 1_000_000

_web_address = validate.URL(schemes={"http", "https"}, require_tld=False)
# Regions of the list that are no countries: groupings, pseudo-locales, unknown.
_NO_COUNTRIES = frozenset({"EU", "EZ", "QO", "UN", "XA", "XB", "ZZ"})

# At either end of the calendar a time zone leads out of it, and the database can't tell what it keeps.
day = validate.Range(date(1970, 1, 1), date(2999, 12, 31), error="must be between 1970 and 2999")

code = validate.Regexp(
    r"[a-z0-9][a-z0-9-]{0,31}\Z", error="must be lower-case letters, digits and hyphens, at most 32"
)
_coupon = validate.Regexp(
    r"[A-Z0-9][A-Z0-9-]{0,31}\Z", error="must be letters, digits and hyphens, at most 32"
)


def checked_code(field: str, value: str) -> str:
    """A code from a URL; raises Invalid."""
    return _checked(code, field, value)


def checked_coupon(field: str, value: str) -> str:
    """A coupon code from a URL, in upper case; raises Invalid."""
    return _checked(_coupon, field, value.upper())


class Instant(fields.AwareDateTime):
    """An instant with a time zone; the encoder writes it in UTC with a Z, as in plain rows and events."""

    def _deserialize(self, value: Any, *arguments: Any, **named: Any) -> datetime:
        instant: datetime = super()._deserialize(value, *arguments, **named)
        day(instant.date())
        return instant

    def _serialize(self, value: Any, *_: Any, **__: Any) -> Any:
        return value


class CouponCode(Text):
    """A coupon code as the customer typed it, in upper or lower case; an impossible one counts as unknown."""

    def __init__(self) -> None:
        super().__init__(validate=validate.Length(1, 64))

    def _deserialize(self, value: Any, *arguments: Any, **named: Any) -> str:
        typed: str = super()._deserialize(value, *arguments, **named)
        return typed.strip().upper()


def web_address(longest: int) -> fields.String:
    """An http(s) address, or nothing."""

    def reachable(value: str) -> None:
        if value:
            _web_address(value)

    return fields.String(
        load_default="",
        validate=[validate.Length(max=longest), reachable],
        metadata={"description": "An http(s) address, or empty."},
    )


def amount(
    least: int = 0, description: str = "In minor units of the order's currency.", **options: Any
) -> Any:
    """An amount of money in minor units."""
    return fields.Integer(
        strict=True,
        validate=validate.Range(least, LARGEST_AMOUNT_MINOR),
        metadata={"description": description},
        **options,
    )


def yes_or_no(**options: Any) -> fields.Boolean:
    """True or false, with no other spelling."""
    return fields.Boolean(truthy={True}, falsy={False}, **options)


def method_of_payment(**options: Any) -> fields.Enum[PaymentMethod]:
    """How the customer pays; payment by exchange is only ever set by the service itself."""
    return fields.Enum(PaymentMethod, by_value=True, validate=_choosable, **options)


def tax_treatment(
    description: str = "By which rule of VAT it is taxed.", **options: Any
) -> fields.Enum[TaxTreatment]:
    """The VAT treatment of something, as orders show it."""
    if options.get("allow_none") and "null" not in description:
        description = f"{description} Null if the market's rates alone decide."
    return fields.Enum(TaxTreatment, by_value=True, metadata={"description": description}, **options)


def known_country(value: str) -> None:
    """Refuse anything but an ISO 3166-1 alpha-2 country code."""
    if value not in _countries():
        raise ValidationError("must be a country's ISO 3166-1 alpha-2 code, as in GB")


def known_country_or_none(value: str) -> None:
    """The same, for a value that may be empty."""
    if value:
        known_country(value)


def known_currency(value: str) -> None:
    """Refuse anything but an ISO 4217 currency code."""
    if value not in currencies():
        raise ValidationError("must be a currency's ISO 4217 code, as in GBP")


def known_locale(value: str) -> None:
    """Refuse an unknown locale."""
    if not _is_locale(value):
        raise ValidationError("must be a known locale, as in en or es_CO")


def known_time_zone(value: str) -> None:
    """Refuse an unknown time zone."""
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValidationError("must be an IANA time zone, as in Europe/London") from None


def _checked(validator: validate.Regexp, field: str, value: str) -> str:
    try:
        validator(value)
    except ValidationError as error:
        raise Invalid(**{field: str(error.messages[0])}) from error
    return value


def _choosable(value: PaymentMethod) -> None:
    if value is PaymentMethod.EXCHANGE:
        raise ValidationError("is only used for exchanges")


@cache
def _countries() -> frozenset[str]:
    regions = (str(region) for region in Locale("en").territories)
    return frozenset(region for region in regions if re.fullmatch("[A-Z]{2}", region)) - _NO_COUNTRIES


@cache
def _is_locale(value: str) -> bool:
    if not re.fullmatch(r"[a-z]{2,3}(_[A-Z]{2})?", value):
        return False
    try:
        Locale.parse(value)
    except (UnknownLocaleError, ValueError):
        return False
    return True
