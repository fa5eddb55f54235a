"""Schemas for sellers' logos."""

from marshmallow import Schema, fields


class LogoSchema(Schema):
    """A seller's logo; it appears on all documents that become due from then on."""

    seller = fields.String(required=True)
    sha256 = fields.String(
        required=True, allow_none=True, metadata={"description": "null: the seller's initials instead"}
    )
    content_type = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    set_by = fields.String(required=True)
    set_at = fields.AwareDateTime(required=True)
