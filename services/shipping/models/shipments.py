"""Orders as shipping knows them, their shipments, and their unassigned lines."""

from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    and_,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, foreign, mapped_column, relationship

from services.shipping.domain.demand import Demand, DemandLine
from services.shipping.domain.methods import NEEDS_NO_PACKING
from services.shipping.domain.queues import PENDING, Queue
from services.shipping.domain.readiness import Readiness, readiness
from services.shipping.domain.shipment_status import (
    COURIERS_CARE,
    HOLDING_STOCK,
    MOST_WRONG_CODES,
    ShipmentFacts,
    actions,
)
from services.shipping.domain.timeline import Milestones, ReachedStep, timeline
from services.shipping.models.carriers import Courier
from services.shipping.models.goods import Goods
from services.shipping.models.handovers import Appointment, Pickup, SignOff
from services.shipping.models.locations import Location
from services.shipping.models.mapping import Base, one_of
from services.shipping.models.parcels import Parcel
from services.shipping.models.returns import ExpectedReturn
from shared import clock
from shared.db import new_id, word
from shared.events.snapshots import MethodKind, OrderStatus, ShipmentStatus
from shared.state_machine import Refusal

# What an order is called while goods are to go out for it; other words ended it, or are about to.
TO_BE_FULFILLED = frozenset({OrderStatus.PLACED, OrderStatus.ACCEPTED})


class OrderState(Base):
    """What shipping needs to know of an order, and its answers about the order as a whole."""

    __tablename__ = "order_states"
    __table_args__ = (
        CheckConstraint("(cancel_requested_at is null) = (cancel_done is null)", name="cancellation"),
        Index("ix_order_states_number", "number"),  # what is scanned off a paper
    )

    order_id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    seller: Mapped[str]
    market: Mapped[str]
    order_version: Mapped[int]  # of the snapshot that shipping was last brought in line with
    order_status: Mapped[str]
    covered: Mapped[bool]
    cash_on_delivery: Mapped[bool]
    held: Mapped[bool]
    accepted_at: Mapped[datetime | None]  # from then on, shipping owns addresses and methods
    cancel_requested_at: Mapped[datetime | None]  # the newest request that was answered
    cancel_done: Mapped[bool | None]
    cancel_reason: Mapped[str] = mapped_column(default="")  # why not
    cancel_lines: Mapped[list[dict[str, Any]]] = mapped_column(JSONB, server_default="[]")  # asked for
    time_zone: Mapped[str] = mapped_column(server_default="UTC")  # the market's
    locale: Mapped[str] = mapped_column(server_default="en")  # the customer's
    currency: Mapped[str] = mapped_column(server_default=text("''"))
    to_collect_minor: Mapped[int] = mapped_column(server_default=text("0"))  # cash, on delivery

    shipments: Mapped[list["Shipment"]] = relationship(back_populates="order", order_by="Shipment.position")
    # What was taken out of shipments by hand, until somebody puts it into one again.
    unassigned: Mapped[list["UnassignedLine"]] = relationship(
        order_by="UnassignedLine.position", cascade="all, delete-orphan"
    )
    returns: Mapped[list[ExpectedReturn]] = relationship(order_by=ExpectedReturn.id)

    @property
    def to_be_fulfilled(self) -> bool:
        """Whether goods still have to go to the customer."""
        return self.order_status in TO_BE_FULFILLED

    @property
    def lets_go(self) -> bool:
        """Whether the order allows its shipments to be released."""
        paid = self.covered or self.cash_on_delivery
        return self.order_status == OrderStatus.ACCEPTED and paid and not self.held


class Shipment(Base):
    """Lines of one delivery group of an order that ship from one location."""

    __tablename__ = "shipments"
    __table_args__ = (
        UniqueConstraint("order_id", "position"),
        CheckConstraint(one_of("status", ShipmentStatus), name="status"),
        CheckConstraint(
            "location is not null"
            f" or not ({one_of('status', HOLDING_STOCK)}) or {one_of('kind', NEEDS_NO_PACKING)}",
            name="stock_has_a_location",
        ),
        CheckConstraint(one_of("kind", MethodKind), name="kind"),
        # The id is in the order of time, so these serve the newest-first lists and the queue for stock.
        Index("ix_shipments_status_id", "status", "id"),
        Index("ix_shipments_seller_id", "seller", "id"),
        # What a location has in hand: for its pick lists, and to explain what of its stock is reserved.
        Index(
            "ix_shipments_location_id",
            "location",
            "id",
            postgresql_where=text(one_of("status", HOLDING_STOCK)),
        ),
        ForeignKeyConstraint(["seller", "courier"], ["couriers.seller", "couriers.code"]),
        # Who waits for stock of a SKU: popular ones are in nearly every shipment there ever was.
        Index(
            "ix_shipments_waits_for",
            "waits_for",
            postgresql_using="gin",
            postgresql_where=text("waits_for is not null"),
        ),
        # The queues, status by status, each by its time: all, a seller's, a location's; and what a courier
        # has to deliver.
        Index("ix_shipments_queue", "status", "queue_at", "id"),
        Index("ix_shipments_seller_queue", "seller", "status", "queue_at", "id"),
        Index(
            "ix_shipments_location_queue",
            "location",
            "status",
            "queue_at",
            "id",
            postgresql_where=text("location is not null and queue is not null"),
        ),
        # What can be released: few among all that have their stock where most orders wait to be paid.
        Index("ix_shipments_let_go", "status", "queue_at", "id", postgresql_where=text("let_go")),
        Index(
            "ix_shipments_courier",
            "seller",
            "courier",
            "id",
            postgresql_where=text(f"courier is not null and {one_of('status', COURIERS_CARE)}"),
        ),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    order_id: Mapped[UUID] = mapped_column(ForeignKey("order_states.order_id"))
    position: Mapped[int]  # among the order's shipments, from 1
    number: Mapped[str]
    group_id: Mapped[UUID]
    seller: Mapped[str]
    market: Mapped[str]
    method: Mapped[str]
    kind: Mapped[MethodKind] = mapped_column(word(MethodKind, 30))  # what the method comes down to
    pickup_point: Mapped[str | None]  # the location where it is fetched
    address: Mapped[dict[str, Any] | None] = mapped_column(
        JSONB(none_as_null=True)
    )  # none where it is fetched
    status: Mapped[ShipmentStatus] = mapped_column(word(ShipmentStatus, 30))
    location: Mapped[str | None] = mapped_column(ForeignKey("locations.code"))
    rejected_by: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default="{}")  # not asked again
    prints: Mapped[int] = mapped_column(default=0)  # how often its label was printed
    cancel_reason: Mapped[str] = mapped_column(default="")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime]
    released_at: Mapped[datetime | None]
    packing_at: Mapped[datetime | None]
    ready_at: Mapped[datetime | None]
    shipped_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    undeliverable_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    cancelled_at: Mapped[datetime | None]
    let_go: Mapped[bool] = mapped_column(server_default=text("false"))  # by its order, to be released
    waits_for: Mapped[list[str] | None] = mapped_column(ARRAY(Text))  # SKUs, while it lacks stock
    queue: Mapped[Queue | None] = mapped_column(word(Queue, 30))
    queue_at: Mapped[datetime | None]  # until when it is to leave its queue; finalised: when it got there
    courier: Mapped[str | None]  # the code of its seller's courier
    courier_assigned_at: Mapped[datetime | None]
    courier_note: Mapped[str] = mapped_column(server_default=text("''"))
    failed_attempts: Mapped[int] = mapped_column(server_default=text("0"))
    failure: Mapped[str] = mapped_column(server_default=text("''"))  # why it could not be delivered last
    download_url: Mapped[str] = mapped_column(server_default=text("''"))

    order: Mapped[OrderState] = relationship(back_populates="shipments", lazy="joined", innerjoin=True)
    fetched_at: Mapped[Location | None] = relationship(
        primaryjoin="foreign(Shipment.pickup_point) == Location.code", viewonly=True, lazy="joined"
    )
    lines: Mapped[list["ShipmentLine"]] = relationship(
        order_by="ShipmentLine.position", cascade="all, delete-orphan", lazy="selectin"
    )
    parcels: Mapped[list[Parcel]] = relationship(
        order_by="Parcel.position", cascade="all, delete-orphan", lazy="selectin"
    )
    taken_by: Mapped[Courier | None] = relationship(viewonly=True)
    pickup: Mapped[Pickup | None] = relationship(lazy="joined")
    sign_off: Mapped[SignOff | None] = relationship(lazy="joined")
    appointments: Mapped[list[Appointment]] = relationship(order_by=Appointment.starts_at, lazy="selectin")

    @property
    def demand(self) -> Demand:
        """Its contents, destination and method, in the form of a demand."""
        return Demand(
            group_id=self.group_id,
            method=self.method,
            pickup_point=self.pickup_point,
            address=self.address,
            lines=tuple(
                DemandLine(
                    line_id=line.line_id,
                    position=line.position,
                    sku=line.sku,
                    name=line.name,
                    quantity=line.quantity,
                    units=line.units,
                )
                for line in self.lines
            ),
        )

    @property
    def dispatch(self) -> dict[str, Any]:
        """Where the customer gets it, depending on its method: at the pickup point, or at the address."""
        if self.kind is MethodKind.PICKUP:
            return {"to": "pickup_point", "address": self.fetched_at.address if self.fetched_at else None}
        return {"to": "address", "address": self.address}

    @property
    def holds_stock(self) -> bool:
        """Whether stock is reserved for it at its location."""
        return self.location is not None and self.status in HOLDING_STOCK

    @property
    def label_document_id(self) -> UUID | None:
        """The stored label of its first parcel, once there is one."""
        return self.parcels[0].label_document_id if self.parcels else None

    @property
    def waits_until(self) -> date | None:
        """The day from which its goods may leave, in the market's time zone; None once that has come."""
        days = [line.goods.available_on for line in self.lines if line.goods and line.goods.available_on]
        today = clock.now().astimezone(ZoneInfo(self.order.time_zone)).date()
        return max((day for day in days if day > today), default=None)

    @property
    def readiness(self) -> Readiness | None:
        """Whether it can be packed, at a glance; None once it has left or was cancelled."""
        return readiness(
            self.status, sum(line.picked for line in self.lines), sum(line.units for line in self.lines)
        )

    @property
    def facts(self) -> ShipmentFacts:
        """The facts that decide which actions are possible on it."""
        return ShipmentFacts(
            status=self.status,
            order_status=self.order.order_status,
            covered=self.order.covered,
            cash_on_delivery=self.order.cash_on_delivery,
            held=self.order.held,
            kind=self.kind,
            accepted=self.order.accepted_at is not None,
            label_stored=self.label_document_id is not None,
            picked=all(line.picked == line.units for line in self.lines),
            check_open=0 < sum(line.checked for line in self.lines) < sum(line.units for line in self.lines),
            code_locked=self.pickup is not None and self.pickup.wrong_tries >= MOST_WRONG_CODES,
            waits_until=self.waits_until,
        )

    @property
    def collect_by(self) -> datetime | None:
        """By when it has to be collected; None if it is not waiting for pickup."""
        return self.pickup.collect_by if self.pickup and self.status is ShipmentStatus.READY else None

    @property
    def progress_at(self) -> datetime | None:
        """When it last moved after leaving."""
        moves = [self.shipped_at, self.undeliverable_at, *(parcel.tracked_at for parcel in self.parcels)]
        return max((at for at in moves if at is not None), default=None)

    @property
    def due_at(self) -> datetime | None:
        """By when its next step is due; None once none is left."""
        return self.queue_at if self.queue in PENDING else None

    @property
    def overdue(self) -> bool:
        """Whether it is past due."""
        return self.due_at is not None and self.due_at < clock.now()

    @property
    def timeline(self) -> tuple[ReachedStep, ...]:
        """Its four steps, in the customer's language."""
        return timeline(
            Milestones(
                kind=self.kind,
                accepted_at=self.order.accepted_at,
                released_at=self.released_at or self.ready_at,
                ready_at=self.ready_at,
                shipped_at=self.shipped_at,
                delivered_at=self.delivered_at,
            ),
            self.order.locale,
        )

    @property
    def actions(self) -> dict[str, Refusal | None]:
        """Each action with what blocks it first, or None if it is possible now."""
        return actions(self.facts)


class ShipmentLine(Base):
    """How much of an order line a shipment carries."""

    __tablename__ = "shipment_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("units > 0 and units % quantity = 0", name="units"),
        CheckConstraint("picked between 0 and units", name="picked"),
        CheckConstraint("checked between 0 and picked", name="checked"),
        Index("ix_shipment_lines_sku", "sku"),
    )

    shipment_id: Mapped[UUID] = mapped_column(ForeignKey("shipments.id"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    position: Mapped[int]  # as the order lists its lines
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int]  # sales units
    units: Mapped[int]  # stock-keeping units: what stock reserves
    picked: Mapped[int] = mapped_column(server_default=text("0"))  # units taken from the shelf for it
    checked: Mapped[int] = mapped_column(server_default=text("0"))  # units scanned while they were packed
    seller: Mapped[str]  # its shipment's: whose goods they are

    goods: Mapped[Goods | None] = relationship(
        primaryjoin=lambda: and_(
            foreign(ShipmentLine.seller) == Goods.seller, foreign(ShipmentLine.sku) == Goods.sku
        ),
        viewonly=True,
        lazy="joined",
    )

    @property
    def coefficient(self) -> int:
        """Stock-keeping units in one sales unit."""
        return self.units // self.quantity


class UnassignedLine(Base):
    """How much of an order line is in no shipment, because the one it was in was cancelled."""

    __tablename__ = "unassigned_lines"
    __table_args__ = (
        CheckConstraint("quantity > 0", name="quantity"),
        CheckConstraint("units > 0 and units % quantity = 0", name="units"),
    )

    order_id: Mapped[UUID] = mapped_column(ForeignKey("order_states.order_id"), primary_key=True)
    line_id: Mapped[UUID] = mapped_column(primary_key=True)
    group_id: Mapped[UUID]
    position: Mapped[int]
    sku: Mapped[str]
    name: Mapped[str]
    quantity: Mapped[int]
    units: Mapped[int]

    @property
    def coefficient(self) -> int:
        """Stock-keeping units in one sales unit."""
        return self.units // self.quantity
