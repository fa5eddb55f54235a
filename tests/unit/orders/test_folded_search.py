"""Orders, customers and products are found as their names are typed on any keyboard; e-mails as they are."""

import re
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select, text, update

from services.orders.commands import folding
from services.orders.commands.banking import ignore_line, import_statement
from services.orders.commands.customers import put_customer
from services.orders.commands.erasure import erase_customer, erase_person
from services.orders.commands.master_data import put_product
from services.orders.commands.notes import tag_order
from services.orders.commands.orders import refuse_order
from services.orders.commands.placing import place_order as place
from services.orders.domain.bank_statements import read
from services.orders.messaging import messaging
from services.orders.models import BankLine, Customer, Order, OrderWord, Product
from services.orders.queries import lists
from shared import clock
from shared.folding import folded
from shared.messaging import jobs as job_rows
from shared.messaging.backoff import Backoff
from shared.messaging.tables import jobs as job_table
from shared.migrations import downgrade, upgrade
from tests.plans import plans
from tests.unit.orders.sample_shop import order_wanted, product_details, stored

pytestmark = pytest.mark.requirement("V-12")

STORED = {
    "Müller": ["Muller", "Mueller", "mÜLLER", "Mu\u0308ll", "uller"],
    "Renée": ["renee", "RENEE", "renèe", "nee"],
    "O\u2019Neill": ["O'Neill", "oneill", "O`NEILL", "o\u00b4nei"],
    "Straße": ["strasse", "STRASSE", "straẞe", "asse"],
    "Łukasz": ["lukasz", "LUKASZ", "łuk"],
    "Smith\u2010Jones": ["smith jones", "Smith-Jones", "jo"],
    "\uff2f\uff4c\uff49\uff56\uff45\uff52": ["oliver"],
}
EXAMPLES = [(name, typed) for name, asked in STORED.items() for typed in asked]


@pytest.fixture
def ask(client, bearer):
    """The rows of a list that was asked for in some way."""

    def ask(path, **query):
        answer = client.get(path, query_string=query, headers=bearer())
        assert answer.status_code == 200, answer.json
        return answer.json["items"]

    return ask


def customer_of(name, email="someone@example.com"):
    return {"name": name, "email": email, "phone": ""}


def known_as(session, name, email="someone@example.com"):
    rest = dict.fromkeys(("phone", "company", "vat_number"), "")
    return put_customer(session, uuid4(), seller="quay", addresses=[], name=name, email=email, **rest)


@pytest.mark.parametrize(("name", "typed"), EXAMPLES)
def test_an_order_is_found_by_its_customers_name_on_any_keyboard(place_order, ask, name, typed):
    found = place_order(customer=customer_of(f"Ada {name}"))
    place_order(customer=customer_of("Someone Else"))

    for way in ("name", "search"):
        assert [row["number"] for row in ask("/v1/orders", **{way: typed})] == [found.number]


@pytest.mark.parametrize(("name", "typed"), EXAMPLES)
def test_a_customer_is_found_by_the_name_on_any_keyboard(session, ask, name, typed):
    found = known_as(session, f"Ada {name}")
    known_as(session, "Someone Else")

    assert [row["customer_id"] for row in ask("/v1/customers", search=typed)] == [str(found.id)]


@pytest.mark.parametrize(("name", "typed"), [pair for pair in EXAMPLES if len(pair[1]) > 2])
def test_a_product_is_found_by_name_and_description_on_any_keyboard(session, ask, name, typed):
    put_product(session, "quay", "NEW-1", **product_details(name=f"Tea {name}"))
    put_product(session, "quay", "NEW-2", **product_details(name="Tea", description=f"from {name}, strong"))

    found = ask("/v1/sellers/quay/products", search=typed)

    assert [row["sku"] for row in found] == ["NEW-1", "NEW-2"]


@pytest.mark.parametrize("name", STORED)
def test_an_order_is_found_by_its_tags_on_any_keyboard(session, place_order, ask, name):
    order = place_order()
    tag_order(session, order.id, add=[f"for {name}"])
    plain = folded(name)

    for typed in (f"for {name}", f"FOR {plain}", f"for  {plain.upper()}"):
        assert [row["number"] for row in ask("/v1/orders", tag=typed)] == [order.number]
    assert ask("/v1/orders", tag=plain) == []


def test_tags_that_are_found_by_one_word_are_one_tag(session, place_order, client, bearer):
    order = place_order()
    tag_order(session, order.id, add=["für Renée", "FUR RENEE", "gift-wrap", "Gift wrap", "\u2014"])
    assert order.tags == ["für Renée", "gift-wrap", "\u2014"]

    tag_order(session, order.id, remove=["fur renee", "\u2014"])
    both = client.post(
        f"/v1/orders/{order.id}/tags",
        json={"add": ["café"], "remove": ["CAFE"]},
        headers=bearer() | {"Idempotency-Key": "1"},
    )

    assert order.tags == ["gift-wrap"]
    assert both.status_code == 422


def test_an_e_mail_is_found_as_it_is_and_not_as_it_sounds(session, place_order, ask):
    order = place_order(customer=customer_of("Ada", "renée@example.com"))
    customer = known_as(session, "Bo", "o'neill@example.com")

    assert [row["number"] for row in ask("/v1/orders", email="RenÉe@example.com")] == [order.number]
    assert ask("/v1/orders", email="renee@example.com") == []
    assert [row["customer_id"] for row in ask("/v1/customers", search="o'neill@")] == [str(customer.id)]
    assert ask("/v1/customers", search="oneill@example") == []


@pytest.mark.parametrize("typed", ["'", "\u2019\u2019\u2019", "---", "\u0301"])
def test_what_folds_to_nothing_finds_nothing(session, place_order, ask, client, bearer, typed):
    place_order()
    known_as(session, "Ada")

    assert ask("/v1/orders", search=typed) == []
    assert ask("/v1/customers", search=typed) == []
    assert ask("/v1/sellers/quay/products", search=typed) == []
    named = client.get("/v1/orders", query_string={"name": typed}, headers=bearer())
    assert [error["field"] for error in named.json["errors"]] == ["name"]


@pytest.mark.parametrize(
    "typed",
    [
        "+49 (170) 123-45",
        "+4917012345",
        "\u0664\u0669 \u0661\u0667\u0660 \u0661\u0662\u0663\u0664\u0665",
        "\uff0b\uff14\uff19 170 123 45",
    ],
)
def test_a_telephone_is_found_as_it_is_typed_in_any_digits(place_order, ask, typed):
    order = place_order(customer=customer_of("Ada") | {"phone": "+49 (170) 123-45"})
    place_order(customer=customer_of("Ada") | {"phone": "+49 (170) 123-46"})

    for way in ("phone", "search"):
        assert [row["number"] for row in ask("/v1/orders", **{way: typed})] == [order.number]


def test_who_changes_is_found_by_what_is_so_now(session, ask):
    customer = known_as(session, "Renée")
    put_product(session, "quay", "NEW-1", **product_details(name="Café"))

    rest = {"email": "a@example.com", "phone": "", "company": "", "vat_number": ""}
    put_customer(session, customer.id, seller="quay", addresses=[], name="Zoë", **rest)
    put_product(session, "quay", "NEW-1", **product_details(name="Thé"))

    assert ask("/v1/customers", search="renee") == ask("/v1/sellers/quay/products", search="cafe") == []
    assert len(ask("/v1/customers", search="zoe")) == len(ask("/v1/sellers/quay/products", search="the")) == 1


def test_what_is_folded_goes_with_the_person(session, place_order, ask):
    named = customer_of("Renée Müller", "renee@example.com") | {"phone": "1"}
    order = place_order(customer=named)
    refuse_order(session, order.id, reason="sold out")

    erase_customer(session, order.customer_id)
    erase_person(session, order.id)
    session.flush()

    kept = select(Order.customer_name_folded, Customer.name_folded).join_from(Order, Customer)
    assert session.execute(kept).all() == [("", "")]
    assert ask("/v1/orders", search="renee") == ask("/v1/customers", search="mueller") == []


@pytest.mark.parametrize(
    "payer",
    [
        "MULLER SEAN O NEILL",
        "Mueller, Seán O'Neill",
        "SEAN ONEILL-MUELLER",
        "SEAN O\u2019NEILL MÜLLER",
    ],
)
def test_a_bank_line_that_was_set_aside_is_emptied_however_the_bank_writes_the_name(session, payer):
    customer = known_as(session, "Seán O\u2019Neill Müller")
    content = f'date,amount,text,payer\n2026-11-21,9.00,a gift,"{payer}"\n2026-11-21,8.00,a gift,Sean Miller'
    import_statement(session, seller="quay", currency="GBP", content=content.encode())
    for line in session.scalars(select(BankLine)):
        ignore_line(session, line.id, reason="a gift")

    erase_customer(session, customer.id)

    payers = session.execute(select(BankLine.amount_minor, BankLine.payer)).all()
    assert sorted(map(tuple, payers)) == [(800, "Sean Miller"), (900, "")]


def test_the_columns_of_a_statement_are_known_without_their_accents():
    content = 'Fecha operacion;Importe;"DESCRIPCIÓN";ORDENANTE\n2026-11-21;9,00;GB-100001;Ada'

    [row] = read(content.encode(), "EUR").rows

    assert (row.amount_minor, row.text, row.payer) == (900, "GB-100001", "Ada")


@pytest.mark.parametrize(
    ("wanted", "index"),
    [
        ({"name": "Mueller"}, "ix_orders_customer_name_folded"),
        ({"name": "mü"}, "ix_orders_customer_name_folded"),
        ({"search": "Müller"}, "ix_orders_customer_name_folded"),
    ],
)
def test_names_are_looked_up_in_their_index(session, wanted, index):
    with plans(session, off=("seqscan", "indexscan")) as seen:
        session.execute(lists.page_of_orders(session, wanted, "-placed_at", 51))

    [plan] = seen
    assert re.search(rf"Bitmap Index Scan on {index}.*\n +Index Cond: \(customer_name_folded ~~", plan), plan


@pytest.fixture
def unfolded(sessions):
    """Rows as the release before left them: three orders with their customers, and a product."""
    with sessions.begin() as session:
        numbers = [
            place(session, **order_wanted(customer=customer_of(f"Renée {n}"))).number for n in range(3)
        ]
        put_product(session, "quay", "NEW-1", **product_details(name="Café"))
        session.execute(update(Order).values(customer_name_folded=None))
        session.execute(update(Customer).values(name_folded=None))
        session.execute(update(Product).values(text_folded=None))
    return numbers


def not_folded(sessions):
    with sessions() as session:
        columns = (Order.customer_name_folded, Customer.name_folded, Product.text_folded)
        return [session.scalar(select(func.count()).where(column.is_(None))) for column in columns]


def work_off(sessions):
    """Do the folding that is due; answers when the next is, if any is owed."""
    with sessions() as session:
        due = session.scalars(
            select(job_table.c.id).where(job_table.c.state == "queued", job_table.c.run_at <= clock.now())
        ).all()
    for job_id in due:
        assert job_rows.run(sessions, messaging.jobs, job_id, Backoff(0.01, 0.1))
    with sessions() as session:
        owed = select(job_table.c.run_at).where(job_table.c.state == "queued", job_table.c.kind == "folding")
        return session.scalars(owed).one_or_none()


def test_what_was_stored_before_is_folded_slice_by_slice(sessions, unfolded, monkeypatch):
    monkeypatch.setattr(folding, "SLICE", 2)
    with sessions.begin() as session:
        folding.owe_folding(session, look=0)

    again_at = work_off(sessions)

    assert again_at > clock.now()
    assert not_folded(sessions) == [0, 0, 0]
    with sessions() as session:
        found = session.scalars(select(Order.number).where(Order.customer_name_folded.like("%renee%")))
        assert sorted(found) == sorted(unfolded)
        assert session.scalar(select(Product.text_folded).where(Product.sku == "NEW-1")) == " cafe"


def test_a_row_that_somebody_is_changing_is_waited_for_by_nobody_and_folded_later(sessions, unfolded):
    with sessions.begin() as session:
        folding.owe_folding(session, look=0)
    with sessions.begin() as holder:
        holder.execute(select(Order.id).where(Order.number == unfolded[1]).with_for_update())
        work_off(sessions)
        assert not_folded(sessions) == [1, 0, 0]

    with sessions.begin() as session:
        session.execute(update(job_table).values(run_at=clock.now()))
    assert work_off(sessions) is None

    assert not_folded(sessions) == [0, 0, 0]


def test_what_the_release_before_emptied_meanwhile_is_emptied(sessions, unfolded):
    with sessions.begin() as session:
        session.execute(update(Order).values(customer_name="", customer_name_folded=" zoe"))
        session.execute(update(Customer).values(name="", name_folded=" zoe"))
        folding.owe_folding(session, look=1)
        session.execute(update(job_table).values(run_at=clock.now()))

    assert work_off(sessions) is None

    with sessions() as session:
        assert set(session.scalars(select(Order.customer_name_folded))) == {""}
        assert set(session.scalars(select(Customer.name_folded))) == {""}


def test_the_migration_owes_the_folding_and_brings_words_into_their_form(sessions, postgres_server):
    with sessions.begin() as session:
        order = place(session, **order_wanted(customer=customer_of("Renée")))
        tag_order(session, order.id, add=["Größe", "gift-wrap", "plain"])
    engine = sessions.kw["bind"]
    try:
        downgrade(engine, "orders", "0026")
        before = tags(engine, order.id)
        with engine.begin() as connection:
            arabic = "\u0661\u0662\u0663"
            connection.execute(
                text("insert into order_words values ('phone', :word, now(), :order)"),
                {"word": arabic, "order": order.id},
            )
    finally:
        upgrade(engine, "orders")

    assert before == ["gift-wrap", "größe", "plain"]
    assert tags(engine, order.id) == ["gift wrap", "grosse", "plain"]
    with sessions() as session:
        phones = select(OrderWord.word).where(OrderWord.order_id == order.id, OrderWord.kind == "phone")
        assert "123" in session.scalars(phones).all()
        assert session.scalars(select(Order.customer_name_folded)).all() == [None]
    work_off(sessions)
    with sessions() as session:
        assert session.scalars(select(Order.customer_name_folded)).all() == [" renee"]
        assert stored(session, order.id).customer_name == "Renée"


def tags(engine, order_id: UUID):
    """The words of tags by which an order is found."""
    words = text("select word from order_words where kind = 'tag' and order_id = :order order by word")
    with engine.connect() as connection:
        return connection.execute(words, {"order": order_id}).scalars().all()
