"""A draft that nobody touches is given up after the market's term, by a job."""

from datetime import timedelta

import pytest
from sqlalchemy import func, select, text

from services.orders.commands import drafts
from services.orders.messaging import messaging
from services.orders.models import Draft
from shared.errors import Refused
from shared.messaging import jobs
from shared.messaging.backoff import Backoff
from shared.messaging.tables import jobs as job_rows
from tests.unit.orders.sample_shop import order_wanted

WHOLE = {name: value for name, value in order_wanted().items() if name not in {"seller", "market"}}


@pytest.fixture
def pass_time(sessions):
    """Let a draft lie for some days, then do the job that is due."""

    def run_due(draft_id, days):
        with sessions.begin() as session:
            session.execute(
                text("update drafts set updated_at = updated_at - make_interval(days => :days)"),
                {"days": days},
            )
            session.execute(
                text("update jobs set run_at = run_at - make_interval(days => :days)"), {"days": days}
            )
            due = session.scalars(
                select(job_rows.c.id).where(
                    job_rows.c.subject == str(draft_id),
                    job_rows.c.state == "queued",
                    job_rows.c.run_at <= func.clock_timestamp(),
                )
            ).all()
        for job_id in due:
            assert jobs.run(sessions, messaging.jobs, job_id, Backoff(0, 0))
        with sessions() as session:
            return len(due), session.get(Draft, draft_id).status

    return run_due


def test_a_draft_nobody_touches_is_abandoned_after_the_markets_term(sessions, pass_time):
    with sessions.begin() as session:
        draft_id = drafts.create_draft(session, seller="quay", market="gb", **WHOLE).draft.id

    assert pass_time(draft_id, 29) == (0, "draft")
    assert pass_time(draft_id, 2) == (1, "abandoned")
    with sessions.begin() as session, pytest.raises(Refused, match="wrong_status"):
        drafts.place_draft(session, draft_id)


def test_a_draft_that_is_touched_is_waited_for_anew(sessions, pass_time):
    with sessions.begin() as session:
        draft_id = drafts.create_draft(session, seller="quay", market="gb", **WHOLE).draft.id
    assert pass_time(draft_id, 20) == (0, "draft")
    with sessions.begin() as session:
        drafts.change_draft(session, draft_id, **WHOLE)

    assert pass_time(draft_id, 11) == (1, "draft")
    assert pass_time(draft_id, 18) == (0, "draft")
    assert pass_time(draft_id, 2) == (1, "abandoned")


def test_a_draft_that_was_placed_is_not_abandoned(sessions, pass_time):
    with sessions.begin() as session:
        draft_id = drafts.create_draft(session, seller="quay", market="gb", **WHOLE).draft.id
        drafts.place_draft(session, draft_id)

    assert pass_time(draft_id, 31) == (1, "placed")


def test_the_markets_term_counts(sessions, pass_time):
    with sessions.begin() as committed:
        committed.execute(text("update markets set abandon_drafts_after_days = 2"))
        draft_id = drafts.create_draft(committed, seller="quay", market="gb", **WHOLE).draft.id
        due_at = committed.scalar(select(job_rows.c.run_at))
        draft = committed.get(Draft, draft_id)

    assert due_at == draft.updated_at + timedelta(days=2)
    assert pass_time(draft_id, 3) == (1, "abandoned")
