"""Common schema fields: kinds of text with validation, and lists of orders."""

from collections.abc import Callable, Collection
from typing import Any

from marshmallow import ValidationError, fields, validate

from shared.email_addresses import LONGEST_EMAIL_ADDRESS, is_email_address
from shared.text import UnfitText, accepted

_has_a_public_domain = validate.Email(error="must be an e-mail address, such as ann@example.com")


class Text(fields.String):
    """Text that every service, database, document and file can hold, in NFC."""

    def __init__(self, *, lines: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.lines = lines

    def _deserialize(self, value: Any, *arguments: Any, **named: Any) -> str:
        typed: str = super()._deserialize(value, *arguments, **named)
        try:
            return accepted(typed, lines=self.lines)
        except UnfitText as error:
            raise ValidationError(str(error)) from error


def text(longest: int, *, shortest: int = 0, prose: bool = False, **options: Any) -> Text:
    """A single-line text field, or multi-line if `prose`; missing text is empty, not null."""
    validators: list[Any] = [validate.Length(shortest, longest)]
    if shortest:
        validators.append(_not_blank)
    elif not options.get("required"):
        options.setdefault("load_default", "")
    return Text(lines=prose, validate=validators, **options)


def email_address(*, may_be_empty: bool = False, **options: Any) -> Text:
    """An e-mail address field, which may be empty if allowed."""

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
    return Text(validate=[validate.Length(max=LONGEST_EMAIL_ADDRESS), address], **options)


def _not_blank(value: str) -> None:
    if not value.strip():
        raise ValidationError("may not be blank")


def unique(thing: str, by: str | None = None) -> Callable[[Collection[Any]], None]:
    """A validator that rejects duplicates in a list.

    It is named by its id, or in rows by their field `by`.
    """

    def refuse_repeated(given: Collection[Any]) -> None:
        named = {one if by is None else one[by] for one in given}
        if len(named) < len(given):
            raise ValidationError(f"names {thing} twice")

    return refuse_repeated
