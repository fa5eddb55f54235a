"""Negative controls: each invariant must find the fault that is planted for it, or it is blind here."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psycopg

from tests.chaos import invariants
from tests.chaos.invariants import Scene


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is done to a system at rest behind its back, and what must then be found."""

    name: str
    plant: Callable[[Scene], object]
    found_by: Callable[[Scene], Iterable[tuple[str, object]]]
    words: str  # of what is found


def _changed(service: str, statement: str) -> Callable[[Scene], None]:
    """Change rows of a service's database, whatever guards them."""

    def change(scene: Scene) -> None:
        address = scene.stack.servers.postgres.superuser_url(service)
        with psycopg.connect(address, options="-c session_replication_role=replica") as connection:
            assert connection.execute(statement).rowcount == 1, statement

    return change


def _a_promise(scene: Scene) -> None:
    scene.ledger.note("acknowledged", "accept", "00000000-0000-0000-0000-000000000000", None, "planted")


def _other_bytes(scene: Scene) -> None:
    [paper] = scene.databases.rows("documents", "select sha256 from papers where status = 'stored' limit 1")
    scene.stack.spoil(paper["sha256"])


def _a_mail_with_other_words(scene: Scene) -> None:
    """Of one that counts as sent: the fault before may have taken that from another."""
    folder = scene.stack.servers.mail.mailbox.folder
    sent = scene.databases.pairs(
        "notifications", "select message_id::text, order_id from emails where status = 'sent'"
    )
    mails = (file.read_bytes() for file in folder.glob("*.eml"))
    mail = next(mail for mail in mails if any(f"<{message_id}@".encode() in mail for message_id in sent))
    (folder / "planted.eml").write_bytes(mail + b"And more.\r\n")


FAULTS = (
    Fault(
        name="a promise without an order",
        plant=_a_promise,
        found_by=invariants.acknowledged_writes,
        words="an acknowledged acceptance was not told once",
    ),
    Fault(
        name="an event that was not received",
        plant=_changed("shipping", "delete from inbox where event_id = (select event_id from inbox limit 1)"),
        found_by=invariants.deliveries,
        words="was not received",
    ),
    Fault(
        name="the same, by the operator's comparison",
        plant=lambda scene: None,
        found_by=invariants.reconciled,
        words="shipping reconcile",
    ),
    Fault(
        name="a job that was given up",
        plant=_changed(
            "documents",
            "update jobs set state = 'dead' where id = (select id from jobs where kind = 'paper' limit 1)",
        ),
        found_by=invariants.jobs,
        words="is dead after",
    ),
    Fault(
        name="an old copy",
        plant=_changed(
            "shipping",
            """update copies set version = version - 1 where (subject, source) =
               (select subject, source from copies where source = 'orders' limit 1)""",
        ),
        found_by=invariants.copies,
        words="shipping has orders's version",
    ),
    Fault(
        name="a number left out",
        plant=_changed(
            "documents",
            """update papers set sequence = sequence + 1 where id =
               (select id from papers where kind = 'invoice' order by sequence desc limit 1)""",
        ),
        found_by=invariants.invoices,
        words="numbers have gaps",
    ),
    Fault(
        name="a paper with other bytes",
        plant=_other_bytes,
        found_by=invariants.invoices,
        words="are not what was stored",
    ),
    Fault(
        name="an e-mail that was not sent",
        plant=_changed(
            "notifications",
            """update emails set status = 'failed', sent_at = null where id =
               (select id from emails where status = 'sent' limit 1)""",
        ),
        found_by=invariants.emails,
        words="is failed",
    ),
    Fault(
        name="an e-mail that came with other words",
        plant=_a_mail_with_other_words,
        found_by=invariants.mail_sink,
        words="came again with other words",
    ),
    Fault(
        name="a unit out of nowhere",
        plant=_changed(
            "shipping",
            """update stock_levels set on_hand = on_hand + 1 where (sku, location) =
               (select sku, location from stock_levels limit 1)""",
        ),
        found_by=invariants.stock,
        words="level, ledger and reservations differ",
    ),
    Fault(
        name="an order shipped and cancelled",
        plant=_changed(
            "orders",
            "update orders set status = 'cancelled' where id = (select id from orders limit 1)",
        ),
        found_by=invariants.cancelled_or_shipped,
        words="both cancelled and shipped",
    ),
)


def overlooked(scene: Scene) -> list[str]:
    """Plant every fault; answers the names of those that the invariants do not find."""
    missed = []
    for fault in FAULTS:
        fault.plant(scene)
        if not any(fault.words in what for what, _ in fault.found_by(scene)):
            missed.append(fault.name)
    return missed
