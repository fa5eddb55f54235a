"""The seller's panel: each thing once, to each user as read or not; and what is overdue, each morning."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select, update

from services.notifications import queries
from services.notifications.domain.order_snapshots import OrderSnapshots
from services.notifications.domain.overdue import Matter, next_morning, waiting_matters
from services.notifications.models import OpenMatter
from shared import clock
from shared.db import new_id
from shared.events.snapshots import DocumentsSnapshot, Hold, Paper, Refund
from shared.messaging.tables import event_log, jobs
from tests.plans import plans
from tests.unit.notifications.snapshot_samples import (
    accepted,
    cancelled,
    delivered,
    paid,
    placed_order,
    refunded,
    returning,
    shipped,
)

PLACED = placed_order("cash_on_delivery")
PREPAID = placed_order("transfer")
NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)


def kinds(page):
    return [item["kind"] for item in page.json["items"]]


@pytest.mark.requirement("S4-01")
def test_a_new_order_is_told_to_the_seller_by_email_and_in_the_panel(hear, work, get, mail_server):
    hear(PLACED)
    work()

    [notice] = get("/v1/notices").json["items"]
    assert (notice["kind"], notice["number"], notice["read"]) == ("new_order", "EU-100042", False)
    to_seller = [mail for mail in mail_server.received() if mail["To"] == "orders@lantern.example"]
    assert [mail["Subject"] for mail in to_seller] == ["Pedido nuevo EU-100042: 49,10\xa0€"]


def test_the_panel_tells_each_thing_once_however_often_it_is_heard(hear, get):
    for snapshot in (PREPAID, paid(PREPAID), paid(PREPAID), cancelled(paid(PREPAID))):
        hear(snapshot)

    assert kinds(get("/v1/notices")) == ["cancelled", "payment_received", "new_order"]


@pytest.mark.requirement("S4-01")
def test_each_user_reads_for_themselves(hear, get, post):
    hear(cancelled(paid(PREPAID)))
    newest, *_, oldest = get("/v1/notices").json["items"]
    assert get("/v1/notices/unread").json == {"unread": 3, "more": False}

    assert post(f"/v1/notices/{newest['notice_id']}/read").status_code == 204
    assert post(f"/v1/notices/{newest['notice_id']}/read").status_code == 204

    assert get("/v1/notices/unread").json["unread"] == 2
    assert get("/v1/notices/unread", user="another").json["unread"] == 3
    assert [item["read"] for item in get("/v1/notices").json["items"]] == [True, False, False]
    assert oldest["notice_id"] in [item["notice_id"] for item in get("/v1/notices?unread=true").json["items"]]
    assert newest["notice_id"] not in [
        item["notice_id"] for item in get("/v1/notices?unread=true").json["items"]
    ]


def test_all_are_read_at_once_and_what_comes_later_is_not(hear, get, post):
    hear(PREPAID)
    [seen] = get("/v1/notices").json["items"]
    post("/v1/notices/read", {"up_to": seen["notice_id"]})
    assert get("/v1/notices/unread").json["unread"] == 0

    hear(cancelled(PREPAID))
    post("/v1/notices/read", {"up_to": seen["notice_id"]})

    assert kinds(get("/v1/notices?unread=true")) == ["cancelled"]


def test_more_than_can_be_counted_is_many(hear, get):
    for place in range(101):
        hear(replace(PLACED, order_id=new_id(), number=f"EU-{place}"))

    assert get("/v1/notices/unread").json == {"unread": 99, "more": True}


def test_the_unread_are_looked_for_no_further_down_than_all_is_read(session):
    with plans(session, off=("seqscan", "bitmapscan")) as seen:
        queries.unread_notices(session, 100)

    plan = seen[0]
    assert re.search(r"on notices\b.*\n\s+Index Cond: \(id > ", plan)


@pytest.mark.parametrize("claims", [{"sellers": ["another"]}, {"markets": ["gb"]}])
def test_another_sellers_panel_does_not_exist(claims, hear, get, post):
    hear(PLACED)
    [notice] = get("/v1/notices").json["items"]

    assert get("/v1/notices", **claims).json["items"] == []
    assert get("/v1/notices/unread", **claims).json["unread"] == 0
    assert post(f"/v1/notices/{notice['notice_id']}/read", **claims).status_code == 404
    assert post("/v1/notices/read", {"up_to": notice["notice_id"]}, **claims).status_code == 404


def test_the_panel_comes_in_pages_the_newest_first(hear, get):
    for place in range(5):
        hear(replace(PLACED, order_id=new_id(), number=f"EU-{place}"))

    seen, cursor = [], ""
    while cursor is not None:
        page = get(f"/v1/notices?limit=2{cursor and '&cursor='}{cursor}").json
        seen += [item["number"] for item in page["items"]]
        cursor = page["next"]

    assert seen == [f"EU-{place}" for place in (4, 3, 2, 1, 0)]
    assert get("/v1/notices?cursor=nonsense").status_code == 422


def test_an_email_that_could_not_be_sent_is_told(hear, work, get, mail_server):
    mail_server.at_recipient.append("550 unknown")
    hear(replace(PLACED, seller=replace(PLACED.seller, email="")))
    work()

    assert "email_failed" in kinds(get("/v1/notices"))


@pytest.mark.requirement("M-06")
def test_an_invoice_that_carries_no_xml_is_told_once(hear, get):
    paper = Paper(document_id=new_id(), kind="invoice", status="stored", part="order")
    bare = replace(paper, document_id=new_id(), einvoice_faults=("[BR-S-02] …",))
    papers = DocumentsSnapshot(
        order_id=PLACED.order_id, number=PLACED.number, version=1, currency="EUR", papers=(paper, bare)
    )
    hear(PLACED)

    hear(papers)
    hear(replace(papers, version=2))

    told = [item for item in get("/v1/notices").json["items"] if item["kind"] == "invoice_without_xml"]
    assert [item["about"] for item in told] == [str(bare.document_id)]


@pytest.mark.requirement("M-37")
def test_what_went_back_at_the_gateway_and_what_waits_is_told_and_no_customer_is_told_of_a_chargeback(
    hear, get, emails
):
    def gone(kind, state):
        settled_at = PLACED.placed_at if state == "settled" else None
        return Refund(
            refund_id=new_id(),
            amount_minor=100,
            reason="",
            state=state,
            kind=kind,
            requested_at=PLACED.placed_at,
            settled_at=settled_at,
        )

    given, lost, won = (
        gone("gateway", "settled"),
        gone("chargeback", "settled"),
        gone("chargeback", "withdrawn"),
    )
    hear(PLACED)

    for version in (2, 3):
        hear(replace(PLACED, version=version, to_decide=1, refunds=(given, lost, won)))

    told = {(item["kind"], item["about"]) for item in get("/v1/notices").json["items"]}
    assert told == {
        ("new_order", None),
        ("refunded_at_gateway", str(given.refund_id)),
        ("chargeback", str(lost.refund_id)),
        ("money_to_decide", None),
    }
    assert [email.about for email in emails() if email.step == "refunded"] == [given.refund_id]


HELD = Hold(hold_id=new_id(), reason="fraud", owner="risk", held_at=PLACED.placed_at)


@pytest.mark.parametrize(
    ("order", "shipments", "matters"),
    [
        (PREPAID, None, []),
        (paid(PREPAID), None, [Matter.ACCEPTANCE]),
        (PLACED, None, [Matter.ACCEPTANCE]),
        (replace(PLACED, acceptable_since=None), None, []),  # paid on delivery, and lacks stock
        (accepted(PLACED), None, [Matter.SHIPMENT]),
        (accepted(PLACED), shipped(), []),
        (replace(accepted(PLACED), holds=(HELD,)), None, []),
        (cancelled(PLACED), None, []),
        (returning(accepted(PLACED), "requested"), delivered(), [Matter.RETURN]),
        (returning(accepted(PLACED), "approved"), delivered(), []),
        (refunded(accepted(PLACED)), delivered(), []),
        (replace(PLACED, anonymised_at=NOW), None, []),
    ],
)
def test_what_waits_for_the_seller_follows_from_the_newest_state(order, shipments, matters):
    known = OrderSnapshots(order=order, shipments=shipments)

    assert [one.matter for one in waiting_matters(known, None, None)] == matters


def test_a_requested_refund_waits_until_it_is_settled():
    [asked] = refunded(accepted(PLACED)).refunds
    order = replace(accepted(PLACED), refunds=(replace(asked, state="requested", settled_at=None),))

    [one] = waiting_matters(OrderSnapshots(order=order, shipments=delivered()), None, None)

    assert (one.matter, one.since, one.due_at) == (
        Matter.REFUND,
        asked.requested_at,
        asked.requested_at + timedelta(days=3),
    )


@pytest.mark.parametrize(
    ("after", "morning"),
    [
        ("2026-03-02T06:59:00+00:00", "2026-03-02T08:00:00+01:00"),
        ("2026-03-02T07:00:00+00:00", "2026-03-02T08:00:00+01:00"),
        ("2026-03-02T07:01:00+00:00", "2026-03-03T08:00:00+01:00"),
        ("2026-03-28T12:00:00+00:00", "2026-03-29T08:00:00+02:00"),  # the clocks went forward that night
    ],
)
def test_the_morning_is_that_of_the_market(after, morning):
    found = next_morning(datetime.fromisoformat(after), "Europe/Madrid", 8)

    assert found == datetime.fromisoformat(morning)


def bring_mornings(session):
    session.execute(update(jobs).where(jobs.c.kind == "digest").values(run_at=clock.now()))
    session.commit()


def test_a_seller_is_told_each_morning_what_is_overdue_and_nothing_when_nothing_is(
    hear, work, mail_server, session
):
    hear(PLACED)
    hear(replace(accepted(PLACED), order_id=new_id(), number="EU-7"))
    work()
    before = len(mail_server.received())
    assert len(session.scalars(select(jobs.c.id).where(jobs.c.kind == "digest")).all()) == 1

    bring_mornings(session)
    work()

    [digest] = mail_server.received()[before:]
    words = digest.get_body(("plain",)).get_content()
    assert digest["To"] == "orders@lantern.example"
    assert "llega al cliente" not in words  # nobody's answer would reach a customer
    assert digest["Subject"] == "Atrasado en Europe: 2"
    assert "Pedidos por aceptar (1)\n- EU-100042" in words.replace("\r", "")
    assert "Pedidos por enviar (1)\n- EU-7" in words.replace("\r", "")
    following = select(jobs.c.run_at).where(jobs.c.kind == "digest", jobs.c.state == "queued")
    assert session.scalars(following).one() > clock.now()  # and tomorrow it is looked at again

    session.execute(OpenMatter.__table__.delete())
    bring_mornings(session)
    work()

    assert len(mail_server.received()) == before + 1
    assert session.scalars(following).all() == []


def test_a_digest_is_nobody_elses_business(hear, work, session, published):
    hear(PLACED)
    work()
    told = len(session.scalars(select(event_log.c.seq)).all())

    bring_mornings(session)
    work()

    assert len(session.scalars(select(event_log.c.seq)).all()) == told


def test_what_is_done_waits_no_longer(hear, session):
    hear(PLACED)
    hear(accepted(PLACED))
    hear(shipped())

    assert session.scalars(select(OpenMatter)).all() == []


def test_a_matter_is_due_by_what_has_waited_longest_of_it(hear, session):
    asked = returning(accepted(PLACED), "requested")
    [first] = asked.returns
    later = replace(first, return_id=new_id(), requested_at=first.requested_at + timedelta(days=1))
    hear(delivered())
    hear(replace(asked, returns=(first, later)))

    hear(replace(asked, version=asked.version + 1, returns=(replace(first, status="rejected"), later)))

    [matter] = session.scalars(select(OpenMatter)).all()
    assert (matter.since, matter.due_at) == (later.requested_at, later.requested_at + timedelta(days=2))
