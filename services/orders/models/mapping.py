"""Mapping of rows: column types, and what all tables have in common."""

from datetime import datetime
from functools import cache
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import BigInteger, Dialect, MetaData, Text, TypeDecorator
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, class_mapper

from services.orders.domain.bank_statements import LineState
from services.orders.domain.fulfilment import Fulfilment, Goods
from services.orders.domain.payments import ChargebackStep, Discrepancy, ReportKind
from services.orders.domain.search_words import WordKind
from services.orders.domain.shown_statuses import CsrStatus, Lifecycle, TimelineStep
from services.orders.domain.taxation import ChargesTaxed, Taxation, TaxTable
from services.orders.domain.verification import Check
from shared import db
from shared.db import UtcDateTime, word
from shared.events.snapshots import (
    Address,
    CancelledLine,
    Channel,
    ChargeKind,
    CloseReason,
    InvoiceOn,
    InvoicePer,
    NumbersPer,
    OrderStatus,
    PaymentMethod,
    PaymentState,
    RefundKind,
    RefundPart,
    RefundState,
    ReturnReason,
    ReturnStatus,
    TaxMode,
    TaxRounding,
    TaxRow,
    TaxTreatment,
)

T = TypeVar("T")


class Json(TypeDecorator[T], Generic[T]):
    """A value of some type, stored as JSONB and loaded as that type again."""

    impl = JSONB(none_as_null=True)
    cache_ok = True

    def __init__(self, kind: Any) -> None:
        super().__init__()
        self.kind = kind

    def process_bind_param(self, value: T | None, dialect: Dialect) -> Any:  # noqa: ARG002
        """Convert the value to plain JSON."""
        return None if value is None else msgspec.to_builtins(value)

    def process_result_value(self, value: Any, dialect: Dialect) -> T | None:  # noqa: ARG002
        """Convert plain JSON to the value."""
        return None if value is None else msgspec.convert(value, self.kind)


_WORDS: dict[Any, Any] = {
    kind: word(kind)
    for kind in (
        *(Channel, ChargeKind, CsrStatus, Fulfilment, Lifecycle, OrderStatus, TimelineStep),
        *(CloseReason, InvoiceOn, InvoicePer, LineState, NumbersPer, ReturnReason, ReturnStatus),
        *(
            ChargebackStep,
            Discrepancy,
            PaymentMethod,
            PaymentState,
            RefundKind,
            RefundState,
            TaxMode,
            TaxRounding,
            ReportKind,
            WordKind,
        ),
        *(ChargesTaxed, TaxTreatment),
    )
}


class Base(DeclarativeBase):
    """The base class of all mapped classes."""

    metadata = MetaData(naming_convention=db.metadata.naming_convention)
    type_annotation_map = {  # noqa: RUF012 - as SQLAlchemy declares it
        str: Text,
        int: BigInteger,
        datetime: UtcDateTime,
        Address: Json(Address),
        dict[str, Any]: Json(dict[str, Any]),
        dict[str, str]: Json(dict[str, str]),
        dict[str, int]: Json(dict[str, int]),
        dict[str, dict[str, str]]: Json(dict[str, dict[str, str]]),
        list[dict[str, str]]: Json(list[dict[str, str]]),
        list[str]: Json(list[str]),
        list[Check]: Json(list[Check]),
        list[PaymentMethod]: Json(list[PaymentMethod]),
        tuple[CancelledLine, ...]: Json(tuple[CancelledLine, ...]),
        tuple[Goods, ...]: Json(tuple[Goods, ...]),
        tuple[RefundPart, ...]: Json(tuple[RefundPart, ...]),
        tuple[TaxRow, ...]: Json(tuple[TaxRow, ...]),
        Taxation: Json(Taxation),
        TaxTable: Json(TaxTable),
        **_WORDS,
    }


B = TypeVar("B", bound=Base)


@cache
def column_names(model: type[Base]) -> tuple[str, ...]:
    """The names of a table's columns, in order; attributes have the same names."""
    return tuple(model.__table__.columns.keys())


def as_loaded(model: type[B], **columns: Any) -> B:
    """A row as if it had been loaded from the database, for one that is inserted without the unit of work.

    A column that is not named is null.
    """
    row: B = class_mapper(model).class_manager.new_instance()
    row.__dict__.update(dict.fromkeys(column_names(model)) | columns)
    return row
