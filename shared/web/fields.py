"""The kinds of text that the services' schemas take, each refusing what can't be one."""

from typing import Any

from marshmallow import ValidationError, fields, validate

from shared.email_addresses import LONGEST_EMAIL_ADDRESS, is_email_address

_has_a_public_domain = validate.Email(error="must be an e-mail address, as in ann@example.com")


def email_address(*, may_be_empty: bool = False, **options: Any) -> fields.String:
    """An e-mail address, or nothing where it may be empty."""

    def address(value: str) -> None:
        if may_be_empty and not value:
            return
        if not is_email_address(value):
            raise ValidationError(str(_has_a_public_domain.error))
        _has_a_public_domain(value)

    if may_be_empty:
        options.setdefault("load_default", "")
    else:
        options["metadata"] = {"format": "email", **options.get("metadata", {})}
    return fields.String(validate=[validate.Length(max=LONGEST_EMAIL_ADDRESS), address], **options)
