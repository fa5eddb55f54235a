"""Renders e-mails: subject, plain text and HTML of each step, in the reader's language."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from css_inline import CSSInliner
from mjml import mjml2html

from services.notifications import email_facts
from services.notifications.domain.order_snapshots import CustomerSecrets, OrderSnapshots
from services.notifications.domain.overdue import Matter
from services.notifications.domain.steps import TO_SELLER
from services.notifications.models import OpenMatter
from shared.events.snapshots import OrderSnapshot, Step
from shared.wording import Words, reader_of, templates_in

MOST_NAMED = 20  # orders of each kind in a digest
TEMPLATES = Path(__file__).with_name("templates")

environment = templates_in(TEMPLATES)
# MJML makes the frame that every mail program can show; what stands in it is styled by classes, inlined for
# the programs that drop <style>. Dark mode and narrow screens need the rules that are kept.
_inliner = CSSInliner(
    inline_style_tags=False,
    keep_style_tags=True,
    extra_css=(TEMPLATES / "style.css").read_text("utf-8"),
    load_remote_stylesheets=False,
)


@dataclass(frozen=True, kw_only=True)
class RenderedEmail:
    """The content of an e-mail."""

    subject: str
    text: str
    html: str


def render(
    step: Step, locale: str, about: UUID | None, known: OrderSnapshots, secrets: CustomerSecrets
) -> RenderedEmail:
    """Render an e-mail of a step in a locale; a missing text or value is an error, never a gap.

    `about` is the shipment, paper, refund or return the step tells of. Dates are in the market's time zone.
    """
    reader = email_facts.reader_about(known.order, locale)
    facts = email_facts.facts(known, about, reader, secrets)
    say = reader.words("emails").about(**facts["figures"])
    context = {
        **facts,
        **email_facts.branding(known.order, reader),
        "say": say,
        "rows": email_facts.rows(step, facts, say),
        "has": lambda key: key in say.texts,
        "step": step,
        # Ends in an attribute that MJML escapes in its own way: nothing that people type may stand in it.
        "title": known.order.number,
        "to_seller": step in TO_SELLER,
        "language": reader.language,
    }
    return _letter(say, context, step)


def _letter(say: Words, context: dict[str, Any], step: str, template: str = "") -> RenderedEmail:
    template = template or step
    text = environment.select_template([f"{template}.txt", "letter.txt"]).render(context)
    mjml = environment.select_template([f"{template}.mjml", "letter.mjml"]).render(context)
    return RenderedEmail(
        subject=say(f"{step}.subject"),
        text=re.sub(r"\n{3,}", "\n\n", text).strip() + "\n",
        html=_inliner.inline(mjml2html(mjml)),
    )


def render_digest(locale: str, order: OrderSnapshot, late: Sequence[OpenMatter]) -> RenderedEmail:
    """Render a seller's digest for a market; the order is any of theirs there, for the seller's details."""
    reader = email_facts.reader_about(order, locale)
    say = reader.words("emails").about(n=len(late), count=reader.number(len(late)), market=order.market.name)
    groups = [
        (matter, [one for one in late if one.matter == matter])
        for matter in Matter
        if any(one.matter == matter for one in late)
    ]
    context = {
        **email_facts.branding(order, reader),
        "say": say,
        "step": Step.OVERDUE,
        "title": order.market.market,
        "to_seller": True,
        "language": reader.language,
        "groups": groups,
        "most": MOST_NAMED,
        "day": reader.day,
        "reader": reader,
    }
    return _letter(say, context, "overdue")


def render_webhook(
    step: Step,
    locale: str,
    order: OrderSnapshot | None,
    *,
    is_sellers: bool,
    host: str,
    api: str,
    since: datetime,
) -> RenderedEmail:
    """Render the e-mail about a webhook that doesn't respond, in the language of the order's market.

    Without an order instants are in UTC. The letter is a seller's own, or nobody's in particular. Of the
    program's address the host alone is named: what follows may be a key. `api` is where its owner finds it.
    """
    reader = email_facts.reader_about(order, locale) if order else reader_of(locale, "", "EUR", "UTC")
    say = reader.words("emails").about(host=host, since=reader.moment(since) + ("" if order else " UTC"))
    context = {
        **(email_facts.branding(order, reader) if order and is_sellers else email_facts.nobodys_branding()),
        "say": say,
        "step": step,
        "title": order.market.market if order and is_sellers else "",
        "to_seller": True,
        "language": reader.language,
        "api": api,
        "is_off": step != Step.WEBHOOK_FAILING,
        "instant": since.isoformat(timespec="seconds"),
    }
    return _letter(say, context, step, "webhook")


def render_page(name: str, order: OrderSnapshot, **shown: Any) -> str:
    """Render a page for an order's customer, in the order's language."""
    reader = email_facts.reader_about(order, order.locale)
    say = reader.words("emails").about(number=order.number, seller=order.seller.name)
    brand = email_facts.branding(order, reader)
    return environment.get_template(f"{name}.html").render(
        {**brand, **shown, "say": say, "reader": reader, "language": reader.language}
    )
