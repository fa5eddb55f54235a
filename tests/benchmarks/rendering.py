"""Goals 9 to 12: papers beside WeasyPrint used as one first would, and with a second renderer."""

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any
from uuid import UUID

from jinja2 import Environment, FileSystemLoader
from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker
from weasyprint import HTML

from deploy.local.postgres import Postgres
from deploy.local.valkey import temporary_valkey
from services.documents import drawings, einvoices, rendering
from services.documents.commands.papers import issue_due_papers
from services.documents.domain.papers import Content
from services.documents.messaging import messaging
from services.documents.wording import wording_of
from shared.db import make_engine
from shared.events.snapshots import PaperKind, Parcel
from shared.messaging.order_locks import lock_order
from shared.messaging.tables import jobs
from shared.migrations import upgrade
from tests.benchmarks.results import Result, interleaved
from tests.unit.documents.sample_orders import LONDON, invoice_of, order, shipments

NUMBER = "GB-ACME-2026-000001"
ISSUED_ON = date(2026, 3, 5)
ROUNDS = 15
BATCH = 50
ORDERS = 30  # of the throughput run; each makes an invoice of 25 lines and a delivery note
DEADLINE_SECONDS = 300

_naive = Environment(loader=FileSystemLoader(Path(__file__).with_name("naive")), autoescape=True)


def naive(template: str, content: Content) -> bytes:
    """The same look by flex, grid and an automatic table, with fonts and styles read for each paper anew."""
    placed = content.order
    wording = wording_of(placed, placed.locale)
    regular, bold = rendering.FONTS
    html = _naive.get_template(template).render(
        kind="invoice",
        content=content,
        order=placed,
        seller=placed.seller,
        number=NUMBER,
        issued_on=ISSUED_ON,
        words=wording.words("papers"),
        wording=wording,
        language=wording.language,
        monogram=drawings.monogram(placed.seller.name, placed.seller.colour),
        barcode=drawings.barcode,
        qr_code=drawings.qr_code,
        regular=regular,
        bold=bold,
    )
    pdf: bytes = HTML(string=html).write_pdf()
    return pdf


def _cpu(work: Callable[[], object], clock: Callable[[], float] = time.process_time) -> Callable[[], float]:
    def milliseconds() -> float:
        started = clock()
        work()
        return (clock() - started) * 1000

    return milliseconds


def invoices() -> Result:
    """Goal 9."""
    content = invoice_of(order(25))
    sides = [
        _cpu(lambda: naive("invoice.html", content)),
        _cpu(lambda: rendering.render(PaperKind.INVOICE, content, NUMBER, ISSUED_ON)),
    ]
    usual, ours = interleaved(sides, ROUNDS)
    return Result(
        goal=9,
        name="invoice of 25 lines, naive WeasyPrint : ours, CPU",
        value=usual / ours,
        must=1.5,
        stretch=2,
        detail=f"naive {usual:.0f} ms, ours {ours:.0f} ms",
    )


def labels() -> Result:
    """Goal 10, one label a time."""
    placed = order()
    content = Content(
        order=placed,
        group_id=placed.delivery_groups[0].group_id,
        address=LONDON,
        shipment=shipments(placed).shipments[0],
    )
    sides = [
        _cpu(lambda: naive("label.html", content)),
        _cpu(lambda: rendering.render(PaperKind.LABEL, content)),
    ]
    usual, ours = interleaved(sides, ROUNDS)
    return Result(
        goal=10,
        name="label, naive WeasyPrint : ours, CPU, single",
        value=usual / ours,
        must=1.4,
        stretch=1.6,
        detail=f"naive {usual:.1f} ms, ours {ours:.1f} ms",
    )


def labels_in_batches() -> Result:
    """Goal 10, the labels of a shipment of 50 parcels, which are one file of 50 pages."""
    placed = order()
    [shipment] = shipments(placed).shipments
    boxes = tuple(
        Parcel(
            parcel_id=UUID(int=place),
            carrier="Carrier",
            tracking_number=f"WB{place:09}GB",
            tracking_url=f"https://track.example/WB{place:09}GB",
            weight_grams=900,
        )
        for place in range(BATCH)
    )
    content = Content(
        order=placed, group_id=shipment.group_id, address=LONDON, shipment=replace(shipment, parcels=boxes)
    )
    single = replace(content, shipment=replace(shipment, parcels=boxes[:1]))
    sides = [
        _cpu(lambda: naive("label.html", single)),
        _cpu(lambda: rendering.render(PaperKind.LABEL, content)),
    ]
    usual, ours = interleaved(sides, ROUNDS)
    return Result(
        goal=10,
        name=f"label, naive WeasyPrint : ours, CPU, {BATCH} at once",
        value=usual * BATCH / ours,
        must=2,
        stretch=2.4,
        detail=f"naive {usual:.1f} ms, ours {ours / BATCH:.1f} ms",
    )


def e_invoices() -> Result:
    """Goal 12: PDF/A-3 that carries its XML, beside the plain PDF; the XML itself is told apart."""
    content = invoice_of(order(25))
    xml = einvoices.xml_of(PaperKind.INVOICE, content, NUMBER, ISSUED_ON)
    einvoices.faults(xml)  # the first one reads the rules
    sides = [
        _cpu(lambda: rendering.render(PaperKind.INVOICE, content, NUMBER, ISSUED_ON)),
        _cpu(lambda: rendering.render(PaperKind.INVOICE, content, NUMBER, ISSUED_ON, b"", xml)),
        _cpu(lambda: einvoices.xml_of(PaperKind.INVOICE, content, NUMBER, ISSUED_ON)),
        _cpu(lambda: einvoices.faults(xml), time.perf_counter),  # in a process of its own
    ]
    plain, archived, writing, checking = interleaved(sides, ROUNDS)
    return Result(
        goal=12,
        name="PDF/A-3 with XML : plain PDF, CPU",
        value=archived / plain,
        must=1.15,
        stretch=1.08,
        lower_is_better=True,
        detail=f"plain {plain:.0f} ms, PDF/A-3 {archived:.0f} ms; XML written in {writing:.1f} ms,"
        f" checked by schema and schematron in {checking:.1f} ms",
    )


def throughput() -> Result:
    """Goal 11: the real agent and rendering worker, from papers that are due to papers that are stored."""
    rates: dict[int, list[float]] = {1: [], 2: []}
    with _servers() as environment:
        sessions = sessionmaker(make_engine(environment["DATABASE_URL"]), info=messaging.session_info())
        for _ in range(3):
            for renderers, taken in rates.items():
                taken.append(_rate(sessions, environment, renderers))
        sessions.kw["bind"].dispose()
    one, two = (statistics.median(rates[renderers]) for renderers in (1, 2))
    return Result(
        goal=11,
        name="documents per second, 2 renderers : 1",
        value=two / one,
        must=1.8,
        stretch=1.95,
        detail=f"1 renderer {one:.1f}/s, 2 renderers {two:.1f}/s",
    )


@contextmanager
def _servers() -> Iterator[dict[str, str]]:
    with tempfile.TemporaryDirectory(prefix="waybill-") as folder:
        Path(folder).chmod(0o711)
        postgres = Postgres(Path(folder) / "postgres", databases=("documents",))
        try:
            with postgres, temporary_valkey() as broker:
                engine = make_engine(postgres.url("documents"))
                upgrade(engine, "documents")
                engine.dispose()
                yield {
                    **os.environ,
                    "DATABASE_URL": postgres.url("documents"),
                    "BROKER_URL": broker.url,
                    "DOCUMENTS_STORE": (Path(folder) / "papers").as_uri(),
                    "JWKS": "none",
                    "TOKEN_ISSUER": "waybill-local",
                    "SERVICE_TOKEN": "none",
                    "CUSTOMER_LINK_KEYS": "none",
                    "LOG_LEVEL": "ERROR",
                    **{
                        f"{service}_URL": "http://127.0.0.1:9"
                        for service in ("ORDERS", "SHIPPING", "DOCUMENTS", "NOTIFICATIONS")
                    },
                }
        finally:
            postgres.remove()


def _rate(sessions: sessionmaker[Session], environment: dict[str, str], renderers: int) -> float:
    worker = ["-m", "celery", "-A", "services.documents.rendering_worker", "worker", "-P", "prefork"]
    quiet = ["--without-gossip", "--without-mingle", "--loglevel", "ERROR", "-Q", "documents.rendering"]
    commands = [
        ["-m", "services.documents.agent"],
        [*worker, *quiet, "-c", str(renderers), "-n", f"rendering{renderers}@localhost"],
    ]
    processes = [subprocess.Popen([sys.executable, *command], env=environment) for command in commands]
    try:
        _call_for_papers(sessions, 2 * renderers)  # each renderer's first papers warm it up
        _done(sessions)
        _call_for_papers(sessions, ORDERS)
        done = _done(sessions)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            process.wait(60)
    return (len(done) - 1) / (done[-1] - done[0])


def _call_for_papers(sessions: sessionmaker[Session], orders: int) -> None:
    with sessions.begin() as session:
        for _ in range(orders):
            accepted = order(25)
            lock_order(session, accepted.order_id)
            issue_due_papers(session, accepted, None)


def _done(sessions: sessionmaker[Session]) -> list[float]:
    """When each paper called for was done; raises TimeoutError. They are forgotten."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    left: Any = select(func.count()).select_from(jobs).where(jobs.c.state != "done")
    while True:
        with sessions.begin() as session:
            if session.execute(left).scalar_one() == 0:
                done = session.scalars(select(jobs.c.done_at)).all()
                session.execute(jobs.delete())
                return sorted(at.timestamp() for at in done)
        if time.monotonic() > deadline:
            raise TimeoutError("the papers were not made")
        time.sleep(0.1)


def run() -> list[Result]:
    """Measure the four goals."""
    return [invoices(), labels(), labels_in_batches(), throughput(), e_invoices()]


if __name__ == "__main__":
    for result in run():
        print(result.line())
