"""Money back through the payment gateway: asked for by a job, once, whatever becomes of the answers."""

import json
from base64 import b64encode
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import uuid4

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import sessionmaker
from standardwebhooks import Webhook

from services.orders.commands.orders import accept_order
from services.orders.commands.payment_gateway import record_gateway_payment
from services.orders.commands.payments import record_payment
from services.orders.commands.refunds import request_refund, settle_refund, withdraw_refund
from services.orders.jobs import GATEWAY_ATTEMPTS
from services.orders.messaging import messaging
from services.orders.payment_gateway import pay_back
from shared import clock
from shared.errors import Refused
from shared.messaging import jobs as runner
from shared.messaging.backoff import Backoff
from shared.messaging.tables import jobs as jobs_table
from tests.plans import plans
from tests.serving import serving
from tests.unit.orders.sample_shop import GATEWAY_SECRET, stored


class Gateway(ThreadingHTTPServer):
    """Pays back and keeps what it was asked, unless it was told to answer otherwise."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), GatewayHandler)
        self.answers = []  # to give to the next calls, first to first
        self.paid_back = {}


class GatewayHandler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        call = Webhook(GATEWAY_SECRET).verify(body, dict(self.headers))
        assert self.path == "/refunds"
        status, answer = self.server.answers.pop(0) if self.server.answers else (200, {"reference": "re_1"})
        if status == 200:
            self.server.paid_back[self.headers["webhook-id"]] = call["data"]
        content = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def gateway():
    with serving(Gateway()) as server:
        yield server


@pytest.fixture
def work(session, app, gateway):
    """Have a worker try the refunds that are due, so many times each."""

    def worked(times=1, url=None):
        address = f"http://127.0.0.1:{gateway.server_port}/" if url is None else url
        made = sessionmaker(
            session.get_bind(),
            expire_on_commit=False,
            join_transaction_mode="create_savepoint",
            info={
                **messaging.session_info(),
                "settings": replace(app.extensions["settings"], gateway_url=address),
            },
        )
        session.commit()
        for _ in range(times):
            session.execute(update(jobs_table).values(run_at=clock.now()))
            for job_id in session.scalars(
                select(jobs_table.c.id).where(jobs_table.c.kind == "gateway_refund")
            ):
                session.commit()
                runner.run(made, messaging.jobs, job_id, Backoff(0.01, 0.02))
        session.expire_all()

    return worked


@pytest.fixture
def order(session, place_order):
    order = place_order(method="online")
    record_gateway_payment(session, order_id=order.id, amount_minor=900, currency="GBP", reference="pi_1")
    accept_order(session, order.id)
    return order


@pytest.fixture
def refund(session, order):
    return request_refund(session, order.id, reason="chipped", amount_minor=400)


@pytest.mark.requirement("P-05")
def test_the_gateway_pays_back_what_it_received(session, order, refund, work, gateway, published):
    assert (refund.method, refund.state) == ("online", "requested")

    work()

    [asked] = gateway.paid_back.values()
    assert asked == {
        "refund_id": str(refund.id),
        "payment_reference": "pi_1",
        "amount_minor": 400,
        "currency": "GBP",
    }
    assert list(gateway.paid_back) == [str(refund.id)]
    assert (refund.state, refund.reference, refund.settled_by) == ("settled", "re_1", "gateway")
    assert stored(session, order.id).refunded_minor == 400
    assert len(published("refund.settled")) == 1


@pytest.mark.parametrize("passing", [(500, {}), (503, {}), (429, {}), (200, {"paid": True})], ids=str)
def test_a_gateway_that_stumbles_is_asked_again_under_the_same_id(refund, work, gateway, passing):
    gateway.answers = [passing, passing]

    work(times=3)

    assert list(gateway.paid_back) == [str(refund.id)]
    assert refund.state == "settled"


def test_a_gateway_that_declines_leaves_the_refund_to_people(session, order, refund, work, gateway):
    gateway.answers = [(402, {"error": "balance too low"})]
    with pytest.raises(Refused, match="settled_by_gateway"):
        settle_refund(session, order.id, refund.id, reference="BANK 1")
    with pytest.raises(Refused, match="settled_by_gateway"):
        withdraw_refund(session, order.id, refund.id, reason="oh")

    work(times=2)

    assert refund.state == "requested"
    assert "balance too low" in refund.failure
    settle_refund(session, order.id, refund.id, reference="BANK 1")
    assert (refund.state, refund.method) == ("settled", "transfer")


def test_a_gateway_that_never_answers_is_given_up_with_a_warning(refund, work, gateway):
    gateway.answers = [(500, {})] * GATEWAY_ATTEMPTS

    work(times=GATEWAY_ATTEMPTS)

    assert refund.state == "requested"
    assert "check there before paying by hand" in refund.failure


def test_without_a_gateway_people_pay_back(refund, work):
    work(url="")

    assert "no payment gateway is configured" in refund.failure


def test_one_payment_is_never_asked_for_more_than_it_was(session, order, refund):
    record_gateway_payment(session, order_id=order.id, amount_minor=450, currency="GBP", reference="pi_2")

    made = [
        request_refund(session, order.id, reason="chipped too", amount_minor=500),
        request_refund(session, order.id, reason="too much", overpayment=True),
    ]

    assert refund.payment_id == made[0].payment_id != made[1].payment_id
    assert {one.method for one in made} == {"online"}


def test_what_came_by_hand_does_not_go_back_through_the_gateway(session, accept_paid):
    order = accept_paid()
    record_payment(session, order.id, amount_minor=1, reference="TRF 2")

    refund = request_refund(session, order.id, reason="chipped", amount_minor=1)

    assert (refund.method, refund.payment_id) == ("transfer", None)


def test_which_payment_has_enough_left_is_not_asked_of_all_refunds_there_are(session, order):
    with plans(session, of=r"^SELECT[^;]*sum\(refunds") as seen:
        request_refund(session, order.id, reason="late", amount_minor=100)

    assert seen
    assert not [plan for plan in seen if "Seq Scan on refunds" in plan]


@pytest.mark.requirement("K-05")
@pytest.mark.parametrize("order_of_secrets", [1, -1])
def test_while_the_secret_is_changed_both_sign(gateway, order_of_secrets):
    secrets = [GATEWAY_SECRET, "whsec_" + b64encode(b"the one to come").decode()][::order_of_secrets]

    reference = pay_back(
        f"http://127.0.0.1:{gateway.server_port}",
        secrets,
        refund_id=uuid4(),
        payment_reference="pi_1",
        amount_minor=400,
        currency="GBP",
    )

    assert reference == "re_1"
