"""The list among tens of thousands of orders: what its pages read, and that none is like another."""

import re
from html import unescape
from urllib.parse import urlencode

import httpx2
import psycopg
import pytest
from sqlalchemy import event, make_url

from deploy.local.keys import ISSUER
from deploy.local.postgres import temporary_postgres
from services.console.pages.orders import PAGE, SORTS, TABS
from services.orders import db
from services.orders.app import create_app
from services.orders.settings import Settings
from shared.web.paging import encode_cursor
from tests.benchmarks.many_orders import fill

COUNT = 51_000  # page 1,000 is among them
# Blocks of 8 KiB that a statement may touch however many orders there are, for each row that it reads: its
# place in an index, itself, its lines and deliveries.
BLOCKS = 8
# Where a list is sorted or filtered by more than its index, others are passed over: so many in the stead of
# each that is shown as its share among all says, one in thirty-three to be paid, one in a hundred on hold.
BLOCKS_PASSING = 200
# Sorted by another thing than when it was placed, a queue is read whole: what is to be done, not all orders.
BLOCKS_QUEUED = 4
LARGE = {"orders", "order_words", "order_lines"}  # the other tables are small or empty here
ROW = re.compile(r'class="whole" href="[^"]*">([^<]*)<')
NEXT = re.compile(r'rel="next" href="([^"]*)"')


@pytest.fixture(scope="module")
def database():
    """A database of many orders."""
    with temporary_postgres(("orders",)) as server:
        fill(server.superuser_url("orders"), server.url("orders"), COUNT)
        yield server.url("orders")


@pytest.fixture(scope="module")
def orders(database, keys):
    """Orders' API over them."""
    nowhere = dict.fromkeys(
        ("orders_url", "shipping_url", "documents_url", "notifications_url"), "http://127.0.0.1:1"
    )
    settings = Settings(
        database_url=database,
        broker_url="redis://127.0.0.1:1/0",
        jwks=str(keys.jwks_file),
        token_issuer=ISSUER,
        service_token="unused",
        customer_link_keys=("key",),
        gateway_secret="whsec_dW51c2Vk",
        **nowhere,
    )
    before = db.sessions.kw["bind"]
    made = create_app(settings)
    engine = db.sessions.kw["bind"]
    yield made
    db.sessions.configure(bind=before)
    engine.dispose()


@pytest.fixture
def helen(orders, make_console):
    """Helen's browser at a console before it."""
    browser = make_console({"orders": httpx2.WSGITransport(app=orders)})
    browser.post("/login", data={"person": "helen"})
    return browser


@pytest.fixture
def connection(database):
    """A connection of one's own."""
    conninfo = make_url(database).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(conninfo) as connection:
        yield connection


@pytest.fixture
def look(helen, connection):
    """A page of the list, and how many blocks each statement touches that was made for it."""
    engine = db.sessions.kw["bind"]

    def look(address):
        made = []

        def note(_connection, _cursor, statement, parameters, *_rest):
            made.append((statement, parameters))

        event.listen(engine, "before_cursor_execute", note)
        try:
            page = helen.get(address)
        finally:
            event.remove(engine, "before_cursor_execute", note)
        assert page.status_code == 200, address
        plans = [_plan(connection, *one) for one in made]
        scans = [node for plan in plans for node in _nodes(plan) if "Seq" in node["Node Type"]]
        assert LARGE.isdisjoint(node["Relation Name"] for node in scans)
        return page.text, [plan["Shared Hit Blocks"] + plan["Shared Read Blocks"] for plan in plans]

    return look


def _plan(connection, statement, parameters):
    told = connection.execute(f"explain (analyze, buffers, format json) {statement}", parameters).fetchone()
    return told[0][0]["Plan"]


def _nodes(plan):
    yield plan
    for part in plan.get("Plans", ()):
        yield from _nodes(part)


@pytest.mark.requirement("C-08")
@pytest.mark.parametrize("sort", [way for ways in SORTS.values() for way in ways])
def test_the_first_page_reads_what_it_shows_however_it_is_sorted(look, sort):
    page, blocks = look(f"/orders?sort={sort}")

    assert len(ROW.findall(page)) == PAGE
    # Views of two kinds and the list; markets and sellers too, unless they were read a minute ago. No count.
    assert len(blocks) in {3, 5}
    assert max(blocks) <= BLOCKS * (PAGE + 1)


@pytest.mark.requirement("C-08")
@pytest.mark.parametrize("tab", TABS)
def test_each_view_of_it_is_read_by_index_however_it_is_sorted(look, connection, tab):
    queue = [one.casefold() for one in TABS[tab].get("queue", ())]
    queued = "select count(*) from order_words where kind = 'queue' and word = any(%s)"
    [[in_it]] = connection.execute(queued, [queue]).fetchall()
    most = BLOCKS_QUEUED * in_it + BLOCKS * (PAGE + 1) if queue else BLOCKS_PASSING * (PAGE + 1)
    for ways in SORTS.values():
        for sort in ways:
            _, blocks = look(f"/orders?{urlencode(TABS[tab] | {'sort': sort}, doseq=True)}")

            assert max(blocks) <= (BLOCKS * (PAGE + 1) if queue and "placed" in sort else most), sort


@pytest.mark.requirement("C-09")
@pytest.mark.parametrize("sort", ["-placed_at", "placed_at", "-total_minor", "total_minor"])
def test_page_1000_reads_no_more_than_page_1_and_shows_its_own_rows(look, connection, sort):
    column, way = sort.removeprefix("-"), "desc" if sort.startswith("-") else "asc"
    rows = connection.execute(
        f"select {column}, id, number from orders order by {column} {way}, id {way} offset %s limit %s",
        [999 * PAGE - 1, PAGE + 1],
    ).fetchall()
    cursor = encode_cursor(*rows[0][:2])

    _, first = look(f"/orders?sort={sort}")
    page, thousandth = look(f"/orders?sort={sort}&cursor={cursor}")

    assert ROW.findall(page) == [number for _, _, number in rows[1:]]
    assert max(thousandth) <= 1.2 * max(first)


@pytest.mark.requirement("C-09")
@pytest.mark.parametrize("sort", ["-placed_at", "total_minor"])
def test_pages_followed_by_their_links_show_each_order_once_and_in_order(helen, connection, sort):
    column, way = sort.removeprefix("-"), "desc" if sort.startswith("-") else "asc"
    ordered = f"select number from orders where status = 'failed' order by {column} {way}, id {way}"
    address, found = f"/orders?status=failed&sort={sort}", []

    while address:
        page = helen.get(address).text
        found.append(ROW.findall(page))
        link = NEXT.search(page)
        address = link and unescape(link[1])

    assert len(found) == 11
    assert [number for page in found for number in page] == [
        number for (number,) in connection.execute(ordered).fetchall()
    ]
