"""Erasing a person empties all that orders holds of them, and leaves the books as they are."""

from uuid import uuid4

import msgspec
import pytest
from sqlalchemy import func, select, text, update

from services.orders import jobs
from services.orders.commands import erasure
from services.orders.commands.banking import ignore_line, import_statement
from services.orders.commands.changes import record_heard
from services.orders.commands.customers import correct_customer
from services.orders.commands.editing import edit_order
from services.orders.commands.notes import add_note, tag_order
from services.orders.commands.orders import accept_order, cancel_order, place_hold, refuse_order, release_hold
from services.orders.commands.payment_gateway import record_gateway_payment
from services.orders.commands.payments import record_payment, void_payment
from services.orders.commands.placing import place_order as place
from services.orders.commands.refunds import (
    leave_to_people,
    request_refund,
    settle_by_gateway,
    settle_refund,
    withdraw_refund,
)
from services.orders.commands.returns import reject_return, request_return
from services.orders.messaging import messaging
from services.orders.models import (
    BankLine,
    Base,
    Customer,
    Draft,
    HistoryEntry,
    Note,
    Order,
    Payment,
    SavedView,
)
from shared import clock
from shared.access import Actor
from shared.errors import Invalid
from shared.events import codec
from shared.events.snapshots import (
    Address,
    ConversationSnapshot,
    People,
    ReturnReason,
    SentEmail,
    ShipmentsSnapshot,
)
from shared.messaging import copies, inbox
from shared.messaging import jobs as job_rows
from shared.messaging.backoff import Backoff
from shared.messaging.inbox import Inbox
from shared.messaging.tables import event_log
from shared.messaging.tables import inbox as inbox_table
from shared.messaging.tables import jobs as job_table
from tests.samples import envelope
from tests.unit.orders.sample_shop import order_wanted, stored

QUILL = Address(
    name="Zoe Quill", line1="9 Nib Lane", city="Inkerton", postcode="QQ1 1QQ", country="GB", phone="07700"
)
CARD = {"name": "Zoe Quill", "email": "zoe.quill@example.com", "phone": "07700", "company": "Quill & Co"}
ACCOUNTANT = Actor(name="tess", sellers=frozenset({"quay"}), markets=frozenset({"*"}))
TRACES = ("quill", "nib lane", "inkerton", "qq1 1qq", "07700")


def wanted(**changes):
    group = {"method": "delivery", "shipping_minor": 0, "address": QUILL}
    return order_wanted(**{"customer": dict(CARD), "delivery_groups": [group]} | changes)


def say_everywhere(sessions, order_id):
    """Have the person named wherever something can be typed about an order, and end it."""
    with sessions.begin() as session:
        add_note(session, order_id, text="Mrs Quill rang")
        tag_order(session, order_id, add=["Quill"])
        edit_order(session, order_id, reason="as Zoe Quill wished")
        hold = place_hold(session, order_id, "ask Mrs Quill")
        release_hold(session, order_id, hold.id)
        wrong = record_payment(session, order_id, amount_minor=1, reference="Z Quill, cash")
        void_payment(session, order_id, wrong.id, reason="it was her brother, A Quill")
        number = stored(session, order_id).number
    bank_tells(sessions, number)
    with sessions.begin() as session:
        cancel_order(session, order_id, reason="Mrs Quill has moved")
        [refund] = stored(session, order_id).refunds
        leave_to_people(session, order_id, refund.id, failure="no account of Quill")
        withdraw_refund(session, order_id, refund.id, reason="Quill's account is closed")
        again = request_refund(session, order_id, reason="Quill's other account", overpayment=True)
        settle_refund(session, order_id, again.id, reference="to Z Quill")
        failed = SentEmail(
            email_id=uuid4(),
            step="cancelled",
            recipient="customer",
            status="failed",
            at=clock.now(),
            error="no mailbox zoe.quill",
        )
        copies.keep_newest(
            session, ConversationSnapshot(order_id=order_id, number="1", version=1, emails=(failed,))
        )
        record_heard(
            session,
            {
                "id": str(uuid4()),
                "source": "/notifications",
                "subject": str(order_id),
                "type": "email.failed",
                "time": "2026-11-21T10:00:00+00:00",
                "data": {
                    "conversation": {"version": 1, "order_id": str(order_id)},
                    "reason": "no mailbox zoe.quill",
                },
            },
        )


def bank_tells(sessions, number, amount="9.00", payer="Zoe Quill"):
    """Read a bank's statement of one row, paid by Zoe Quill, and match it; answers its line."""
    with sessions.begin() as session:
        session.info["actor"] = ACCOUNTANT
        content = f'date,amount,text,payer\n2026-11-21,{amount},{number} of Quill,"{payer}"'
        statement = import_statement(session, seller="quay", currency="GBP", content=content.encode())
    jobs.match_statement(sessions, {"statement_id": str(statement.id)})
    with sessions() as session:
        return session.scalars(select(BankLine).where(BankLine.statement_id == statement.id)).one()


def work_off(sessions):
    """Do the jobs of erasures until none is due."""
    due = select(job_table.c.id).where(
        job_table.c.state == "queued",
        job_table.c.kind.in_(["erasure", "erasure_sweep"]),
        job_table.c.run_at <= func.clock_timestamp(),
    )
    while True:
        with sessions() as session:
            found = session.scalars(due).all()
        if not found:
            break
        for job_id in found:
            assert job_rows.run(sessions, messaging.jobs, job_id, Backoff(0.01, 0.1))


def a_day_later(sessions):
    with sessions.begin() as session:
        session.execute(
            update(job_table).where(job_table.c.kind == "erasure_sweep").values(run_at=clock.now())
        )


def traces(sessions):
    """The tables in which something of the person is left."""
    tables = [table.name for table in Base.metadata.sorted_tables]
    with sessions() as session:
        return sorted(
            {
                table
                for table in [*tables, "event_log", "inbox", "copies", "jobs", "outbox"]
                for trace in TRACES
                if session.execute(
                    text(f"select 1 from {table} t where t::text ilike :trace limit 1"),
                    {"trace": f"%{trace}%"},
                ).first()
            }
        )


@pytest.fixture
def erase(committing_client, bearer):
    def erase(customer_id, **claims):
        return committing_client.post(f"/v1/customers/{customer_id}/erase", headers=bearer(**claims))

    return erase


@pytest.mark.requirement("P-38", "M-38")
def test_nothing_of_the_person_is_left_in_any_table(sessions, committing_client, bearer, erase, monkeypatch):
    monkeypatch.setattr(erasure, "SLICE", 2)
    customer_id, client = uuid4(), committing_client
    book = [{"name": "Zoe Quill", "line1": "9 Nib Lane", "city": "Inkerton", "country": "GB"}]
    client.put(
        f"/v1/customers/{customer_id}", headers=bearer(), json=CARD | {"seller": "quay", "addresses": book}
    )
    drafted = {"seller": "quay", "market": "gb", "customer": {"id": str(customer_id)}}
    assert client.post("/v1/drafts", headers=bearer(), json=drafted).status_code == 201
    unknown = drafted | {"customer": dict(CARD)}
    assert client.post("/v1/drafts", headers=bearer(), json=unknown).status_code == 201
    view = {"name": "Zoe Quill", "query": "email=zoe.quill%40example.com"}
    assert client.post("/v1/views", headers=bearer(), json=view).status_code == 201
    with sessions.begin() as session:
        orders = [
            place(session, **wanted(customer=customer, remark="Leave it with Zoe Quill's aunt.")).id
            for customer in ({"id": customer_id}, {"id": customer_id}, {"id": customer_id}, dict(CARD))
        ]  # the last one without an account
        for order_id in orders:
            if order_id != orders[0]:
                refuse_order(session, order_id, reason="Quill again")
        totals = {order_id: stored(session, order_id).totals for order_id in orders}
        shipped_to = ShipmentsSnapshot(
            order_id=orders[0], number="1", version=1, people=People(delivery={"a": QUILL}), shipments=()
        )
        copies.keep_newest(session, shipped_to)
    say_everywhere(sessions, orders[0])
    with sessions() as session:
        line, acted = session.scalars(select(BankLine)).one(), history_of(session, orders[0])
        paid = session.scalars(select(Payment.id).order_by(Payment.id)).all()
    assert line.state == "matched"
    assert set(traces(sessions)) >= {
        *("bank_lines", "cancellations", "copies", "customer_addresses", "customers", "delivery_groups"),
        *("drafts", "event_log", "holds", "notes", "order_history", "order_words", "orders", "payments"),
        *("refunds", "saved_views"),
    }

    answer = erase(customer_id)
    work_off(sessions)

    assert answer.status_code == 202
    assert {kept["what"] for kept in answer.json["kept"]} >= {"invoices", "credit_notes"}
    assert traces(sessions) == []
    with sessions() as session:
        told = session.scalars(select(event_log.c.payload).where(event_log.c.type == "order.anonymised"))
        heard = [codec.decode("order.anonymised", payload).order for payload in told]
        assert {order.order_id for order in heard} == set(orders)
        assert all(order.people == People() and order.anonymised_at for order in heard)
        assert {order_id: stored(session, order_id).totals for order_id in orders} == totals
        assert session.scalars(select(Note.text)).all() == [""]
        assert session.scalars(select(Draft.id)).all() == []
        # What the books need is as it was: the money, when it came, by which line, and who acted.
        kept = session.scalars(select(BankLine)).one()
        for column in ("amount_minor", "booked_on", "payment_id", "decided_by", "fingerprint", "state"):
            assert getattr(kept, column) == getattr(line, column)
        assert session.scalars(select(Payment.id).order_by(Payment.id)).all() == paid
        assert [refund.amount_minor for refund in stored(session, orders[0]).refunds] == [900, 900]
        assert history_of(session, orders[0])[: len(acted)] == acted


def history_of(session, order_id):
    """Who did what, oldest first."""
    entries = select(HistoryEntry.action, HistoryEntry.actor).where(HistoryEntry.order_id == order_id)
    return session.execute(entries.order_by(HistoryEntry.id)).all()


@pytest.mark.requirement("P-38")
def test_a_bank_line_that_waits_names_its_payer_until_it_is_set_aside(sessions, erase):
    with sessions.begin() as session:
        order = place(session, **wanted())
        refuse_order(session, order.id, reason="sold out")
    waiting = bank_tells(sessions, order.number)  # it goes back: to whom, only the line says
    set_aside(sessions, bank_tells(sessions, order.number, "1.00"), "sent back to Quill")
    erase(order.customer_id)
    work_off(sessions)
    assert traces(sessions) == ["bank_lines"]

    set_aside(sessions, waiting, "sent back")

    assert traces(sessions) == []


@pytest.mark.requirement("P-38")
def test_a_bank_line_set_aside_that_names_the_person_and_no_order_is_emptied(sessions, erase):
    with sessions.begin() as session:
        order = place(session, **wanted())
        refuse_order(session, order.id, reason="sold out")
    for payer in ("QUILL, ZOE", "Zoella Quinn", "Quill & Co"):
        set_aside(sessions, bank_tells(sessions, "a gift", payer=payer), "a gift")

    erase(order.customer_id)
    work_off(sessions)

    with sessions() as session:
        payers = session.scalars(select(BankLine.payer).order_by(BankLine.id)).all()
        assert payers == ["", "Zoella Quinn", "Quill & Co"]
        assert session.scalars(select(BankLine.amount_minor)).all() == [900] * 3


def set_aside(sessions, line, reason):
    with sessions.begin() as session:
        session.info["actor"] = ACCOUNTANT
        ignore_line(session, line.id, reason=reason)


@pytest.mark.requirement("P-38")
def test_saved_views_that_name_the_person_are_deleted_whoever_saved_them(
    sessions, committing_client, bearer, erase
):
    with sessions.begin() as session:
        order = place(session, **wanted())
        correct_customer(session, order.id, reason="typed wrong", email="z.q@example.com")
        refuse_order(session, order.id, reason="sold out")
    gone = [
        ("Mrs Quill, Zoe", "status=placed"),
        ("A", "email=ZOE.QUILL%40example.com"),
        ("B", "search=zoe.quill%40example.com"),
        ("C", "phone=0+77-00&status=placed"),
        ("D", "name=zo%C3%AB+quill"),
        ("of the order alone", "email=z.q%40example.com"),
    ]
    kept = [
        ("Zoella Quinn", "name=zoella+quinn"),
        ("Quill pens", "sku=ZOE"),
        ("E", "phone=07701"),
        ("F", "tag=07700+1"),
    ]
    paths = {}
    for subject, (name, query) in zip(["tess", "cleo"] * 5, gone + kept, strict=False):
        body = {"name": name, "query": query}
        made = committing_client.post("/v1/views", headers=bearer(subject=subject), json=body)
        assert made.status_code == 201, made.json
        paths[name] = (f"/v1/views/{made.json['view_id']}/share", subject)
    for name, seller in [("A", "quay"), ("C", "dock")]:
        path, subject = paths[name]
        shared = committing_client.post(path, headers=bearer(subject=subject), json={"seller": seller})
        assert shared.status_code == 200, shared.json

    erase(order.customer_id)
    work_off(sessions)

    with sessions() as session:
        # Another seller's are that seller's to erase, as are its customers.
        assert set(session.scalars(select(SavedView.name))) == {"C", *(name for name, _ in kept)}


@pytest.mark.requirement("P-38")
def test_drafts_without_an_email_go_by_their_telephone_and_without_one_by_the_name(
    sessions, committing_client, bearer, erase
):
    client, customer_id = committing_client, uuid4()
    card = {"name": "Zoë Quill", "email": "zoe@example.com", "phone": "+44 117 496 0108"}
    client.put(f"/v1/customers/{customer_id}", headers=bearer(), json=card | {"seller": "quay"})
    street = {"line1": "9 Nib Lane", "city": "Hull", "country": "GB"}
    sent_to = {"delivery_groups": [{"method": "delivery", "address": street | {"name": "Zoe Quill"}}]}
    drafted = {
        "phone": {"customer": {"name": "Z", "phone": "0117 4960108"}},
        "name": {"customer": {"name": "QUILL, Zoe"}},
        "address": sent_to,
        "other phone": {"customer": {"name": "Zoe Quill", "phone": "0117 496 0199"}},
        "other name": {"customer": {"name": "Zoe Quillfeather"}},
        "nobody": {},
    }
    ids = {}
    for name, contents in drafted.items():
        made = client.post(
            "/v1/drafts", headers=bearer(), json={"seller": "quay", "market": "gb", **contents}
        )
        assert made.status_code == 201, made.json
        ids[made.json["draft_id"]] = name

    erase(customer_id)
    work_off(sessions)

    with sessions() as session:
        left = {ids[str(draft_id)] for draft_id in session.scalars(select(Draft.id))}
    assert left == {"other phone", "other name", "nobody"}


@pytest.mark.requirement("P-38")
def test_references_that_nobody_typed_stay(session, place_order):
    order = place_order(method="online")
    paid = record_gateway_payment(
        session, order_id=order.id, amount_minor=900, currency="GBP", reference="pay_1"
    )
    refuse_order(session, order.id, reason="sold out")
    [refund] = stored(session, order.id).refunds
    settle_by_gateway(session, order.id, refund.id, reference="re_1")

    erasure.erase_person(session, order.id)

    session.expire_all()
    assert stored(session, order.id).anonymised_at
    assert (paid.reference, refund.reference, refund.reason) == ("pay_1", "re_1", "")


@pytest.mark.requirement("P-38")
def test_an_open_order_is_erased_when_it_has_ended(sessions, erase):
    with sessions.begin() as session:
        order = place(session, **wanted(method="cash_on_delivery"))
    answer = erase(order.customer_id)
    work_off(sessions)
    assert answer.json["orders_left"] == [order.number]
    with sessions.begin() as session:
        assert stored(session, order.id).customer_name == "Zoe Quill"  # it is still to be delivered
        refuse_order(session, order.id, reason="sold out")

    a_day_later(sessions)
    work_off(sessions)

    assert traces(sessions) == []
    assert erase(order.customer_id).json["orders_left"] == []


@pytest.mark.requirement("P-38")
def test_looking_ends_when_nothing_is_left(sessions, erase):
    with sessions.begin() as session:
        order = place(session, **wanted())
        refuse_order(session, order.id, reason="sold out")
    erase(order.customer_id)

    for _ in range(3):
        work_off(sessions)
        a_day_later(sessions)
    work_off(sessions)

    with sessions() as session:
        kinds = session.execute(select(job_table.c.kind, job_table.c.state)).all()
        assert ("erasure_sweep", "queued") not in kinds
        assert [row.kind for row in kinds].count("erasure") == 1


def test_erasing_wants_its_scope_and_the_seller(sessions, erase, committing_client, bearer):
    with sessions.begin() as session:
        order = place(session, **wanted())

    assert erase(order.customer_id, scopes=["orders:write", "orders:read"]).status_code == 403
    assert erase(order.customer_id, sellers=["dock"]).status_code == 404
    assert erase(uuid4()).status_code == 404
    path = f"/v1/customers/{order.customer_id}/erasure"
    assert committing_client.get(path, headers=bearer()).status_code == 404  # nobody has asked


def test_an_erased_customer_orders_nothing_and_is_not_filled_again(
    sessions, erase, committing_client, bearer
):
    with sessions.begin() as session:
        order = place(session, **wanted())
    erase(order.customer_id)

    with sessions() as session, pytest.raises(Invalid, match="no such customer"):
        place(session, **wanted(customer={"id": order.customer_id}))
    again = committing_client.put(
        f"/v1/customers/{order.customer_id}", headers=bearer(), json=CARD | {"seller": "quay"}
    )
    assert (again.status_code, again.json["reason"]) == (409, "person_erased")


@pytest.mark.requirement("P-38")
def test_whoever_typed_the_same_email_in_capitals_is_the_same_person(session, place_order):
    card = {"name": "Ada", "email": "ada_o@example.com", "phone": "1"}
    first, again, other = (
        place_order(customer=card | {"email": email}).customer_id
        for email in ("ada_o@example.com", "Ada_O@Example.com", "adaxo@example.com")
    )

    erasure.erase_customer(session, first)

    erased = [session.get(Customer, one).erased_at is not None for one in (first, again, other)]
    assert erased == [True, True, False]


def test_nothing_is_ordered_again_for_an_erased_person(session, place_order, client, bearer):
    order = place_order()
    erasure.erase_customer(session, order.customer_id)

    answer = client.post(f"/v1/orders/{order.id}/reorder", headers=bearer())

    assert (answer.status_code, answer.json["reason"]) == (409, "person_erased")


def test_the_customer_of_the_same_name_at_another_seller_stays(sessions, erase):
    with sessions.begin() as session:
        mine, theirs = (place(session, **wanted(seller=seller)) for seller in ("quay", "dock"))
        for order in (mine, theirs):
            refuse_order(session, order.id, reason="sold out")

    erase(mine.customer_id)
    work_off(sessions)

    with sessions() as session:
        names = dict(session.execute(select(Order.seller_code, Order.customer_name)).all())
    assert names == {"quay": "", "dock": "Zoe Quill"}


def test_an_order_is_not_found_by_the_person_any_more(session, place_order, client, bearer):
    order = place_order(customer=dict(CARD))
    refuse_order(session, order.id, reason="sold out")

    erasure.erase_person(session, order.id)

    for search in ({"email": CARD["email"]}, {"phone": "07700"}, {"name": "Quill"}):
        found = client.get("/v1/orders", query_string=search, headers=bearer())
        assert (found.status_code, found.json["items"]) == (200, [])
    shown = client.get(f"/v1/orders/{order.id}", headers=bearer()).json
    assert shown["anonymised_at"]
    assert shown["customer"]["name"] == ""


def test_words_to_and_from_the_customer_go_with_the_person(session, deliver, client, bearer):
    order = deliver()
    line = {"line_id": order.lines[0].id, "quantity": 1}
    asked = request_return(
        session, order.id, reason=ReturnReason.NOT_WANTED, lines=[line], note="my Zoe broke it"
    )
    erasure.erase_person(session, order.id)
    assert stored(session, order.id).anonymised_at is None  # goods may still come back
    reject_return(session, order.id, asked.id, answer="no, Zoe")

    erasure.erase_person(session, order.id)

    order = stored(session, order.id)
    assert order.anonymised_at
    assert (order.returns[0].note, order.returns[0].answer) == ("", "")
    history = client.get(f"/v1/orders/{order.id}/history", headers=bearer()).text
    assert "Zoe" not in history


def test_an_order_is_erased_once(session, place_order, published):
    order = place_order()
    refuse_order(session, order.id, reason="sold out")

    for _ in range(2):
        erasure.erase_person(session, order.id)

    assert len(published("order.anonymised")) == 1


def test_an_order_under_way_is_left_alone(session, place_order, published):
    order = place_order(method="cash_on_delivery")
    accept_order(session, order.id)

    erasure.erase_person(session, order.id)

    assert stored(session, order.id).customer_name == "Ada Okafor"
    assert published("order.anonymised") == []


@pytest.mark.requirement("P-38")
def test_what_is_told_too_late_does_not_bring_the_person_back(sessions):
    with sessions.begin() as session:
        order = place(session, **wanted())
        refuse_order(session, order.id, reason="sold out")
        number, order_id = order.number, order.id
    with sessions.begin() as session:
        erasure.erase_person(session, order_id)
    told = envelope("shipment.undeliverable")
    late = ShipmentsSnapshot(
        order_id=order_id, number=number, version=1, people=People(delivery={"a": QUILL}), shipments=()
    )
    data = {"shipments": msgspec.to_builtins(late), "reason": "Mrs Quill was away"}
    told |= {"subject": str(order_id), "data": told["data"] | data}
    hearing = Inbox(sessions=sessions, consumers=messaging.consumers, backoff=Backoff(0.01, 0.1))

    inbox.receive_and_process(hearing, [told])

    assert traces(sessions) == ["customers"]
    with sessions() as session:
        assert session.scalars(select(inbox_table.c.state)).all() == ["done"]
        assert "shipment.undeliverable" in [action for action, _ in history_of(session, order_id)]


@pytest.mark.requirement("P-38")
def test_what_a_failure_quoted_goes_with_the_person(sessions):
    with sessions.begin() as session:
        order = place(session, **wanted())
        refuse_order(session, order.id, reason="sold out")
        order_id = order.id
        job_rows.enqueue(session, "deadline", key="k", order_id=order_id, number="1", argument={})
        quoted = {"last_error": "no street Nib Lane", "state": "dead"}
        session.execute(update(job_table).where(job_table.c.key == "k").values(quoted))

    with sessions.begin() as session:
        erasure.erase_person(session, order_id)

    assert traces(sessions) == ["customers"]
    with sessions() as session:
        assert session.scalars(select(job_table.c.last_error).where(job_table.c.key == "k")).one() == ""
