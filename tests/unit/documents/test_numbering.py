"""Numbers are consecutive, never double, and in the order of their dates."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from sqlalchemy import func, select

from services.documents.commands import papers as commands
from services.documents.domain.due_papers import DuePaper
from services.documents.jobs import make_paper
from services.documents.models import Paper, Series
from services.documents.numbering import give_number, number_of
from services.documents.series_audit import audited_series, faulty_series
from shared import clock
from shared.events.snapshots import PaperKind, PaperStatus
from shared.messaging.jobs import PermanentFailure
from shared.messaging.order_locks import lock_order
from tests.unit.documents.sample_orders import cancelled, invoice_of, order


@pytest.fixture
def due(sessions):
    """Accepted orders with their invoices due, and the invoices' ids."""

    def due(count, **changes):
        ids = []
        with sessions.begin() as session:
            for _ in range(count):
                accepted = replace(order(1), **changes)
                lock_order(session, accepted.order_id)
                commands.issue_due_papers(session, accepted, None)
                found = select(Paper.id).where(
                    Paper.order_id == accepted.order_id, Paper.kind == PaperKind.INVOICE
                )
                ids.append(session.scalars(found).one())
        return ids

    return due


def number(sessions, paper_id):
    with sessions.begin() as session:
        return give_number(session, paper_id).number


@pytest.mark.requirement("P-08")
def test_a_hundred_at_once_get_a_hundred_consecutive_numbers(sessions, due):
    ids = due(100)
    ready = threading.Barrier(10)

    def take(paper_ids):
        ready.wait()
        return [number(sessions, paper_id) for paper_id in paper_ids]

    with ThreadPoolExecutor(10) as pool:
        numbers = [each for taken in pool.map(take, [ids[at::10] for at in range(10)]) for each in taken]

    year = clock.now().year
    assert sorted(numbers) == [f"GB-ACME-{year}-{sequence:06}" for sequence in range(1, 101)]


def of_kind(sessions, market, kind=PaperKind.INVOICE):
    """A paper of a market that is due, and numbered next."""
    placed = order(1)
    placed = replace(placed, market=replace(placed.market, market=market))
    figured = invoice_of(placed)
    with sessions.begin() as session:
        due = DuePaper(kind=kind, part="order", content=figured, cause="hand")
        paper = commands._add(session, due)
        return paper.id


@pytest.mark.requirement("M-18")
@pytest.mark.parametrize("period", ["2026", "2026-03"])
def test_no_two_series_of_a_seller_have_a_number_in_common(period):
    markets = ["zde", "cn-zde", "cn-cn-zde", "inv-zde", "inv-cn-zde", "cn-inv-zde", "cnzde", "invzde"]
    numbers = [
        number_of(Paper(kind=kind, market=market, seller="acme"), period, 1)
        for market in markets
        for kind in (PaperKind.INVOICE, PaperKind.CREDIT_NOTE)
    ]

    assert len(set(numbers)) == len(numbers)
    assert numbers[:2] == [f"ZDE-ACME-{period}-000001", f"CN-ZDE-ACME-{period}-000001"]


@pytest.mark.requirement("M-18")
def test_invoices_of_a_market_called_like_credit_notes_stand_beside_these(sessions):
    note, invoice = of_kind(sessions, "zde", PaperKind.CREDIT_NOTE), of_kind(sessions, "cn-zde")

    numbers = [number(sessions, paper_id) for paper_id in (note, invoice)]

    year = clock.now().year
    assert numbers == [f"CN-ZDE-ACME-{year}-000001", f"INV-CN-ZDE-ACME-{year}-000001"]


@pytest.mark.requirement("M-18")
def test_a_number_that_an_older_release_gave_away_fails_at_once_and_says_whose_it_is(sessions):
    older, note = of_kind(sessions, "cn-zde"), of_kind(sessions, "zde", PaperKind.CREDIT_NOTE)
    number(sessions, older)
    taken = f"CN-ZDE-ACME-{clock.now().year}-000001"
    with sessions.begin() as session:
        session.get_one(Paper, older).number = taken

    told = f"{taken} is already the number of the invoice of order GB-000042"
    with pytest.raises(PermanentFailure, match=told):
        make_paper(sessions, {"paper_id": str(note)})

    with sessions() as session:
        assert session.get_one(Paper, note).sequence is None
        assert list(faulty_series(session)) == []  # no number was lost


@pytest.mark.requirement("P-08")
def test_two_workers_with_the_same_paper_take_one_number(sessions, due):
    [paper_id] = due(1)
    ready = threading.Barrier(8)

    def take(_):
        ready.wait()
        return number(sessions, paper_id)

    with ThreadPoolExecutor(8) as pool:
        numbers = set(pool.map(take, range(8)))

    assert len(numbers) == 1
    with sessions() as session:
        assert session.scalars(select(Series.last_number)).one() == 1


@pytest.mark.requirement("P-08", "F-19")
def test_what_is_rolled_back_leaves_no_gap(sessions, due):
    first, second, third = due(3)
    number(sessions, first)
    with sessions() as session:
        give_number(session, second)  # and dies before the commit

    assert number(sessions, third).endswith("000002")
    assert number(sessions, second).endswith("000003")


def test_a_renderer_that_died_after_numbering_finds_its_number(sessions, due):
    [paper_id] = due(1)
    first = number(sessions, paper_id)

    assert number(sessions, paper_id) == first


def test_a_withdrawn_paper_gets_no_number(sessions, due):
    [paper_id] = due(1)
    with sessions.begin() as session:
        session.get_one(Paper, paper_id).status = PaperStatus.WITHDRAWN

    assert number(sessions, paper_id) is None
    with sessions() as session:
        assert session.scalar(select(func.count()).select_from(Series)) == 0


def test_a_later_number_never_has_an_earlier_date(sessions, due, monkeypatch):
    ahead, behind = due(2)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 5, 2, 12, tzinfo=UTC))
    number(sessions, ahead)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 5, 1, 12, tzinfo=UTC))
    number(sessions, behind)

    with sessions() as session:
        assert session.get_one(Paper, behind).issued_on == date(2026, 5, 2)


def test_the_legal_date_and_year_are_those_of_the_markets_time_zone(sessions, due, monkeypatch):
    madrid = order(1, market="eu").market
    [paper_id] = due(1, market=madrid)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 12, 31, 23, 30, tzinfo=UTC))

    assert number(sessions, paper_id) == "EU-ACME-2027-000001"

    with sessions() as session:
        assert session.get_one(Paper, paper_id).issued_on == date(2027, 1, 1)


def test_credit_notes_count_in_their_own_series(sessions, due):
    invoice, _ = due(2)
    number(sessions, invoice)
    with sessions.begin() as session:
        placed = session.get_one(Paper, invoice).frozen.order
        lock_order(session, placed.order_id)
        commands.issue_due_papers(session, cancelled(placed), None)
        note = session.scalars(select(Paper.id).where(Paper.kind == PaperKind.CREDIT_NOTE)).one()

    assert number(sessions, note) == f"CN-GB-ACME-{clock.now().year}-000001"


@pytest.mark.requirement("P-08")
def test_a_series_with_a_gap_is_found(sessions, due):
    for paper_id in due(4):
        number(sessions, paper_id)
    with sessions() as session:
        whole = audited_series(session)
    with sessions.begin() as session:
        for lost in session.scalars(select(Paper).where(Paper.sequence.in_([2, 3]))):
            lost.number = lost.sequence = lost.series_period = None

    with sessions() as session:
        [faulty] = faulty_series(session)

    assert [(series.fault, series.missing) for series in whole] == [("", ())]
    assert (faulty.last_number, faulty.papers, faulty.highest, faulty.missing) == (4, 2, 4, (2, 3))


@pytest.mark.requirement("P-08")
def test_numbers_begin_again_with_the_month_where_the_market_says_so(sessions, due, monkeypatch):
    monthly = replace(order(1).market, numbers_per="month")
    first, second, third = due(3, market=monthly)
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 31, 12, tzinfo=UTC))
    march = [number(sessions, paper_id) for paper_id in (first, second)]
    monkeypatch.setattr(clock, "now", lambda: datetime(2026, 3, 31, 23, 30, tzinfo=UTC))

    april = number(sessions, third)

    assert march == ["GB-ACME-2026-03-000001", "GB-ACME-2026-03-000002"]
    assert april == "GB-ACME-2026-04-000001"
