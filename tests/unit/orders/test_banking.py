"""Reconciliation: what names an order and is owed exactly is recorded; the rest waits for people."""

import pytest
from sqlalchemy import select
from sqlalchemy.orm import sessionmaker

from services.orders.commands.banking import import_statement
from services.orders.commands.orders import cancel_order
from services.orders.commands.payments import record_payment, void_payment
from services.orders.jobs import match_statement
from services.orders.messaging import messaging
from services.orders.models import BankLine, Payment
from shared.access import Actor
from shared.errors import NotFound
from shared.events.snapshots import PaymentMethod
from shared.messaging.tables import jobs
from tests.unit.orders.sample_shop import stored


def file(*rows, heading="date,amount,text"):
    return "\n".join([heading, *(",".join(str(cell) for cell in row) for row in rows)]).encode()


def row(order, amount="9.00", text="payment for {}"):
    return ("2026-11-21", amount, text.format(order.number))


@pytest.fixture
def reconcile(session):
    """Import a statement, and have its job done."""

    def reconciled(*rows, **of):
        session.info["actor"] = Actor(name="tess", sellers=frozenset({"quay"}), markets=frozenset({"*"}))
        statement = import_statement(
            session, **{"seller": "quay", "currency": "GBP", "content": file(*rows)} | of
        )
        match(session, statement.id)
        return statement

    return reconciled


def match(session, statement_id):
    session.commit()
    made = sessionmaker(
        session.get_bind(),
        expire_on_commit=False,
        join_transaction_mode="create_savepoint",
        info=messaging.session_info(),
    )
    match_statement(made, {"statement_id": str(statement_id)})
    session.expire_all()


@pytest.fixture
def lines(session):
    return lambda: session.scalars(select(BankLine).order_by(BankLine.id)).all()


@pytest.mark.requirement("S4-04", "P-21")
def test_what_names_an_order_and_is_owed_is_recorded_in_the_readers_name(
    session, place_order, reconcile, lines, published
):
    order = place_order()

    statement = reconcile(row(order, text="Mrs A: {} thank you"), ("2026-11-21", "-5.00", "fees"))

    [line] = lines()
    payment = session.get(Payment, line.payment_id)
    assert (line.state, line.order_id, line.decided_by) == ("matched", order.id, "tess")
    assert (payment.recorded_by, payment.amount_minor, payment.order_id) == ("tess", 900, order.id)
    assert order.number in payment.reference
    assert stored(session, order.id).payment_state == "paid"
    assert (statement.taken, statement.outgoing, len(published("payment.recorded"))) == (1, 1, 1)


@pytest.mark.requirement("S4-04")
@pytest.mark.parametrize("method", ["cash_on_delivery", "payment_link", "card_on_phone"])
def test_money_of_each_way_to_pay_that_is_not_online_is_found_in_the_statement(
    session, place_order, reconcile, lines, method
):
    order = place_order(method=method)

    reconcile(row(order))

    assert [line.state for line in lines()] == ["matched"]
    assert stored(session, order.id).payment_state == "paid"


@pytest.mark.requirement("P-21")
@pytest.mark.parametrize(
    ("why", "amount", "text"),
    [
        ("no_order", "9.00", "rent"),
        ("no_order", "9.00", "GB-999999"),
        ("amount_differs", "9.01", "{}"),
        ("amount_differs", "8.99", "{}"),
        ("several_orders", "9.00", "{} {other}"),
    ],
)
def test_the_rest_waits_with_why(session, place_order, reconcile, lines, why, amount, text):
    order, other = place_order(), place_order()

    reconcile(("2026-11-21", amount, text.format(order.number, other=other.number)))

    [line] = lines()
    assert (line.state, line.why, line.payment_id) == ("open", why, None)
    assert stored(session, order.id).received_minor == 0


def test_an_order_that_takes_no_payment_by_hand_waits_with_its_reason(session, place_order, reconcile, lines):
    online, over, paid = place_order(method="online"), place_order(), place_order()
    cancel_order(session, over.id, reason="twice")
    record_payment(session, paid.id, reference="TRF 1")

    reconcile(row(online), row(over), row(paid))

    assert [line.why for line in lines()] == ["recorded_by_gateway", "wrong_status", "amount_differs"]


def test_an_order_is_matched_though_its_market_has_given_up_how_it_is_paid(
    session, place_order, reconcile, lines, change_market
):
    order, other = place_order(), place_order()
    change_market(payment_methods=[PaymentMethod.CASH_ON_DELIVERY])

    reconcile(row(order), row(other))

    assert [line.state for line in lines()] == ["matched", "matched"]


def test_another_sellers_order_or_currency_is_not_matched(place_order, reconcile, lines):
    theirs, euros = place_order(seller="dock"), place_order(market="eu")

    reconcile(row(theirs), row(euros, amount="10.80"))

    assert [line.why for line in lines()] == ["no_order", "currency_differs"]


@pytest.mark.requirement("P-21")
def test_a_file_read_twice_or_a_part_of_it_again_does_no_harm(session, place_order, reconcile, lines):
    order = place_order()
    same = ("2026-11-21", "3.00", "tin")

    first = reconcile(row(order), same, same)
    again = reconcile(row(order), same, same)
    more = reconcile(same, same, same)

    assert [(one.taken, one.repeated) for one in (first, again, more)] == [(3, 0), (0, 3), (1, 2)]
    assert len(lines()) == 4
    assert stored(session, order.id).received_minor == 900


def test_the_banks_own_id_tells_rows_apart(reconcile, lines):
    heading = "id,date,amount,text"

    for text in ("rent", "rent, corrected"):
        content = file(("B1", "2026-11-21", "3.00", f'"{text}"'), heading=heading)
        reconcile(content=content)

    assert [line.text for line in lines()] == ["rent"]


def test_a_bank_that_counts_each_statements_rows_from_one_loses_none(reconcile, lines):
    for amount, day in (("3.00", "2026-11-21"), ("4.00", "2026-11-21"), ("3.00", "2026-11-22")):
        reconcile(content=file(("1", day, amount, "rent"), heading="id,date,amount,text"))

    assert [line.amount_minor for line in lines()] == [300, 400, 300]


def test_two_lines_for_one_order_pay_it_once(session, place_order, reconcile, lines):
    order = place_order()

    reconcile(row(order), row(order, text="again {}"))

    assert [line.state for line in lines()] == ["matched", "open"]
    assert stored(session, order.id).received_minor == 900


def test_matching_goes_on_where_it_died(session, place_order, reconcile):
    order = place_order()
    statement = reconcile(row(order))

    match(session, statement.id)

    assert stored(session, order.id).received_minor == 900
    assert session.scalars(select(jobs.c.kind)).all().count("bank_matching") == 1


@pytest.fixture
def send(client, bearer):
    def send(content, query="seller=quay&currency=GBP", **claims):
        return client.post(
            f"/v1/bank-statements?{query}", data=content, content_type="text/csv", headers=bearer(**claims)
        )

    return send


@pytest.mark.requirement("S4-04", "P-21")
def test_the_queue_is_worked_by_hand_over_the_api(client, bearer, session, place_order, send):
    order = place_order()
    sent = send(file(row(order, "8.00"), ("2026-11-21", "1.00", "interest"), ("soon", "1", "x")))
    match(session, sent.json["statement_id"])
    first = client.get("/v1/bank-lines?seller=quay&limit=1", headers=bearer()).json
    rest = client.get(f"/v1/bank-lines?seller=quay&cursor={first['next']}", headers=bearer()).json
    under, interest = first["items"] + rest["items"]

    assigned = client.post(
        f"/v1/bank-lines/{under['line_id']}/assign", json={"order_id": str(order.id)}, headers=bearer()
    )
    ignored = client.post(
        f"/v1/bank-lines/{interest['line_id']}/ignore", json={"reason": "interest"}, headers=bearer()
    )
    again = client.post(
        f"/v1/bank-lines/{interest['line_id']}/assign", json={"order_id": str(order.id)}, headers=bearer()
    )

    assert (sent.status_code, [error["row"] for error in sent.json["errors"]]) == (201, ["4"])
    assert (assigned.json["state"], assigned.json["decided_by"]) == ("assigned", "tess")
    assert (ignored.json["state"], ignored.json["why"]) == ("ignored", "interest")
    assert (again.status_code, again.json["reason"]) == (409, "already_decided")
    assert stored(session, order.id).payment_state == "partly_paid"
    assert client.get("/v1/bank-lines?seller=quay", headers=bearer()).json["items"] == []
    shown = client.get(f"/v1/bank-statements/{sent.json['statement_id']}", headers=bearer())
    assert shown.json == sent.json


def test_a_voided_payment_puts_its_line_back_into_the_queue(session, place_order, reconcile, lines):
    order = place_order()
    reconcile(row(order))

    void_payment(session, order.id, lines()[0].payment_id, reason="another customer's")

    [line] = lines()
    session.refresh(line)
    assert (line.state, line.why, line.payment_id) == ("open", "payment_voided", None)


@pytest.mark.requirement("S4-04", "P-21")
def test_lines_are_counted_by_state_of_an_account_or_of_one_statement(
    client, bearer, place_order, reconcile, session
):
    order = place_order()
    reconcile(row(order), ("2026-11-21", "2.00", "rent"))
    newest = reconcile(("2026-11-22", "3.00", "rent"))

    def asked(path, query=""):
        return client.get(f"/v1/{path}?seller=quay{query}", headers=bearer()).json["items"]

    of_statement = f"&statement_id={newest.id}"
    counts = [
        {one["state"]: one["count"] for one in asked("bank-lines/counts", query)}
        for query in ("", of_statement)
    ]
    nothing = dict.fromkeys(("new", "assigned", "ignored"), 0)
    assert counts == [nothing | {"matched": 1, "open": 2}, nothing | {"matched": 0, "open": 1}]
    assert [line["amount_minor"] for line in asked("bank-lines", of_statement)] == [300]
    assert [line["number"] for line in asked("bank-lines", "&state=matched")] == [order.number]
    assert [line["number"] for line in asked("bank-lines")] == [None, None]
    first = client.get("/v1/bank-statements?seller=quay&limit=1", headers=bearer()).json
    assert [one["statement_id"] for one in first["items"]] == [str(newest.id)]
    assert [one["taken"] for one in asked("bank-statements", f"&cursor={first['next']}")] == [2]


def test_counting_ends_where_nobody_wants_the_number(client, bearer, reconcile, monkeypatch):
    for module in ("services.orders.queries.banking", "services.orders.api.banking"):
        monkeypatch.setattr(f"{module}.COUNTED_AT_MOST", 1)
    reconcile(("2026-11-21", "2.00", "rent"), ("2026-11-21", "3.00", "rent"))

    counts = client.get("/v1/bank-lines/counts?seller=quay", headers=bearer()).json["items"]

    [waiting] = [one for one in counts if one["state"] == "open"]
    assert (waiting["count"], waiting["count_is_capped"]) == (1, True)


@pytest.mark.requirement("P-21")
def test_what_was_set_aside_is_put_back_into_the_queue(
    client, bearer, place_order, reconcile, lines, session
):
    order = place_order()
    reconcile(("2026-11-21", "9.00", "rent"))
    path = f"/v1/bank-lines/{lines()[0].id}"

    def do(verb, body=None):
        return client.post(f"{path}/{verb}", json=body, headers=bearer())

    early = do("reopen")
    do("ignore", {"reason": "interest"})
    reopened, again = do("reopen"), do("reopen")
    assigned = do("assign", {"order_id": str(order.id)})

    assert [(one.status_code, one.json["reason"]) for one in (early, again)] == [(409, "not_set_aside")] * 2
    answer = reopened.json
    assert (answer["state"], answer["why"], answer["decided_by"]) == ("open", "reopened", None)
    assert (assigned.json["state"], assigned.json["number"]) == ("assigned", order.number)
    assert stored(session, order.id).payment_state == "paid"


@pytest.mark.parametrize(
    "stranger", [{"sellers": ["dock"], "markets": ["*"]}, {"sellers": ["quay"], "markets": ["gb"]}], ids=str
)
def test_an_account_is_seen_by_who_sees_the_seller_in_every_market(
    client, bearer, session, place_order, send, stranger
):
    order = place_order()
    sent = send(file(row(order, "8.00")))
    match(session, sent.json["statement_id"])
    [line] = client.get("/v1/bank-lines?seller=quay", headers=bearer()).json["items"]

    answers = [
        send(file(row(order)), **stranger),
        *(
            client.get(f"/v1/{what}?seller=quay", headers=bearer(**stranger))
            for what in ("bank-lines", "bank-lines/counts", "bank-statements")
        ),
        client.post(f"/v1/bank-lines/{line['line_id']}/reopen", headers=bearer(**stranger)),
        client.get(f"/v1/bank-statements/{sent.json['statement_id']}", headers=bearer(**stranger)),
        *(
            client.post(f"/v1/bank-lines/{line['line_id']}/{verb}", json=body, headers=bearer(**stranger))
            for verb, body in (("assign", {"order_id": str(order.id)}), ("ignore", {"reason": "x"}))
        ),
    ]

    assert {answer.status_code for answer in answers} == {404}


def test_whoever_may_not_record_payments_imports_nothing(send):
    assert send(file(), scopes=["orders:read"]).status_code == 403


@pytest.mark.parametrize(
    ("content", "query", "status"),
    [
        (b"", "seller=quay&currency=GBP", 422),
        (b"a,b\n", "seller=quay&currency=GBP", 422),
        (file(("soon", "x", "")), "seller=quay&currency=GBP", 422),
        (file(), "seller=quay&currency=POUND", 422),
        (file(), "seller=quay", 422),
        (file(), "seller=nobody&currency=GBP", 404),
        (b"a" * ((1 << 20) + 1), "seller=quay&currency=GBP", 413),
    ],
    ids=range(7),
)
def test_what_is_no_statement_is_refused(send, content, query, status):
    assert send(content, query).status_code == status


def test_a_line_goes_to_no_other_sellers_order(session, client, bearer, place_order, reconcile, lines):
    theirs = place_order(seller="dock")
    reconcile(("2026-11-21", "9.00", "rent"))

    answer = client.post(
        f"/v1/bank-lines/{lines()[0].id}/assign", json={"order_id": str(theirs.id)}, headers=bearer()
    )

    assert (answer.status_code, answer.json["errors"][0]["field"]) == (422, "order_id")


def test_a_seller_out_of_sight_is_not_there(session):
    session.info["actor"] = Actor(name="tess", sellers=frozenset({"dock"}), markets=frozenset({"*"}))

    with pytest.raises(NotFound):
        import_statement(session, seller="quay", currency="GBP", content=file())
