"""E-mails sent on request: an earlier one again, or a document. The caller owns the transaction."""

from uuid import NAMESPACE_URL, UUID, uuid5

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.notifications import queries
from services.notifications.commands.emails import PERSON_ERASED, courier_of, join_line, owe, recipient_of
from services.notifications.domain.steps import PAPER_STEPS, OwedEmail
from services.notifications.models import Email
from shared import clock
from shared.access import actor_of
from shared.errors import Invalid, Refused
from shared.events.snapshots import EmailStatus, OrderSnapshot, PaperStatus, Recipient, ShipmentsSnapshot
from shared.logging import correlation_id
from shared.messaging import copies
from shared.messaging.order_locks import lock_order
from shared.paper_references import papers_of


def resend_email(session: Session, email_id: UUID) -> Email:
    """Queue an e-mail again as a new row referring to the old, for the current address.

    It is put into words anew. Raises NotFound, Refused (still_queued, person_erased, not_their_delivery).
    """
    order_id = queries.email(session, email_id).order_id
    lock_order(session, order_id)
    first = session.get_one(Email, email_id, populate_existing=True)
    if first.status == EmailStatus.QUEUED:
        raise Refused("still_queued", "the e-mail has not been sent yet")
    return _again(session, first, queries.visible_order(session, order_id))


def send_paper(session: Session, order_id: UUID, document_id: UUID) -> Email:
    """Queue an e-mail to the customer with a stored document of the order; may be repeated.

    Raises NotFound, Invalid for a document that is not one of the order, Refused (not_for_customers,
    not_stored, still_queued, no_address, person_erased).
    """
    queries.visible_order(session, order_id)
    lock_order(session, order_id)
    order = queries.visible_order(session, order_id)
    paper = papers_of(session, order_id).get(document_id)
    if paper is None:
        raise Invalid(document_id="is not known as a document of this order")
    if paper.kind not in PAPER_STEPS:
        raise Refused("not_for_customers", f"a {paper.kind.replace('_', ' ')} can't be sent to customers")
    if paper.status != PaperStatus.STORED:
        raise Refused("not_stored", f"the document is {paper.status}")
    _require_person(order)
    owed = OwedEmail(step=PAPER_STEPS[paper.kind], about=document_id, paper=paper)
    before = select(Email).where(
        Email.order_id == order_id,
        Email.step == owed.step,
        Email.about == document_id,
        Email.recipient == Recipient.CUSTOMER,
    )
    last = session.scalars(before.order_by(Email.position.desc()).limit(1)).first()
    if last is not None and last.status == EmailStatus.QUEUED:
        raise Refused("still_queued", "it is already being sent")
    if last is not None:
        return _again(session, last, order)
    written = owe(session, order, [owed])
    if not written:
        raise Refused("no_address", "the customer has no e-mail address")
    written[0].requested_by = actor_of(session).name
    return written[0]


def _again(session: Session, first: Email, order: OrderSnapshot) -> Email:
    _require_person(order)
    courier = courier_of(copies.newest(session, first.order_id, ShipmentsSnapshot), first)
    if first.recipient == Recipient.COURIER and courier is None:
        raise Refused("not_their_delivery", "the shipment is no longer this courier's to deliver")
    recipient = recipient_of(order, first.recipient, courier)
    if not recipient["address"]:
        raise Refused("no_address", f"the {first.recipient} has no e-mail address")
    root = first.key.partition("#")[0]
    copies_of_it = Email.order_id == first.order_id, Email.key.startswith(f"{root}#", autoescape=True)
    times = session.scalars(select(func.count()).where(*copies_of_it))
    key = f"{root}#{times.one() + 1}"
    again = Email(
        key=key,
        order_id=first.order_id,
        number=first.number,
        seller=first.seller,
        market=first.market,
        step=first.step,
        about=first.about,
        recipient=first.recipient,
        **recipient | {"recipient_id": first.recipient_id},
        attachments=first.attachments,
        message_id=uuid5(NAMESPACE_URL, key),
        resend_of=first.id,
        requested_by=actor_of(session).name,
        correlation_id=correlation_id.get(),
        created_at=clock.now(),
    )
    join_line(session, queries.emails_in_line(session, first.order_id), [again])
    return again


def _require_person(order: OrderSnapshot) -> None:
    if order.anonymised_at is not None:
        raise Refused(PERSON_ERASED, "the customer has been erased")
