"""The checks: what must hold when the main job is done, and what was found."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.parser import BytesHeaderParser
from itertools import takewhile
from pathlib import Path

from deploy.local.mail_sink.mailbox import Mailbox
from deploy.main_job.calls import Calls
from deploy.main_job.life import EMAILS, EMAILS_OF_SHIPMENT, Life, Paper
from deploy.main_job.sales import LOADED, Sales
from shared.money import Money

# A process that dies between the mail server's yes and its own commit sends the same e-mail again.
SENT_ONCE = "every e-mail was sent exactly once"
MOST_NAMED = 5  # of what is wrong; the rest is counted


@dataclass(frozen=True)
class Check:
    """A condition that must hold, whether it does, and what was found."""

    what: str
    holds: bool
    seen: str


def check(
    calls: Calls, data: Sales, lives: Sequence[Life], wrong: Mapping[str, str], began_at: datetime
) -> list[Check]:
    """All checks of the main job; `wrong` are the sales that did not complete, with the reason."""
    return [
        _every_row_is_accounted_for(data),
        _every_order_is_completed(lives, wrong),
        *_money_agrees(lives),
        _every_order_has_one_invoice(lives),
        _numbers_are_consecutive(calls, lives),
        _every_invoice_is_attached(lives),
        _every_email_arrived_once(calls, lives, began_at),
        _no_dead_letters(calls, lives),
    ]


def _every_row_is_accounted_for(data: Sales) -> Check:
    loaded = sum(data.rows[row_class] for row_class in LOADED)
    total = data.rows.total()
    seen = f"{total:,} of {data.rows_read:,} rows; {loaded:,} can be loaded, the others are classified"
    return Check("every row of the data is classified once", total == data.rows_read, seen)


def _every_order_is_completed(lives: Sequence[Life], wrong: Mapping[str, str]) -> Check:
    seen = f"{len(lives)} of {len(lives) + len(wrong)}"
    return Check("every order was completed", not wrong, seen + _named(f"{k}: {v}" for k, v in wrong.items()))


def _money_agrees(lives: Sequence[Life]) -> Iterator[Check]:
    by_currency: defaultdict[str, list[Life]] = defaultdict(list)
    for life in lives:
        by_currency[life.currency].append(life)
    for currency, those in sorted(by_currency.items()):
        sums = {
            "sold": sum(life.sold_minor for life in those),
            "ordered": sum(life.ordered_minor for life in those),
            "invoiced": sum(invoice.total_minor for life in those for invoice in life.invoices),
            "paid": sum(life.paid_minor for life in those),
        }
        differing = [
            life.number
            for life in those
            if {life.sold_minor, life.ordered_minor, life.paid_minor}
            != {sum(invoice.total_minor for invoice in life.invoices)}
        ]
        agreed = len(set(sums.values())) == 1 and not differing
        seen = (
            "each " + _money(sums["sold"], currency)
            if agreed
            else ", ".join(f"{name} {_money(minor, currency)}" for name, minor in sums.items())
        )
        yield Check(
            f"money sold = ordered = invoiced = paid, in {currency}", agreed, seen + _named(differing)
        )


def _every_order_has_one_invoice(lives: Sequence[Life]) -> Check:
    others = [life.number for life in lives if len(life.invoices) != 1]
    return Check(
        "every order has exactly one invoice",
        not others,
        f"{len(lives) - len(others)} orders" + _named(others),
    )


def _numbers_are_consecutive(calls: Calls, lives: Sequence[Life]) -> Check:
    series: defaultdict[str, list[int]] = defaultdict(list)
    for life in lives:
        for invoice in life.invoices:
            name, number = _parted(invoice)
            series[name].append(number)
    doubled = [
        f"{name}-{number}"
        for name, numbers in series.items()
        for number, times in Counter(numbers).items()
        if times > 1
    ]
    missing = {
        (name, number)
        for name, numbers in series.items()
        for number in set(range(min(numbers), max(numbers) + 1)).difference(numbers)
    }
    missing -= _numbers_of_others(calls, {life.id for life in lives}) if missing else set()
    seen = ", ".join(f"{name}: {min(numbers)} to {max(numbers)}" for name, numbers in sorted(series.items()))
    lacking = sorted(f"{name}-{number}" for name, number in missing)
    return Check(
        "invoice numbers are consecutive", not (doubled or lacking), seen + _named(doubled + lacking)
    )


def _numbers_of_others(calls: Calls, own: set[str]) -> set[tuple[str, int]]:
    """The invoice numbers of orders that are not from this run."""
    numbers = set()
    for order in placed_orders(calls):
        if order["order_id"] not in own:
            papers = calls.get("documents", f"/v1/orders/{order['order_id']}/documents")["items"]
            numbers |= {
                _split(paper["number"]) for paper in papers if paper["kind"] == "invoice" and paper["number"]
            }
    return numbers


def placed_orders(calls: Calls) -> Iterator[dict[str, str]]:
    """All orders of the system, newest first."""
    cursor = None
    while True:
        page = calls.get("orders", "/v1/orders", limit=100, **({"cursor": cursor} if cursor else {}))
        yield from page["items"]
        cursor = page["next"]
        if cursor is None:
            return


def _every_invoice_is_attached(lives: Sequence[Life]) -> Check:
    without = [
        life.number
        for life in lives
        if [email.attached for email in life.emails if email.step == "invoice"]
        != [(invoice.sha256,) for invoice in life.invoices]
    ]
    seen = f"{len(lives) - len(without)} by their SHA-256"
    return Check("every invoice went to its customer", not without, seen + _named(without))


def _every_email_arrived_once(calls: Calls, lives: Sequence[Life], began_at: datetime) -> Check:
    shipments = sum(paper.kind == "label" for life in lives for paper in life.papers)
    expected = EMAILS.total() * len(lives) + EMAILS_OF_SHIPMENT.total() * shipments
    told = [email for life in lives for email in life.emails]
    emails = [email for email in told if not email.is_merged]
    unlike = [email.message_id for email in emails if email.deliveries != 1]
    folder = calls.addresses.mail_folder
    if folder is None:  # an outside mail server: what it took is all that can be known
        seen = f"{len(emails)} accepted by the mail server"
    else:
        arrived = arrivals(folder, began_at)
        unlike += [email.message_id for email in emails if arrived[email.message_id] != 1]
        seen = f"{len(emails)} by their Message-ID in the mail sink"
    return Check(SENT_ONCE, len(told) == expected and not unlike, seen + _named(sorted(set(unlike))))


def arrivals(folder: Path, since: datetime) -> Counter[str]:
    """How often each Message-ID (its left side) arrived in the mail sink since a time."""
    first = f"{since:%Y%m%dT%H%M%S%f}Z"
    parser = BytesHeaderParser()
    arrived: Counter[str] = Counter()
    for mail_id in takewhile(lambda name: name >= first, Mailbox(folder).ids()):
        with (folder / f"{mail_id}.eml").open("rb") as file:
            head = parser.parsebytes(b"".join(iter(file.readline, b"\r\n")))
        arrived[str(head["Message-ID"]).strip().strip("<>").partition("@")[0]] += 1
    return arrived


def _no_dead_letters(calls: Calls, lives: Sequence[Life]) -> Check:
    dead = {}
    for service in calls.addresses.services:
        messaging = calls.get(service, "/health/ready")["messaging"]
        dead[service] = messaging["dead_events"] + messaging["dead_jobs"]
    unfollowed = sum(life.unfollowed for life in lives)
    found = [f"{service}: {count}" for service, count in dead.items() if count]
    found += [f"orders could not process {unfollowed} events"] if unfollowed else []
    return Check("no dead letters", not found, f"in {len(dead)} services" + _named(found))


def _parted(invoice: Paper) -> tuple[str, int]:
    return _split(invoice.number)


def _split(number: str) -> tuple[str, int]:
    series, _, sequence = number.rpartition("-")
    return series, int(sequence)


def _money(minor: int, currency: str) -> str:
    return Money(minor, currency).show("en")


def _named(wrong: Iterator[str] | Sequence[str]) -> str:
    """The failures, with the first few named."""
    names = list(wrong)
    more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
    return f"; but {', '.join(names[:MOST_NAMED])}{more}" if names else ""
