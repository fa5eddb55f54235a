"""Schemas for sellers' logos."""

from marshmallow import Schema, fields


class LogoSchema(Schema):
    """A seller's logo; it appears on all documents that become due from then on."""

    seller = fields.String(required=True)
    sha256 = fields.String(
        required=True,
        allow_none=True,
        metadata={
            "description": (
                "SHA-256 of the file in hexadecimal; null if there is no logo, and the seller's initials "
                "stand in its place."
            )
        },
    )
    content_type = fields.String(required=True)
    size_bytes = fields.Integer(required=True)
    set_by = fields.String(
        required=True, metadata={"description": "Who set or removed it: the subject of their token."}
    )
    set_at = fields.AwareDateTime(
        required=True, metadata={"description": "When it was set or removed, in UTC."}
    )
