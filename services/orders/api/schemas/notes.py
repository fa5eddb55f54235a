"""Notes and tags as the API takes and shows them."""

from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

from services.orders.api.schemas.values import Instant
from services.orders.domain.search_words import WordKind, word_of
from shared.web.fields import text
from shared.web.paging import page_schema


class NoteArguments(Schema):
    """A note for staff."""

    text = text(
        5000,
        shortest=1,
        prose=True,
        required=True,
        metadata={"description": "For staff only: it is in no document, e-mail or event."},
    )


class NoteSchema(Schema):
    """A note for staff, and who wrote it."""

    note_id = fields.UUID(attribute="id", metadata={"description": "Id of the note."})
    text = fields.String()
    created_by = fields.String()
    created_at = Instant()


NotePageSchema = page_schema(NoteSchema)


def _tags(description: str) -> fields.List[Any]:
    one = text(50, shortest=1, metadata={"example": "gift"})
    return fields.List(
        one, load_default=list, validate=validate.Length(max=30), metadata={"description": description}
    )


class TagArguments(Schema):
    """Tags to add and to remove."""

    add = _tags("Tags to add; one that the order has already stays.")
    remove = _tags("Tags to remove; one that the order does not have is ignored.")

    @validates_schema(skip_on_field_errors=True)
    def require_some(self, tags: Mapping[str, Any], **_: Any) -> None:
        """Refuse a change that does nothing, or contradicts itself."""
        if not tags["add"] and not tags["remove"]:
            raise ValidationError("name at least one tag to add or remove", "add")
        add, remove = ({word_of(WordKind.TAG, tag) for tag in tags[part]} for part in ("add", "remove"))
        if add & remove:
            raise ValidationError("includes a tag that is also to be added", "remove")


class TagsSchema(Schema):
    """The tags of an order."""

    tags = fields.List(fields.String(), metadata={"description": "All tags of the order."})
