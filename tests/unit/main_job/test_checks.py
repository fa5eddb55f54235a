"""The proofs: each fails when what it proves is not so."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from io import StringIO

import pytest
from rich.console import Console

from deploy.local.mail_sink.mailbox import Mailbox
from deploy.main_job.checks import arrivals, check
from deploy.main_job.life import Email, Life, Paper, Stage
from deploy.main_job.sales import read
from deploy.main_job.summary import Board, name_samples, show_summary

DATA = read()
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
STEPS = ("new_order", "confirmation", "accepted", "delivery_note", "shipped", "invoice", "delivered")
MERGED = Email("never sent", "payment_received", 0, is_merged=True, attached=())


def sent(step, number, invoice):
    attached = (invoice.sha256,) if step == "invoice" else ()
    return Email(f"{step}-{number}", step, 1, is_merged=False, attached=attached)


def lived(number, **changes):
    invoice = Paper(f"paper-{number}", "invoice", f"GB-FERN-2026-{number:06}", 995, f"hash-{number}")
    known = {
        "reference": str(number),
        "id": f"order-{number}",
        "number": f"GB-{number}",
        "seller": "fern",
        "market": "gb",
        "currency": "GBP",
        "method": "online",
        "sold_minor": 995,
        "ordered_minor": 995,
        "paid_minor": 995,
        "papers": (invoice, Paper("n", "delivery_note", "", 0, "a"), Paper("l", "label", "", 0, "b")),
        "emails": (MERGED, *(sent(step, number, invoice) for step in STEPS)),
        "happenings": 25,
        "unfollowed": 0,
        "seconds": 3.0,
    }
    return Life(**known | changes)


LIVES = [lived(1), lived(2), lived(3)]


@pytest.fixture
def deliver(mail_folder):
    """Have the e-mails of lives arrive in the sink."""
    mailbox = Mailbox(mail_folder)

    def arrive(*lives):
        for life in lives:
            for email in life.emails:
                if email.is_merged:
                    continue
                head = f"Message-ID: <{email.message_id}@waybill.example>\r\nSubject: x\r\n"
                mailbox.store(
                    f"{head}\r\nMessage-ID: <no>\r\n".encode(),
                    sender="a@b.example",
                    recipients=["c@d.example"],
                )

    return arrive


@pytest.fixture
def broken(api, calls):
    """What does not hold, of these lives."""
    api.answers["/v1/orders"] = (200, {"items": [], "next": None})

    def found(lives, wrong=()):
        return [one.what for one in check(calls, DATA, lives, dict(wrong), LONG_AGO) if not one.holds]

    return found


def with_invoice(life, **changes):
    invoice = replace(life.papers[0], **changes)
    return replace(life, papers=(invoice, *life.papers[1:]))


def test_a_row_that_was_dropped_is_found(calls, api):
    [told, *_] = check(calls, replace(DATA, rows_read=30_001), [], {}, LONG_AGO)

    assert not told.holds


def test_all_holds_when_all_is_well(broken, deliver):
    deliver(*LIVES)

    assert broken(LIVES) == []


@pytest.mark.parametrize("changes", [{"paid_minor": 994}, {"ordered_minor": 996}, {"sold_minor": 1000}])
def test_a_penny_is_missed(changes, broken, deliver):
    deliver(*LIVES)

    assert broken([*LIVES[:2], lived(3, **changes)]) == ["money sold = ordered = invoiced = paid, in GBP"]


def test_pennies_that_outweigh_each_other_are_missed(broken, deliver):
    deliver(*LIVES)

    assert broken([lived(1, paid_minor=994), lived(2, paid_minor=996), lived(3)]) != []


def test_a_second_invoice_and_a_missing_one_are_found(broken, deliver):
    deliver(*LIVES)
    twice = replace(
        LIVES[2], papers=(*LIVES[2].papers, replace(LIVES[2].papers[0], number="GB-FERN-2026-000004"))
    )
    none = replace(LIVES[2], papers=LIVES[2].papers[1:])

    assert "every order has exactly one invoice" in broken([*LIVES[:2], twice])
    assert "every order has exactly one invoice" in broken([*LIVES[:2], none])


def test_a_gap_in_the_numbers_is_found(broken, deliver):
    deliver(*LIVES)

    gap = [LIVES[0], LIVES[1], with_invoice(LIVES[2], number="GB-FERN-2026-000004")]

    assert broken(gap) == ["invoice numbers are consecutive"]


def test_a_number_given_to_an_order_outside_the_run_is_no_gap(api, broken, deliver):
    lives = [LIVES[0], LIVES[2]]
    deliver(*lives)
    assert broken(lives) == ["invoice numbers are consecutive"]

    others = {"items": [{"order_id": "other"}, {"order_id": "order-1"}], "next": None}
    api.answers["/v1/orders"] = (200, others)
    papers = {
        "items": [{"kind": "invoice", "number": "GB-FERN-2026-000002"}, {"kind": "label", "number": None}]
    }
    api.answers["/v1/orders/other/documents"] = (200, papers)

    assert broken(lives) == []


def test_a_number_given_twice_is_found(broken, deliver):
    deliver(*LIVES)

    assert "invoice numbers are consecutive" in broken(
        [*LIVES[:2], with_invoice(LIVES[2], number="GB-FERN-2026-000002")]
    )


def test_an_email_that_did_not_arrive_is_found(broken, deliver):
    deliver(*LIVES[:2])

    assert broken(LIVES) == ["every e-mail was sent exactly once"]


def test_an_email_that_arrived_twice_is_found(broken, deliver):
    deliver(*LIVES, LIVES[1])

    assert broken(LIVES) == ["every e-mail was sent exactly once"]


def test_an_email_nobody_asked_for_is_found(broken, deliver):
    more = replace(
        LIVES[2], emails=(*LIVES[2].emails, Email("again-3", "confirmation", 1, is_merged=False, attached=()))
    )
    deliver(*LIVES[:2], more)

    assert broken([*LIVES[:2], more]) == ["every e-mail was sent exactly once"]


def test_an_invoice_that_was_not_attached_is_found(broken, deliver):
    deliver(*LIVES)

    assert broken([*LIVES[:2], with_invoice(LIVES[2], sha256="another")]) == [
        "every invoice went to its customer"
    ]


def test_dead_letters_are_found(api, broken, deliver):
    deliver(*LIVES)
    api.answers["/health/ready"] = (200, {"messaging": {"dead_events": 0, "dead_jobs": 1}})

    assert broken(LIVES) == ["no dead letters"]


def test_an_order_that_did_not_come_to_its_end_is_named(calls, api):
    checks = check(calls, DATA, [], {"551192": "the label: not within 120 s"}, LONG_AGO)

    [told] = [one for one in checks if one.what == "every order was completed"]
    assert not told.holds
    assert "551192: the label: not within 120 s" in told.seen


def test_what_arrived_before_the_run_does_not_count(mail_folder, deliver):
    deliver(LIVES[0])

    assert arrivals(mail_folder, LONG_AGO).total() == len(STEPS)
    assert arrivals(mail_folder, datetime.now(UTC) + timedelta(seconds=1)).total() == 0


def test_the_summary_is_told_without_a_terminal(calls, api, deliver):
    deliver(*LIVES)
    console = Console(file=StringIO(), width=100)

    with Board(console, orders=3) as board:
        board.stocked(5, 5)
        for _ in LIVES:
            for stage in Stage:
                board.reached(stage)
    show_summary(console, DATA, LIVES, check(calls, DATA, LIVES, {}, LONG_AGO), 9.0)

    said = console.file.getvalue()
    assert "3 of 3 orders are completed" in said
    assert "3 delivery note, 3 invoice, 3 label" in said
    assert "20 orders a minute" in said
    assert "30,000" in said
    assert "each £29.85" in said


def test_a_pdf_and_an_email_to_open_are_named(calls, api, deliver, mail_folder):
    deliver(*LIVES)
    api.answers["/v1/documents/paper-2/content"] = (200, "the PDF")
    console = Console(file=StringIO())

    name_samples(console, calls, LIVES[1])

    named = [line.rpartition(" ")[2] for line in console.file.getvalue().splitlines()]
    assert named[0] == str(mail_folder.parent / "GB-FERN-2026-000002.pdf")
    assert (mail_folder.parent / "GB-FERN-2026-000002.pdf").read_bytes() == b'"the PDF"'
    assert "invoice-2@" in (mail_folder / named[1].rpartition("/")[2]).read_text()
    assert named[2].startswith("http://127.0.0.1:1/messages/")
