"""`python -m tests.chaos.broken SABOTAGE MODULE ARGUMENT…`: a process of the system with one thing broken.

For the negative controls alone: production code has no switch for any of this.
"""

import runpy
import sys
from uuid import UUID

import msgspec
from sqlalchemy.dialects.postgresql import insert

from shared.messaging import copies, deliveries, inbox, jobs
from shared.messaging.deliveries import Source
from shared.messaging.fault_points import crash_point
from shared.messaging.tables import copies as copies_table
from shared.settings import ServiceSettings, read

SHORT_LIMIT_SECONDS = 2


def no_pull():
    """Trust the push alone."""
    deliveries.Source.pull = lambda self, grace_seconds: []


def early_acknowledgement():
    """Acknowledge what is pulled before its inbox row is committed."""
    settings = read(ServiceSettings, process="agent")
    receive = inbox.receive

    def acknowledge_and_receive(hearing, envelope, via):
        name = envelope["source"].removeprefix("/")
        source = Source(name, settings.service_url(name), settings.service_token)
        source.acknowledge([UUID(envelope["id"])])
        source.close()
        crash_point("before_commit")
        return receive(hearing, envelope, via)

    inbox.receive = acknowledge_and_receive


def no_version_check():
    """Believe whatever comes last."""

    def keep(session, heard):
        row = {"version": heard.version, "snapshot": msgspec.to_builtins(heard)}
        stored = insert(copies_table).values(subject=heard.subject, source=heard.SOURCE, **row)
        places = [copies_table.c.subject, copies_table.c.source]
        session.execute(stored.on_conflict_do_update(index_elements=places, set_=row))
        return heard

    copies.keep_newest = keep


def no_lease():
    """Never take a job from a worker that may be dead, though every job is short."""
    kind = jobs.Jobs.kind
    jobs.LEASE_MARGIN_SECONDS = 10**6
    jobs.Jobs.kind = lambda self, name, **more: kind(
        self, name, **more | {"limit_seconds": SHORT_LIMIT_SECONDS}
    )


SABOTAGES = {each.__name__: each for each in (no_pull, early_acknowledgement, no_version_check, no_lease)}

if __name__ == "__main__":
    sabotage, module, *arguments = sys.argv[1:]
    SABOTAGES[sabotage]()
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
