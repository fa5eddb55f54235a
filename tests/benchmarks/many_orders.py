"""A database of any number of orders, made by PostgreSQL itself in a few statements."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import sql

from shared.db import make_engine
from shared.folding import searchable
from shared.migrations import upgrade

# How often a thing is in a hundred orders does not depend on how many there are, so that a filter finds as
# large a share of ten thousand as of a million; what names one customer finds the same few in both.
MASTERS = """
insert into markets (code, name, currency, locale, time_zone, tax_mode, tax_rounding, tax_rates,
                     payment_methods, shipping_methods, backorders, invoice_on,
                     return_days, return_expiry_days, exchange_after_return, invoice_per, numbers_per,
                     charges_taxed)
select code, upper(code), currency, 'en', zone, 'gross', 'per_line', '{"standard": 2000}',
       '["transfer", "online", "cash_on_delivery"]', '{"delivery": {"en": "Delivery"}}', true, 'acceptance',
       14, 30, false, 'order', 'year', 'standard'
from (values ('gb', 'GBP', 'Europe/London'), ('es', 'EUR', 'Europe/Madrid'),
             ('co', 'COP', 'America/Bogota'), ('jp', 'JPY', 'Asia/Tokyo')) as market (code, currency, zone);
insert into sellers (code, name, legal_name, email, phone, address, vat_number, registration, website, iban,
                     colour, legal_text)
select 'seller-' || n, 'Seller ' || n, 'Seller ' || n || ' Ltd', 'orders@seller.example', '',
       '{"name": "S", "line1": "1 Quay", "city": "Hull", "postcode": "HU1", "country": "GB"}',
       '', '', '', '', '#000000', '{}'
from generate_series(1, 40) as n;
"""
CUSTOMERS = """
insert into customers (id, seller_code, name, email, phone, company, vat_number, markets, created_at)
select gen_random_uuid(), 'seller-1', '', 'c' || n || '@customers.example', '', '', '', '["gb"]', now()
from generate_series(1, 1000) as n;
"""
# An id as UUIDv7 makes it: its instant in milliseconds, then chance.
ORDERS = """
insert into orders ({columns}{more})
select cast(overlay(overlay(md5(cast(n as text)) placing lpad(to_hex(n * {step} + 1700000000000), 12, '0')
                    from 1) placing '7' from 13) as uuid) as id,
       'GB-' || n, 3,
       case when n % 100 < 3 then 'placed' when n % 100 < 8 then 'accepted' when n % 100 < 12 then 'cancelled'
            when n % 100 = 12 then 'failed' else 'completed' end,
       case when n % 100 < 8 then 'unfulfilled' when n % 100 < 13 then 'returned'
            when n % 100 = 13 then 'partly_shipped' else 'delivered' end,
       '[]',
       'seller-' || case when n % 10 < 3 then 1 else 2 + (n * 7) % 39 end,
       (array['gb', 'gb', 'es', 'co', 'gb', 'es', 'gb', 'es', 'gb', 'jp'])[1 + n % 10],
       case when n % 100 = 0 then 'store' when n % 7 = 0 then 'call' when n % 3 = 0 then 'mobile'
            else 'web' end,
       'en', 'GBP', 'SHOP-' || n, '[]',
       (select id from customers limit 1),
       name,
       'c' || n / 3 || '@customers.example',
       '+44 7' || lpad(cast(n / 3 as text), 9, '0'), '', '',
       '{{"name": "Ann Archer", "line1": "8 Wharf Yard", "line2": "", "city": "Bristol", "postcode": "01234",
          "country": "GB", "region": "", "company": "", "phone": ""}}',
       amount, 0, 395, 0, 0, amount + 395, '[]',
       case when n % 5 = 0 then 'cash_on_delivery' when n % 3 = 0 then 'transfer' else 'online' end,
       0, case when n % 100 < 3 then 0 else amount + 395 end, 0,
       case when n % 100 < 3 then 'unpaid' when n % 100 = 50 then 'overpaid' else 'paid' end,
       null, to_timestamp((n * {step} + 1700000000000) / 1000.0), null, null, null,
       case when n % 100 < 3 then 'Open' when n % 100 < 8 then 'Ready to ship'
            when n % 100 < 12 then 'Canceled' when n % 100 = 12 then 'Failed'
            when n % 100 = 13 then 'Partially Shipped' else 'Closed' end,
       case when n % 100 = 2 then 'OnHold' when n % 100 < 8 then 'In Progress'
            when n % 100 < 13 then 'Canceled' else 'Completed' end,
       case when n % 100 = 3 then 'preparing' when n % 100 = 4 then 'ready_for_pickup'
            when n % 100 between 5 and 7 then 'accepted' when n % 100 >= 13 then 'finished' end,
       cast(case when n % 100 between 3 and 7 then '["To prepare"]' else '[]' end as jsonb),
       case when n % 100 < 3 then to_timestamp((n * {step} + 1700086400000) / 1000.0) end,
       ' ' || lower(name){plain}
from (select n, 1000 + (n * 7919) % 100000 as amount,
       case when n % 77 = 0 then 'Mercy Taylor'
            when n % {rare} = 5 then 'Zebulon Quillfeather'
            else initcap(translate(substr(md5(cast(n % 4999 as text)), 1, 6), {digits}))
                 || ' ' || initcap(translate(substr(md5(cast(n % 9973 as text)), 7, 8), {digits})) end as name
      from generate_series(cast({first} as bigint), {last}) as n) as numbered
"""
LINES = """
insert into order_lines ({columns}{more})
select gen_random_uuid(), id, place, gen_random_uuid(),
       case when place = 1 and number % 20 = 0 then 'POPULAR' else 'SKU-' || (number * 31 + place) % 1000 end,
       'Something to sell', 2, 450, 450, null, 0, 900, 'standard', 2000, 150, 1, 0, 0{plain}
from (select id, cast(substr(orders.number, 4) as bigint) as number from orders) as one,
     generate_series(0, 1) as place
"""
WORDS = """
insert into order_words (kind, word, placed_at, order_id)
select kind, word, placed_at, id
from (select id, placed_at, customer_email, customer_phone, external_reference, seller_code,
             cast(substr(number, 4) as bigint) as n from orders) as one,
     lateral (values
        ('reference', lower(external_reference)), ('email', customer_email),
        ('phone', right(regexp_replace(customer_phone, '[^0-9]', '', 'g'), 9)),
        ('tracking_number', case when n % 100 >= 13 then 'track-' || n end),
        ('invoice_number', case when n % 100 >= 3 then 'inv-' || n end),
        ('tag', case when n % 50 = 0 then 'gift' end),
        ('queue', case when n % 100 between 3 and 7 then 'to prepare' end),
        ('queue', case when n % 100 between 3 and 7 then seller_code || ' to prepare' end)
     ) as known (kind, word)
where word is not null
union all
select 'sku', lower(sku), placed_at, orders.id from order_lines join orders on orders.id = order_id
"""
ORDER_COLUMNS = (
    "id, number, version, status, fulfilment, awaiting, seller_code, market_code, channel, locale, "
    "currency, "
    "external_reference, tags, customer_id, customer_name, customer_email, customer_phone, customer_company, "
    "customer_vat_number, billing_address, lines_minor, fees_minor, shipping_minor, discounts_minor, "
    "tax_added_minor, total_minor, tax, payment_method, cancelled_minor, received_minor, refunded_minor, "
    "payment_state, covered_at, placed_at, accepted_at, cancelled_at, completed_at, lifecycle, csr_status, "
    "timeline, queues, acceptance_due_at, customer_name_folded"
)
LINE_COLUMNS = (
    "id, order_id, position, group_id, sku, name, quantity, unit_price_minor, list_price_minor, "
    "price_set_by, discount_minor, total_minor, tax_class, tax_rate_basis_points, tax_minor, "
    "sales_coefficient, "
    "cancelled_quantity, returned_quantity"
)
TWO_YEARS_MS = 2 * 365 * 86_400_000
FILLED = ("orders", "order_lines", "order_words")


def fill(superuser_url: str, service_url: str, count: int) -> float:
    """Make the tables of orders and so many of them; answers how many seconds it took."""
    engine = make_engine(service_url)
    upgrade(engine, "orders")
    engine.dispose()
    begun = time.monotonic()
    with psycopg.connect(superuser_url, autocommit=True) as connection:
        for setting in ("session_replication_role = replica", "synchronous_commit = off",
                        "maintenance_work_mem = '512MB'", "work_mem = '256MB'"):  # fmt: skip
            connection.execute(f"set {setting}")
        connection.execute(MASTERS)
        connection.execute(CUSTOMERS)
        with _without_indexes(connection):
            connection.execute(
                ORDERS.format(
                    **_columns(connection, "orders", ORDER_COLUMNS),
                    step=TWO_YEARS_MS // count,
                    digits="'0123456789', 'aeioulnrst'",
                    rare=max(count // 60, 1),
                    first=1,
                    last=count,
                )
            )
            connection.execute(LINES.format(**_columns(connection, "order_lines", LINE_COLUMNS)))
            connection.execute(WORDS)
        connection.execute("vacuum (analyze)")
        named = connection.execute("select customer_name, customer_name_folded from orders limit 1000")
        assert all(searchable(name) == kept for name, kept in named)
    return time.monotonic() - begun


def _columns(connection: psycopg.Connection, table: str, named: str) -> dict[str, str]:
    """The columns that are filled, and a plain value for each other one that needs one."""
    plain = {"jsonb": "'[]'", "bigint": "0", "boolean": "false"}
    maps = {"coupons_refused": "'{}'"}
    more = connection.execute(
        """
        select column_name, data_type from information_schema.columns
        where table_name = %s and is_nullable = 'NO' and column_default is null and column_name <> all(%s)
        """,
        [table, named.split(", ")],
    ).fetchall()
    return {
        "columns": named,
        "more": "".join(f", {name}" for name, _ in more),
        "plain": "".join(", " + maps.get(name, plain.get(kind, "''")) for name, kind in more),
    }


@contextmanager
def _without_indexes(connection: psycopg.Connection) -> Iterator[None]:
    """Build the indexes when the rows are there, which is many times faster."""
    indexes = connection.execute(
        """
        select indexname, indexdef, conname from pg_indexes
        left join pg_constraint on conname = indexname
        where schemaname = 'public' and tablename = any(%s)
        """,
        [list(FILLED)],
    ).fetchall()
    keys = connection.execute(
        """
        select conrelid::regclass::text, conname, pg_get_constraintdef(oid) from pg_constraint
        where conrelid = any(%s::regclass[]) and contype in ('p', 'u')
          and not exists (select from pg_constraint as f
                          where f.contype = 'f' and f.confrelid = pg_constraint.conrelid)
        """,
        [list(FILLED)],
    ).fetchall()
    for table, name, _ in keys:
        connection.execute(f"alter table {table} drop constraint {name}")
    for name, _, constraint in indexes:
        if constraint is None:
            connection.execute(sql.SQL("drop index {}").format(sql.Identifier(name)))
    yield
    for table, name, definition in keys:
        connection.execute(f"alter table {table} add constraint {name} {definition}")
    for _, definition, constraint in indexes:
        if constraint is None:
            connection.execute(definition)
