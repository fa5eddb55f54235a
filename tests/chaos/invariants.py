"""What must be true of the whole system once the faults have ended and all has come to rest."""

import hashlib
import subprocess
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.parser import BytesHeaderParser
from pathlib import Path

import httpx2
import redis

from deploy.local.databases import SERVICES
from services.notifications.consumers import consumers
from services.shipping.domain.shipment_status import HOLDING_STOCK
from shared.messaging.fault_points import is_poisoned
from tests.chaos.databases import Databases

SOURCES = {
    "orders": "order",
    "shipping": "shipments",
    "documents": "documents",
    "notifications": "conversation",
}
KEYS_LIMIT = 60
MEMORY_LIMIT_BYTES = 100_000_000


@dataclass(frozen=True)
class Breach:
    """Something that should be true and is not."""

    invariant: str
    what: str
    order_id: str | None = None


@dataclass(frozen=True)
class Scene:
    """What there is to look at."""

    stack: object
    databases: Databases
    ledger: object
    poisoned_share: float = 0  # of the events, dead letters that nobody has looked after yet
    stored: Callable[[str], bytes] | None = None  # papers' bytes by hash; None: those of the stack's folder


def breaches(scene: Scene) -> list[Breach]:
    """All that is wrong, by every invariant."""
    checks = (
        acknowledged_writes,
        deliveries,
        jobs,
        copies,
        invoices,
        emails,
        mail_sink,
        stock,
        cancelled_or_shipped,
        reconciled,
        redis_bounded,
    )
    return [
        Breach(check.__name__, what, order_id and str(order_id))
        for check in checks
        for what, order_id in check(scene)
    ]


Findings = Iterator[tuple[str, object]]

# What an acknowledged command must have left: the service whose log tells of it, the event, and which of
# the event's own facts names the thing.
EVENTS = {
    "pay": ("orders", ("payment.recorded",), "reference"),
    "cancel": ("orders", ("order.cancelled", "order.cancel_requested"), "reason"),
    "release": ("shipping", ("shipment.released",), "shipment_id"),
    "pick": ("shipping", ("shipment.packing",), "shipment_id"),
    "pack": ("shipping", ("shipment.ready",), "shipment_id"),
    "ship": ("shipping", ("shipment.shipped",), "shipment_id"),
    "deliver": ("shipping", ("shipment.delivered",), "shipment_id"),
}


def acknowledged_writes(scene: Scene) -> Findings:
    """Every acknowledged write exists once, with its event; nothing that was asked for once exists twice."""
    for command, (service, types, fact) in EVENTS.items():
        told = Counter(
            (row["type"], row["thing"])
            for row in scene.databases.rows(
                service,
                "select type, payload ->> %(fact)s as thing from event_log where type = any(%(types)s)",
                fact=fact,
                types=list(types),
            )
        )
        for entry in scene.ledger.acknowledged(command):
            if not any(told[event_type, entry["thing"]] for event_type in types):
                yield f"{command} {entry['thing']} was acknowledged and never told", entry["order_id"]
        for (event_type, thing), times in told.items():
            if times > 1:
                yield f"{event_type} {thing} was told {times} times", None
    yield from _acknowledged_orders(scene)
    yield from _acknowledged_payments(scene)


def _acknowledged_orders(scene: Scene) -> Findings:
    stored = scene.databases.pairs("orders", "select external_reference, id::text from orders")
    told = Counter(
        (row["type"], row["subject"])
        for row in scene.databases.rows(
            "orders",
            "select type, subject from event_log where type in ('order.placed', 'order.accepted')",
        )
    )
    for entry in scene.ledger.acknowledged("place"):
        order_id = entry["order_id"]
        if stored.get(entry["thing"]) != order_id or told["order.placed", order_id] != 1:
            yield f"order {entry['thing']} is {stored.get(entry['thing'])}", order_id
    for entry in scene.ledger.acknowledged("accept"):
        if told["order.accepted", entry["order_id"]] != 1:
            yield "an acknowledged acceptance was not told once", entry["order_id"]
    asked = {entry["thing"] for entry in scene.ledger.entries if entry["command"] == "place"}
    for reference in stored.keys() - asked:
        yield f"nobody asked for order {reference}", stored[reference]


def _acknowledged_payments(scene: Scene) -> Findings:
    booked = Counter(
        row["reference"] for row in scene.databases.rows("orders", "select reference from payments")
    )
    for entry in scene.ledger.acknowledged("pay"):
        if booked[entry["thing"]] != 1:
            yield f"payment {entry['thing']} is booked {booked[entry['thing']]} times", entry["order_id"]
    for row in scene.databases.rows(
        "orders",
        """select o.id, o.received_minor, coalesce(sum(p.amount_minor), 0) as booked
           from orders o left join payments p on p.order_id = o.id group by o.id
           having o.received_minor <> coalesce(sum(p.amount_minor), 0)""",
    ):
        yield f"received {row['received_minor']}, booked {row['booked']}", row["id"]


def deliveries(scene: Scene) -> Findings:
    """Every event is done and acknowledged by every subscriber, or dead because it was poisoned."""
    heard = {
        service: {row["event_id"]: row for row in rows}
        for service, rows in scene.databases.everywhere(
            """select event_id, state, owed.event_id is null as acknowledged, subject, type
               from inbox left join pending_acks as owed using (event_id)"""
        ).items()
    }
    told: dict[str, set] = defaultdict(set)
    for source, rows in scene.databases.everywhere(
        """select event_id, subscriber, o.seq is null or o.acked_at is not null as acknowledged, type, subject
           from event_log cross join unnest(told_to) as subscriber
           left join outbox as o using (event_id, subscriber)"""
    ).items():
        for row in rows:
            name = f"{source}'s {row['type']} {row['event_id']} to {row['subscriber']}"
            told[row["subscriber"]].add(row["event_id"])
            received = heard[row["subscriber"]].get(row["event_id"])
            if received is None:
                yield f"{name} was not received", row["subject"]
            elif not row["acknowledged"] or not received["acknowledged"]:
                yield f"{name} is not acknowledged", row["subject"]
            elif received["state"] != "done" and not (
                received["state"] == "dead" and is_poisoned(str(row["event_id"]), scene.poisoned_share)
            ):
                yield f"{name} is {received['state']}", row["subject"]
    for subscriber, events in heard.items():
        for event_id in events.keys() - told[subscriber]:
            yield f"{subscriber} heard {event_id}, which nobody told", events[event_id]["subject"]


def jobs(scene: Scene) -> Findings:
    """Every job is done."""
    for service, rows in scene.databases.everywhere(
        """select kind, key, state, attempts, last_error, subject from jobs
           where state <> 'done' and due_at <= clock_timestamp() + interval '1 minute'"""
    ).items():
        for row in rows:
            job = f"{service}'s {row['key']} is {row['state']} after {row['attempts']} attempts"
            yield f"{job}: {row['last_error']}", row["subject"]


def copies(scene: Scene) -> Findings:
    """Each service's copy of an order is the newest that its source told it; a version has one meaning.

    Or a newer one, which did not concern it: by `resync` it is told that too. Of what notifications hears for
    its feed alone it keeps none.
    """
    for source, key in SOURCES.items():
        contents: dict[tuple[str, int], str] = {}
        newest: dict[str, dict] = defaultdict(dict)
        for row in scene.databases.rows(
            source,
            """select subscriber, e.subject, e.version,
                      md5(coalesce(e.payload -> %(key)s, e.payload -> 'stock')::text) as content
               from event_log e left join unnest(told_to) as subscriber
               on subscriber <> 'notifications' or e.type <> all(%(passed_on)s)
               order by e.subject, e.version""",
            key=key,
            passed_on=list(consumers.passed_on),
        ):
            if contents.setdefault((row["subject"], row["version"]), row["content"]) != row["content"]:
                yield f"{source} told two snapshots as version {row['version']}", row["subject"]
            if row["subscriber"]:
                newest[row["subscriber"]][row["subject"]] = row["version"]
        for subscriber, subjects in newest.items():
            kept = {
                row["subject"]: row
                for row in scene.databases.rows(
                    subscriber,
                    """select subject, version, md5(snapshot::text) as content from copies
                       where source = %(source)s""",
                    source=source,
                )
            }
            for subject, told in subjects.items():
                copy = kept.get(subject) or {"version": None, "content": None}
                is_whole = contents.get((subject, copy["version"])) == copy["content"]
                if copy["version"] is None or copy["version"] < told or not is_whole:
                    yield f"{subscriber} has {source}'s version {copy['version']}, not {told}", subject


def invoices(scene: Scene) -> Findings:
    """One invoice per order, numbers without gap, bytes as they were stored; credited where cancelled."""
    for row in scene.databases.rows(
        "documents",
        """select p.market, p.seller, p.kind, count(*), min(p.sequence), max(p.sequence),
                  max(s.last_number) as last
           from papers p left join series s on (s.market, s.seller, s.kind, s.period)
                                             = (p.market, p.seller, p.kind, p.series_period)
           where p.sequence is not null group by p.market, p.seller, p.kind, p.series_period""",
    ):
        if not (row["min"] == 1 and row["count"] == row["max"] == row["last"]):
            yield f"the {row['kind']} numbers have gaps: {row}", None
    papers: dict[tuple[str, str], list] = defaultdict(list)
    for paper in scene.databases.rows(
        "documents", "select order_id::text, kind, part, status, sha256, size_bytes from papers"
    ):
        papers[paper["order_id"], paper["kind"]].append(paper)
        if paper["status"] == "stored" and not _is_kept(scene, paper["sha256"]):
            yield f"the bytes of a {paper['kind']} are not what was stored", paper["order_id"]
    for order in scene.databases.rows(
        "orders", "select id::text, cancelled_at from orders where accepted_at is not null"
    ):
        states = [paper["status"] for paper in papers[order["id"], "invoice"]]
        notes = [paper["status"] for paper in papers[order["id"], "credit_note"]]
        if order["cancelled_at"] is None:
            if (states, notes) != (["stored"], []):
                yield f"an accepted order has the invoices {states} and credit notes {notes}", order["id"]
        elif (states, notes) not in ((["withdrawn"], []), (["stored"], ["stored"]), ([], [])):
            yield f"a cancelled order has the invoices {states} and credit notes {notes}", order["id"]


def _is_kept(scene: Scene, digest: str) -> bool:
    try:
        content = (scene.stored or in_folder(scene.stack.settings.folder / "documents"))(digest)
    except (OSError, httpx2.HTTPError):
        return False
    return hashlib.sha256(content).hexdigest() == digest


def in_folder(folder: Path) -> Callable[[str], bytes]:
    """What reads the bytes that a folder keeps."""
    return lambda digest: (folder / digest[:2] / digest).read_bytes()


def emails(scene: Scene) -> Findings:
    """One e-mail row per key, all sent; each order's customer and seller were told of it."""
    for row in scene.databases.rows(
        "notifications",
        """select order_id, step, about, recipient_id, count(*) from emails
           group by order_id, step, about, recipient_id having count(*) > 1""",
    ):
        yield f"{row['count']} e-mails tell of {row['step']}", row["order_id"]
    for row in scene.databases.rows(
        "notifications", "select * from emails where status not in ('sent', 'merged')"
    ):
        yield f"the e-mail {row['step']} is {row['status']}: {row['error']}", row["order_id"]
    steps: dict[str, set] = defaultdict(set)
    for row in scene.databases.rows("notifications", "select order_id::text, step from emails"):
        steps[row["order_id"]].add(row["step"])
    for order in scene.databases.rows("orders", "select id::text, accepted_at, cancelled_at from orders"):
        owed = {"new_order", "confirmation"}
        owed |= {"accepted"} if order["accepted_at"] else set()
        owed |= {"cancelled"} if order["cancelled_at"] else set()
        if lacking := owed - steps[order["id"]]:
            yield f"nobody wrote of {', '.join(sorted(lacking))}", order["id"]


def mail_sink(scene: Scene) -> Findings:
    """What arrived is what was sent; a repeat has the same Message-ID and the same bytes."""
    sent = scene.databases.pairs(
        "notifications", "select message_id::text, order_id from emails where status = 'sent'"
    )
    contents = arrivals(scene)
    for message_id, bodies in contents.items():
        if message_id not in sent:
            yield f"an e-mail arrived that nobody wrote: {message_id}", None
        elif len(set(bodies)) > 1:
            yield f"an e-mail came again with other words: {message_id}", sent[message_id]
    for message_id in sent.keys() - contents.keys():
        yield f"an e-mail never arrived: {message_id}", sent[message_id]


def arrivals(scene: Scene) -> dict[str, list[str]]:
    """The hashes of all that arrived in the sink, by the left side of the Message-ID."""
    found: dict[str, list[str]] = defaultdict(list)
    parser = BytesHeaderParser()
    for file in scene.stack.servers.mail.mailbox.folder.glob("*.eml"):
        mail = file.read_bytes()
        message_id = str(parser.parsebytes(mail)["Message-ID"]).strip().strip("<>").partition("@")[0]
        found[message_id].append(hashlib.sha256(mail).hexdigest())
    return found


def stock(scene: Scene) -> Findings:
    """Ledger, levels and reservations agree, and nothing is negative."""
    for row in scene.databases.rows(
        "shipping",
        """select l.sku, l.location, l.on_hand, l.reserved, l.version, m.moves, m.on_hand as moved_on_hand,
                  m.reserved as moved_reserved, coalesce(h.units, 0) as held
           from stock_levels l
           left join (select sku, location, count(*) as moves, sum(on_hand_change) as on_hand,
                             sum(reserved_change) as reserved
                      from stock_movements group by sku, location) m using (sku, location)
           left join (select line.sku, s.location, sum(line.units) as units
                      from shipments s join shipment_lines line on line.shipment_id = s.id
                      where s.status = any(%(holding)s)
                      group by line.sku, s.location) h using (sku, location)""",
        holding=[str(status) for status in HOLDING_STOCK],
    ):
        agrees = (row["on_hand"], row["reserved"]) == (row["moved_on_hand"] or 0, row["moved_reserved"] or 0)
        if not agrees or row["reserved"] != row["held"] or row["version"] != (row["moves"] or 0):
            yield f"level, ledger and reservations differ: {row}", None
        if not 0 <= row["reserved"] <= row["on_hand"]:
            yield f"promised more than there is: {row}", None


def cancelled_or_shipped(scene: Scene) -> Findings:
    """No order is both; none waits for an answer to its cancellation; fulfilment is what shipping says."""
    left = scene.databases.rows(
        "shipping",
        "select order_id::text, cancelled_at from shipments where shipped_at is not null",
    )
    cancelled = scene.databases.pairs(
        "orders", "select id::text, status from orders where status in ('cancelled', 'cancelling')"
    )
    for shipment in left:
        if shipment["order_id"] in cancelled or shipment["cancelled_at"]:
            yield "both cancelled and shipped", shipment["order_id"]
    for order_id, status in cancelled.items():
        if status == "cancelling":
            yield "shipping never answered whether it can be cancelled", order_id
    open_ones = scene.databases.rows(
        "shipping",
        "select order_id::text, status from shipments where status = any(%(holding)s)",
        holding=[str(status) for status in HOLDING_STOCK],
    )
    for shipment in open_ones:
        if shipment["order_id"] in cancelled:
            yield f"cancelled, and its shipment is {shipment['status']}", shipment["order_id"]


def reconciled(scene: Scene) -> Findings:
    """The operator's own comparison finds nothing."""
    for service in SERVICES:
        compared = operate(scene.stack, service, "reconcile")
        if compared.returncode:
            yield f"{service} reconcile: {compared.stdout[-500:]} {compared.stderr[-500:]}", None


def operate(stack, service, *verb):
    """Run an operator's verb of a service."""
    api = stack.processes[f"{service}.api"]
    return subprocess.run(
        [api.command[0], "-m", f"services.{service}.cli", *verb],
        cwd=api.folder,
        env=dict(api.environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def redis_bounded(scene: Scene) -> Findings:
    """Redis keeps little, whatever was lost in it."""
    with redis.Redis.from_url(scene.stack.servers.broker_url) as client:
        keys, memory = client.dbsize(), client.info("memory")["used_memory"]
    if keys > KEYS_LIMIT or memory > MEMORY_LIMIT_BYTES:
        yield f"Redis has {keys} keys in {memory} bytes", None
