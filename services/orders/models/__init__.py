"""Tables of the orders service: constraints and relationships; no workflow, no HTTP."""

from services.orders.models.banking import BankLine, BankStatement
from services.orders.models.drafts import Draft
from services.orders.models.history import HistoryEntry
from services.orders.models.mapping import Base, as_loaded, column_names
from services.orders.models.master_data import (
    PHONE_DIGITS_OF_CUSTOMER,
    Coupon,
    CouponUse,
    Customer,
    CustomerAddress,
    Market,
    Product,
    ProductPrice,
    Seller,
)
from services.orders.models.notes import Note
from services.orders.models.order_parts import Cancellation, DeliveryGroup, Hold, OrderFee, OrderLine
from services.orders.models.orders import CUSTOMER_COLUMNS, Order, order_numbers
from services.orders.models.payments import Payment, PaymentDiscrepancy
from services.orders.models.refunds import Refund
from services.orders.models.returns import Return, ReturnLine
from services.orders.models.saved_views import SavedView
from services.orders.models.search_words import OrderWord

__all__ = [
    "CUSTOMER_COLUMNS",
    "PHONE_DIGITS_OF_CUSTOMER",
    "BankLine",
    "BankStatement",
    "Base",
    "Cancellation",
    "Coupon",
    "CouponUse",
    "Customer",
    "CustomerAddress",
    "DeliveryGroup",
    "Draft",
    "HistoryEntry",
    "Hold",
    "Market",
    "Note",
    "Order",
    "OrderFee",
    "OrderLine",
    "OrderWord",
    "Payment",
    "PaymentDiscrepancy",
    "Product",
    "ProductPrice",
    "Refund",
    "Return",
    "ReturnLine",
    "SavedView",
    "Seller",
    "as_loaded",
    "column_names",
    "order_numbers",
]
