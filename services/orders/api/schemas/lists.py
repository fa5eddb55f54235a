"""The arguments of lists of orders."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from enum import StrEnum
from typing import Any

from marshmallow import Schema, ValidationError, fields, post_load, validate, validates_schema

from services.orders.api.schemas.orders import ListedOrderSchema
from services.orders.api.schemas.values import LARGEST_AMOUNT_MINOR, code, day
from services.orders.domain.fulfilment import Fulfilment
from services.orders.domain.periods import Period
from services.orders.domain.search_words import WordKind, name_patterns, word_of
from services.orders.domain.shown_statuses import CsrStatus, Lifecycle, Queue, TimelineStep
from services.orders.queries.lists import COUNTED_AT_MOST, SORTS
from shared.events.snapshots import Channel, OrderStatus, PaymentMethod, PaymentState
from shared.web.fields import text
from shared.web.paging import PageArguments

MOST_VALUES = 50  # of one filter


def _some(each: fields.Field[Any], **options: Any) -> fields.List[Any]:
    return fields.List(each, validate=validate.Length(1, MOST_VALUES), **options)


def _words(kind: type[StrEnum], **options: Any) -> fields.List[Any]:
    return _some(fields.Enum(kind, by_value=True), **options)


def _exact(kind: WordKind, description: str, **options: Any) -> fields.String:
    def says_something(value: str) -> None:
        if not word_of(kind, value):
            raise ValidationError("contains nothing to search for")

    return _checked(text(254, shortest=1, metadata={"description": description}, **options), says_something)


def _says_a_name(value: str) -> None:
    if not name_patterns(value):
        raise ValidationError("must contain a letter or a digit")


def _checked(field: fields.String, validator: Callable[[str], None]) -> fields.String:
    field.validators.append(validator)
    return field


def _total(description: str) -> fields.Integer:
    return fields.Integer(
        validate=validate.Range(0, LARGEST_AMOUNT_MINOR), metadata={"description": description}
    )


class OrderBounds(Schema):
    """Which seller's orders, and the markets they were sold in."""

    seller = _some(
        fields.String(validate=code), metadata={"description": "Only orders of these sellers, by code."}
    )
    market = _some(
        fields.String(validate=code), metadata={"description": "Only orders of these markets, by code."}
    )


class OrderFilters(OrderBounds):
    """Filters of a list of orders; an order must match all of them, each by any one of its values."""

    number = text(64, shortest=1, metadata={"description": "Number of the order, whole."})
    customer_id = fields.UUID(metadata={"description": "Only orders of this customer."})
    name = _checked(
        text(
            200,
            shortest=1,
            metadata={
                "description": "Any part of the customer's name, typed on any keyboard: capitals, accents, "
                "ligatures, quote marks and dashes make no difference, and `Mueller` finds Müller too. "
                "`%` stands for anything. Fewer than three letters in a row match where a word of the name "
                "begins.",
                "example": "%tay",
            },
        ),
        _says_a_name,
    )
    email = _exact(WordKind.EMAIL, "E-mail address of the customer, whole.")
    phone = _exact(
        WordKind.PHONE,
        "Any telephone number of the order, whole, with or without its country code; only digits count.",
    )
    sku = _exact(WordKind.SKU, "SKU of one of its lines, whole.")
    tracking_number = _exact(WordKind.TRACKING_NUMBER, "Tracking number of one of its parcels, whole.")
    invoice_number = _exact(WordKind.INVOICE_NUMBER, "Number of one of its invoices or credit notes, whole.")
    reference = _exact(WordKind.REFERENCE, "The shop's or marketplace's own number of the order, whole.")
    tag = _some(
        _exact(
            WordKind.TAG,
            "Only orders with this tag, whole; of several, with all. It may be typed on any keyboard.",
        )
    )
    search = text(
        200,
        shortest=1,
        metadata={
            "description": "Anything: a number, e-mail address, telephone, SKU, tracking or invoice number, "
            "reference or tag, or a part of the customer's name; each as its own filter takes it."
        },
    )
    status = _words(OrderStatus, metadata={"description": "Only orders with one of these statuses."})
    fulfilment = _words(Fulfilment, metadata={"description": "Only orders whose goods are so far."})
    lifecycle = _words(Lifecycle, metadata={"description": "Only orders with one of these generic statuses."})
    csr_status = _words(
        CsrStatus, metadata={"description": "Only orders with one of these statuses for customer service."}
    )
    timeline = _words(
        TimelineStep, metadata={"description": "Only orders that are so far for their customer."}
    )
    queue = _some(
        fields.Enum(Queue, by_value=True),
        metadata={"description": "Only orders that are in all of these queues."},
    )
    channel = _words(Channel, metadata={"description": "Only orders from these channels."})
    payment_state = _words(
        PaymentState, metadata={"description": "Only orders in one of these payment states."}
    )
    payment_method = _words(
        PaymentMethod, metadata={"description": "Only orders that are paid by one of these methods."}
    )
    period = fields.Enum(
        Period,
        by_value=True,
        metadata={
            "description": (
                "When it was placed, by the calendar of its market; not with `placed_from` or `placed_to`."
            )
        },
    )
    placed_from = fields.Date(
        validate=day,
        metadata={"description": "First day on which it was placed, by the calendar of its market."},
    )
    placed_to = fields.Date(
        validate=day,
        metadata={"description": "Last day on which it was placed, by the calendar of its market."},
    )
    min_total_minor = _total("The least that it comes to, in minor units of its currency.")
    max_total_minor = _total("The most that it comes to, in minor units of its currency.")

    @validates_schema(skip_on_field_errors=True)
    def require_sense(self, filters: Mapping[str, Any], **_: Any) -> None:
        """Refuse filters that no order can match."""
        first, last = filters.get("placed_from"), filters.get("placed_to")
        if "period" in filters and (first or last):
            raise ValidationError("give a period or dates, not both", "period")
        if first and last and first > last:
            raise ValidationError("is before placed_from", "placed_to")
        least, most = filters.get("min_total_minor"), filters.get("max_total_minor")
        if least is not None and most is not None and least > most:
            raise ValidationError("is less than min_total_minor", "max_total_minor")

    @post_load
    def as_the_query_takes_it(self, filters: dict[str, Any], **_: Any) -> dict[str, Any]:
        """The values of exact filters as lists, and the day after the last one."""
        for kind in WordKind:
            if isinstance(filters.get(kind.value), str):
                filters[kind.value] = [filters[kind.value]]
        if "placed_to" in filters:
            filters["placed_after"] = filters.pop("placed_to") + timedelta(days=1)
        return filters


class SortedOrders(OrderFilters):
    """Orders in the order of a list."""

    sort = fields.String(
        load_default="-placed_at",
        validate=validate.OneOf(list(SORTS)),
        metadata={
            "description": (
                "`-placed_at`: newest first; `placed_at`: oldest first; `-total_minor`: highest total "
                "first; `total_minor`: lowest first; `due_at`: next deadline first, and only orders that "
                "have one."
            )
        },
    )


class OrderListArguments(SortedOrders, PageArguments):
    """A page of a list."""

    count = fields.Boolean(
        load_default=False,
        metadata={"description": f"Whether to count the orders too, up to {COUNTED_AT_MOST}."},
    )


class MatchingOrdersSchema(Schema):
    """The matching orders, for a bulk action."""

    order_ids = fields.List(
        fields.UUID(),
        metadata={
            "description": "Ids of the first orders of the list; at most as many as a bulk action takes."
        },
    )
    count = fields.Integer(metadata={"description": f"How many match in all, at most {COUNTED_AT_MOST}."})
    count_is_capped = fields.Boolean(metadata={"description": "Whether there are more than were counted."})


class OrderListSchema(Schema):
    """A page of orders."""

    items = fields.List(fields.Nested(ListedOrderSchema))
    next = fields.String(
        required=True,
        allow_none=True,
        metadata={"description": "The cursor of the next page; null on the last."},
    )
    count = fields.Integer(metadata={"description": "How many match; only if `count` was asked for."})
    count_is_capped = fields.Boolean(
        metadata={"description": "Whether there are more than were counted; only if `count` was asked for."}
    )
