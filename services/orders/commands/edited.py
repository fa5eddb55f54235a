"""A placed order as an edit wants it to be, in the terms in which orders are placed."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.orders.commands.wanted import AddedFee, GrantedDiscount, WantedDelivery, WantedLine
from services.orders.domain.totals import ChargeKind
from services.orders.models import Order
from shared.errors import Invalid

GONE = -1  # the place of a delivery group that is none any more


class EditedDelivery(WantedDelivery, total=False):
    """A delivery group; of one with an id, what is left out stays; one that is not named is gone."""

    group_id: UUID


class EditedLine(WantedLine, total=False):
    """A line; of one with an id, what is left out stays; one that is not named is gone."""

    line_id: UUID


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """The order as it is to be, in the terms in which orders are placed."""

    groups: Sequence[EditedDelivery]
    lines: Sequence[EditedLine]
    fees: Sequence[AddedFee]
    discounts: Sequence[GrantedDiscount]


def own_class(rate_basis_points: int) -> str:
    """A tax class for what the order has already: no market can call one of its own so."""
    return f"at {rate_basis_points}"


def wanted_of(
    order: Order,
    groups: Sequence[EditedDelivery] | None,
    lines: Sequence[EditedLine] | None,
    fees: Sequence[AddedFee] | None,
    discounts: Sequence[GrantedDiscount] | None,
) -> Wanted:
    """The order with what is named replaced and all else as it is; raises Invalid."""
    _refuse_strangers(order, groups or (), lines)
    known_groups = groups_as_wanted(order)
    groups = known_groups if groups is None else [_edited_group(known_groups, group) for group in groups]
    known_lines = _lines_as_wanted(order, groups)
    lines = known_lines if lines is None else [_edited_line(known_lines, line) for line in lines]
    if homeless := [str(place) for place, line in enumerate(lines) if line.get("delivery_group") == GONE]:
        raise Invalid(**{f"lines.{place}.delivery_group": "its delivery group is gone" for place in homeless})
    return Wanted(
        groups=groups,
        lines=lines,
        fees=_fees_as_wanted(order) if fees is None else fees,
        discounts=discounts_as_wanted(order) if discounts is None else discounts,
    )


def _edited_group(known: Sequence[EditedDelivery], group: EditedDelivery) -> EditedDelivery:
    before = next((one for one in known if one["group_id"] == group.get("group_id")), None)
    if before is None:
        return {"shipping_minor": 0, **group}
    if group.get("address"):  # it is brought there, no longer fetched; and the other way round
        before = before | {"pickup_point": None}
    elif group.get("pickup_point"):
        before = before | {"address": None}
    return before | group


def _edited_line(known: Sequence[EditedLine], line: EditedLine) -> EditedLine:
    before = next((one for one in known if one["line_id"] == line.get("line_id")), None)
    return line if before is None else before | line


def groups_as_wanted(order: Order) -> list[EditedDelivery]:
    """The delivery groups as they are."""
    return [
        {
            "group_id": group.id,
            "method": group.method,
            "shipping_minor": group.shipping_minor,
            "address": group.address,
            "pickup_point": group.pickup_point,
            "requested_on": group.requested_on,
        }
        for group in order.delivery_groups
    ]


def _lines_as_wanted(order: Order, groups: Sequence[EditedDelivery]) -> list[EditedLine]:
    places = {group["group_id"]: place for place, group in enumerate(groups) if "group_id" in group}
    return [
        {
            "line_id": line.id,
            "sku": line.sku,
            "name": line.name,
            "quantity": line.quantity,
            "delivery_group": places.get(line.group_id, GONE),
            "unit_price_minor": line.unit_price_minor,
            "discount_minor": line.discount_minor,
        }
        for line in order.lines
    ]


def _fees_as_wanted(order: Order) -> list[AddedFee]:
    return [
        {
            "name": fee.name,
            "amount_minor": fee.amount_minor,
            "tax_class": own_class(fee.tax_rate_basis_points),
        }
        for fee in order.fees
        if fee.kind is ChargeKind.FEE
    ]


def discounts_as_wanted(order: Order) -> list[GrantedDiscount]:
    """The discounts as they were granted: a row is the share of one tax rate."""
    amounts: dict[str, int] = {}
    for fee in order.fees:
        if fee.kind is ChargeKind.DISCOUNT:
            amounts[fee.name] = amounts.get(fee.name, 0) - fee.amount_minor
    return [{"name": name, "amount_minor": amount} for name, amount in amounts.items()]


def _refuse_strangers(
    order: Order, groups: Sequence[EditedDelivery], lines: Sequence[EditedLine] | None
) -> None:
    """Go on only if what is named by id is the order's, once, and keeps the units cancelled of it."""
    wrong: dict[str, str] = {}
    unnamed_groups = {group.id for group in order.delivery_groups}
    for place, group in enumerate(groups):
        if "group_id" in group and group["group_id"] not in unnamed_groups:
            wrong[f"delivery_groups.{place}.group_id"] = "the order has no such group, or it is named twice"
        unnamed_groups.discard(group.get("group_id", order.id))
    unnamed = {line.id: line for line in order.lines}
    for place, line in enumerate(lines or ()):
        if "line_id" not in line:
            continue
        known = unnamed.pop(line["line_id"], None)
        if known is None:
            wrong[f"lines.{place}.line_id"] = "the order has no such line, or it is named twice"
        elif line.get("sku", known.sku) != known.sku:
            wrong[f"lines.{place}.sku"] = "another product is another line: leave out line_id"
        elif line.get("quantity", known.quantity) < known.cancelled_quantity:
            wrong[f"lines.{place}.quantity"] = f"{known.cancelled_quantity} are cancelled already"
    gone = [line.sku for line in unnamed.values() if line.cancelled_quantity]
    if lines is not None and gone:
        wrong["lines"] = f"units of {', '.join(gone)} are cancelled: the line stays"
    if wrong:
        raise Invalid(**wrong)
