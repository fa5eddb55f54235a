"""Names are found whichever keyboard typed them: as they are folded, which a job does to what there is."""

import sqlalchemy as sa
from alembic import op

from services.orders.domain.search_words import WordKind, word_of

revision = "0027"
down_revision = "0026"

_Indexes = tuple[tuple[str, str, list[str]], ...]
# Table, its index, what it was of, and what it is of.
_INDEXES: _Indexes = (
    ("orders", "ix_orders_customer_name", ["customer_name"]),
    ("customers", "ix_customers_search", ["name", "email"]),
    ("products", "ix_products_search", ["name", "description"]),
)
_FOLDED_INDEXES: _Indexes = (
    ("orders", "ix_orders_customer_name_folded", ["customer_name_folded"]),
    ("customers", "ix_customers_search", ["name_folded", "email"]),
    ("products", "ix_products_search", ["text_folded"]),
)
_COLUMNS = {"orders": "customer_name_folded", "customers": "name_folded", "products": "text_folded"}


def upgrade() -> None:
    # No row is written here: a table of a million orders would be locked for minutes.
    for table, column in _COLUMNS.items():
        op.add_column(table, sa.Column(column, sa.Text))
    _exchange(_INDEXES, _FOLDED_INDEXES)
    # How rare a part of a name is decides how it is best looked for.
    op.execute("alter table orders alter column customer_name_folded set statistics 1000")
    op.execute("""
        insert into jobs (id, kind, key, subject, reference, argument, run_at, correlation_id, causation_id)
        select gen_random_uuid(), 'folding', 'folding:0', 'folding', '', '{"look": 0}', now(), '', ''
        where exists (select from orders) or exists (select from customers) or exists (select from products)
        on conflict (key) do nothing
    """)
    _keep_words_as_they_are_looked_up()


def downgrade() -> None:
    op.execute("delete from jobs where kind = 'folding'")
    _exchange(_FOLDED_INDEXES, _INDEXES)
    for table, column in _COLUMNS.items():
        op.drop_column(table, column)
    op.execute("alter table orders alter column customer_name set statistics 1000")
    op.execute("delete from order_words where kind = 'tag'")
    op.execute("""
        insert into order_words (kind, word, placed_at, order_id)
        select 'tag', lower(btrim(tag)), placed_at, id
        from orders, jsonb_array_elements_text(tags) as tag
        on conflict do nothing
    """)


def _exchange(old: _Indexes, new: _Indexes) -> None:
    for table, name, _ in old:
        op.drop_index(name, table)
    for table, name, columns in new:
        op.create_index(
            name,
            table,
            columns,
            postgresql_using="gin",
            postgresql_ops=dict.fromkeys(columns, "gin_trgm_ops"),
        )


def _keep_words_as_they_are_looked_up() -> None:
    """Bring tags, and telephones in other digits than 0 to 9, into the form that is asked for now."""
    connection = op.get_bind()
    words = connection.execute(
        sa.text("""
            select distinct kind, word from order_words where kind = 'tag'
            union select distinct kind, word from order_words where kind = 'phone' and word ~ '[^0-9]'
        """)
    )
    changed = [
        {"kind": kind, "old": old, "new": new}
        for kind, old in words
        if (new := word_of(WordKind(kind), old)) != old
    ]
    for change in changed:
        connection.execute(
            sa.text("""
                with gone as (
                    delete from order_words where kind = :kind and word = :old returning placed_at, order_id
                )
                insert into order_words (kind, word, placed_at, order_id)
                select :kind, :new, placed_at, order_id from gone
                on conflict do nothing
            """),
            change,
        )
