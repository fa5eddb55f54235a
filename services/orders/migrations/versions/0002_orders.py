"""Markets, sellers, products, customers, and orders with all that belongs to them."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"


def _texts(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=nullable) for name in names]


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.String(32), nullable=False) for name in names]


def _numbers(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.BigInteger, nullable=nullable) for name in names]


def _json(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, JSONB, nullable=nullable) for name in names]


def _instants(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.DateTime(timezone=True), nullable=nullable) for name in names]


def _ids(*names: str, nullable: bool = False) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Uuid, nullable=nullable) for name in names]


def _primary(table: str, *names: str) -> sa.PrimaryKeyConstraint:
    return sa.PrimaryKeyConstraint(*names, name=f"pk_{table}")


def _foreign(table: str, column: str, target: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint([column], [target], name=f"fk_{table}_{column}")


def upgrade() -> None:
    op.execute("create sequence order_numbers start 100001")
    _create_masters()
    _create_orders()
    _create_parts_of_orders()
    _create_money_and_history()


def _create_masters() -> None:
    op.create_table(
        "markets",
        *_texts("code", "name", "currency", "locale", "time_zone"),
        *_words("tax_mode", "tax_rounding"),
        *_json("tax_rates", "payment_methods", "shipping_methods"),
        sa.Column("backorders", sa.Boolean, nullable=False),
        *_texts("invoice_on"),
        _primary("markets", "code"),
    )
    op.create_table(
        "sellers",
        *_texts("code", "name", "legal_name", "email", "phone"),
        *_json("address"),
        *_texts("vat_number", "registration", "website", "iban", "colour"),
        *_json("legal_text"),
        _primary("sellers", "code"),
    )
    op.create_table(
        "customers",
        *_ids("id"),
        *_texts("seller_code", "name", "email", "phone", "company", "vat_number"),
        *_instants("created_at"),
        _primary("customers", "id"),
        _foreign("customers", "seller_code", "sellers.code"),
    )
    op.create_index("ix_customers_seller_code_id", "customers", ["seller_code", "id"])
    op.create_index("ix_customers_seller_code_email", "customers", ["seller_code", "email"])
    op.create_table(
        "customer_addresses",
        *_ids("customer_id"),
        *_numbers("position"),
        *_json("address"),
        _primary("customer_addresses", "customer_id", "position"),
        _foreign("customer_addresses", "customer_id", "customers.id"),
    )
    op.create_table(
        "products",
        *_texts("seller_code", "sku", "name", "description", "page_url", "tax_class"),
        *_numbers("sales_coefficient"),
        sa.Column("active", sa.Boolean, nullable=False),
        _primary("products", "seller_code", "sku"),
        _foreign("products", "seller_code", "sellers.code"),
    )
    op.create_table(
        "product_prices",
        *_texts("seller_code", "sku", "market_code"),
        *_numbers("price_minor"),
        _primary("product_prices", "seller_code", "sku", "market_code"),
        sa.ForeignKeyConstraint(
            ["seller_code", "sku"],
            ["products.seller_code", "products.sku"],
            name="fk_product_prices_seller_code_sku",
        ),
        _foreign("product_prices", "market_code", "markets.code"),
        sa.CheckConstraint("price_minor >= 0", name="ck_product_prices_price_not_negative"),
    )


def _create_orders() -> None:
    op.create_table(
        "orders",
        *_ids("id"),
        *_texts("number"),
        *_numbers("version"),
        *_words("status", "fulfilment"),
        *_json("awaiting", nullable=True),
        *_texts("seller_code", "market_code"),
        *_words("channel"),
        *_texts("locale", "currency"),
        *_texts("external_reference", nullable=True),
        *_ids("customer_id"),
        *_texts(
            "customer_name", "customer_email", "customer_phone", "customer_company", "customer_vat_number"
        ),
        *_json("billing_address"),
        *_numbers("lines_minor", "fees_minor", "shipping_minor", "discounts_minor", "tax_added_minor"),
        *_numbers("total_minor"),
        *_json("tax"),
        *_words("payment_method"),
        *_numbers("cancelled_minor", "received_minor", "refunded_minor"),
        *_words("payment_state"),
        *_instants("covered_at", nullable=True),
        *_instants("placed_at"),
        *_instants("accepted_at", "cancelled_at", "completed_at", nullable=True),
        _primary("orders", "id"),
        sa.UniqueConstraint("number", name="uq_orders_number"),
        _foreign("orders", "seller_code", "sellers.code"),
        _foreign("orders", "market_code", "markets.code"),
        _foreign("orders", "customer_id", "customers.id"),
        sa.CheckConstraint(
            "total_minor = lines_minor + fees_minor + shipping_minor - discounts_minor + tax_added_minor",
            name="ck_orders_total_adds_up",
        ),
        sa.CheckConstraint("total_minor >= 0", name="ck_orders_total_not_negative"),
        sa.CheckConstraint(
            "cancelled_minor between 0 and total_minor", name="ck_orders_cancelled_within_total"
        ),
        sa.CheckConstraint(
            "refunded_minor between 0 and received_minor", name="ck_orders_refunded_within_received"
        ),
    )
    newest = [sa.text("placed_at desc"), sa.text("id desc")]
    op.create_index("ix_orders_newest", "orders", newest)
    op.create_index("ix_orders_seller_newest", "orders", ["seller_code", *newest])
    op.create_index("ix_orders_customer_id", "orders", ["customer_id"])
    op.create_index(
        "uq_orders_external_reference",
        "orders",
        ["seller_code", "external_reference"],
        unique=True,
        postgresql_where=sa.text("external_reference is not null"),
    )


def _create_parts_of_orders() -> None:
    op.create_table(
        "delivery_groups",
        *_ids("id", "order_id"),
        *_numbers("position"),
        *_texts("method", "method_name"),
        *_numbers("shipping_minor"),
        *_json("address", nullable=True),
        *_texts("pickup_point", nullable=True),
        sa.Column("requested_on", sa.Date),
        _primary("delivery_groups", "id"),
        _foreign("delivery_groups", "order_id", "orders.id"),
    )
    op.create_table(
        "order_lines",
        *_ids("id", "order_id"),
        *_numbers("position"),
        *_ids("group_id"),
        *_texts("sku", "name"),
        *_numbers("quantity", "unit_price_minor"),
        *_numbers("list_price_minor", nullable=True),
        *_texts("price_set_by", nullable=True),
        *_numbers("discount_minor", "total_minor"),
        *_texts("tax_class"),
        *_numbers("tax_rate_basis_points", "tax_minor", "sales_coefficient"),
        *_numbers("cancelled_quantity", "returned_quantity"),
        _primary("order_lines", "id"),
        _foreign("order_lines", "order_id", "orders.id"),
        _foreign("order_lines", "group_id", "delivery_groups.id"),
        sa.CheckConstraint(
            "total_minor = quantity * unit_price_minor - discount_minor", name="ck_order_lines_total_adds_up"
        ),
        sa.CheckConstraint("quantity > 0", name="ck_order_lines_quantity_positive"),
        sa.CheckConstraint(
            "cancelled_quantity + returned_quantity <= quantity", name="ck_order_lines_no_more_than_ordered"
        ),
    )
    op.create_index("ix_order_lines_sku", "order_lines", ["sku"])
    op.create_table(
        "order_fees",
        *_ids("id", "order_id"),
        *_numbers("position"),
        *_words("kind"),
        *_texts("name"),
        *_numbers("amount_minor", "tax_rate_basis_points", "tax_minor"),
        *_ids("group_id", nullable=True),
        _primary("order_fees", "id"),
        _foreign("order_fees", "order_id", "orders.id"),
        _foreign("order_fees", "group_id", "delivery_groups.id"),
    )
    op.create_table(
        "holds",
        *_ids("id", "order_id"),
        *_texts("reason", "owner"),
        *_instants("held_at"),
        *_texts("released_by", nullable=True),
        *_instants("released_at", nullable=True),
        _primary("holds", "id"),
        _foreign("holds", "order_id", "orders.id"),
    )
    op.create_table(
        "cancellations",
        *_ids("id", "order_id"),
        *_texts("reason", "requested_by"),
        *_instants("requested_at"),
        *_instants("answered_at", nullable=True),
        sa.Column("done", sa.Boolean),
        *_texts("refusal"),
        _primary("cancellations", "id"),
        _foreign("cancellations", "order_id", "orders.id"),
    )
    for table in ("delivery_groups", "order_lines", "order_fees", "holds", "cancellations"):
        op.create_index(f"ix_{table}_order_id", table, ["order_id"])


def _create_money_and_history() -> None:
    op.create_table(
        "payments",
        *_ids("id", "order_id"),
        *_words("method"),
        *_numbers("amount_minor"),
        *_texts("reference"),
        *_ids("document_id", nullable=True),
        *_texts("webhook_id", nullable=True),
        *_texts("recorded_by"),
        *_instants("recorded_at"),
        _primary("payments", "id"),
        sa.UniqueConstraint("webhook_id", name="uq_payments_webhook_id"),
        _foreign("payments", "order_id", "orders.id"),
        sa.CheckConstraint("amount_minor > 0", name="ck_payments_amount_positive"),
    )
    op.create_index("ix_payments_order_id_recorded_at", "payments", ["order_id", "recorded_at"])
    op.create_table(
        "refunds",
        *_ids("id", "order_id"),
        *_numbers("amount_minor"),
        *_texts("reason", "state", "requested_by"),
        *_instants("requested_at"),
        *_texts("reference"),
        *_texts("settled_by", nullable=True),
        *_instants("settled_at", nullable=True),
        _primary("refunds", "id"),
        _foreign("refunds", "order_id", "orders.id"),
        sa.CheckConstraint("amount_minor > 0", name="ck_refunds_amount_positive"),
    )
    op.create_index("ix_refunds_order_id", "refunds", ["order_id"])
    op.create_table(
        "order_history",
        *_ids("id", "order_id"),
        *_numbers("version"),
        *_instants("at"),
        *_texts("actor", "action"),
        *_json("before", "after", "detail"),
        _primary("order_history", "id"),
        _foreign("order_history", "order_id", "orders.id"),
    )
    op.create_index("ix_order_history_order_id_id", "order_history", ["order_id", "id"])


def downgrade() -> None:
    for table in (
        *("order_history", "refunds", "payments"),
        *("cancellations", "holds", "order_fees", "order_lines", "delivery_groups", "orders"),
        *("product_prices", "products", "customer_addresses", "customers", "sellers", "markets"),
    ):
        op.drop_table(table)
    op.execute("drop sequence order_numbers")
