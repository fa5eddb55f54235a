"""The process: an SMTP server that keeps all mails, and the page to read them."""

import argparse
import asyncio
import logging
import os
import random
import signal
import threading
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session
from werkzeug.serving import make_server

from deploy.local.mail_sink.mailbox import Mailbox
from deploy.local.mail_sink.page import create_app


class Receiver:
    """Handles received mails: refuses them temporarily, or stores them on disk and replies 250."""

    def __init__(self, mailbox: Mailbox, refused_share: float, seed: int) -> None:
        self.mailbox = mailbox
        self.refused_share = refused_share
        self.chance = random.Random(seed)  # noqa: S311 # a rehearsed fault, not a secret

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802 # aiosmtpd's name
        """Handle a received mail."""
        if self.chance.random() < self.refused_share:
            return "451 4.3.0 Refused on purpose; try again later"
        content = envelope.original_content or b""
        mail_id = await asyncio.to_thread(
            self.mailbox.store,
            content,
            sender=envelope.mail_from or "",
            recipients=[str(to) for to in envelope.rcpt_tos],
        )
        return f"250 2.0.0 Kept as {mail_id}"


async def serve(
    mailbox: Mailbox,
    *,
    host: str,
    smtp_port: int,
    page_port: int,
    page_key: str,
    refused_share: float,
    seed: int,
) -> None:
    """Serve SMTP and the page until stopped."""
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)

    receiver = Receiver(mailbox, refused_share, seed)
    smtp = await loop.create_server(
        lambda: SMTP(receiver, hostname="waybill.example", ident="Waybill mail sink", enable_SMTPUTF8=True),
        host,
        smtp_port,
    )
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    page = make_server(host, page_port, create_app(mailbox, page_key), threaded=True)
    threading.Thread(target=page.serve_forever, daemon=True).start()

    await stopped.wait()
    smtp.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(prog="mail_sink", description=__doc__)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--host", required=True)
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--page-port", type=int, required=True)
    parser.add_argument("--refuse", type=float, default=0.0, help="share of mails to refuse temporarily")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    asyncio.run(
        serve(
            Mailbox(given.folder),
            host=given.host,
            smtp_port=given.smtp_port,
            page_port=given.page_port,
            page_key=os.environ["PAGE_KEY"],
            refused_share=given.refuse,
            seed=given.seed,
        )
    )


if __name__ == "__main__":
    main()
