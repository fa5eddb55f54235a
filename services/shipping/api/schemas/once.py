"""Lists in which nothing may be named twice: what is meant then can't be told."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from marshmallow import ValidationError


def shipments_once(ids: Collection[UUID]) -> None:
    """Refuse a shipment that is named twice."""
    if len(set(ids)) < len(ids):
        raise ValidationError("names a shipment twice")


def lines_once(rows: Collection[Mapping[str, Any]]) -> None:
    """Refuse a line that is named twice."""
    if len({row["line_id"] for row in rows}) < len(rows):
        raise ValidationError("names a line twice")
