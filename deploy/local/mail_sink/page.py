"""The page to read mails: a list, each mail, its files. Nothing in a mail can run or call out."""

import base64
import hmac
import re
from email.message import EmailMessage, MIMEPart
from hmac import compare_digest
from http import HTTPStatus
from io import BytesIO

import msgspec
from flask import (
    Blueprint,
    Flask,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    send_file,
)
from flask.typing import ResponseReturnValue

from deploy.local.mail_sink.mailbox import Mailbox, attachments, content_bytes

MAILS_PER_PAGE = 100

# Our own pages: their style and frames, no script at all.
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; frame-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# A mail's HTML: an origin of its own, no script, nothing from the network; links open in a new tab.
MAIL_POLICY = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; "
    "style-src 'unsafe-inline'; img-src data:; base-uri 'self'; form-action 'none'; frame-ancestors 'self'"
)


blueprint = Blueprint("mails", __name__)


def create_app(mailbox: Mailbox, key: str) -> Flask:
    """Create the app for one mailbox, open to whoever has the key."""
    app = Flask(__name__)
    # Else a page of the world could point its own name at this machine and read the mails.
    app.config["TRUSTED_HOSTS"] = ["127.0.0.1", "localhost"]
    app.config["MAILBOX"] = mailbox
    app.config["KEY"] = key
    app.register_blueprint(blueprint)
    return app


@blueprint.before_app_request
def ask_for_the_key() -> ResponseReturnValue | None:
    """Allow whoever has the printed address; a cookie remembers it."""
    if request.endpoint == "static":
        return None
    key: str = current_app.config["KEY"]
    if compare_digest(request.args.get("key", "").encode(), key.encode()):
        opened = redirect(request.path)
        # Ports of one host share their cookies, and another stack's page may be open too.
        opened.set_cookie(_cookie(), _proof(key), httponly=True, samesite="Strict")
        return opened
    if compare_digest(request.cookies.get(_cookie(), "").encode(), _proof(key).encode()):
        return None
    return render_template("closed.html"), HTTPStatus.FORBIDDEN


@blueprint.get("/")
def list_mails() -> str:
    """The newest mails, with a link to older ones."""
    ids = _mailbox().ids()
    page = max(request.args.get("page", 1, type=int), 1)
    start = (page - 1) * MAILS_PER_PAGE
    return render_template(
        "list.html",
        mails=_mailbox().mails(ids[start : start + MAILS_PER_PAGE]),
        count=len(ids),
        page=page,
        has_older=len(ids) > start + MAILS_PER_PAGE,
    )


@blueprint.get("/messages.json")
def list_as_json() -> Response:
    """All mails as JSON."""
    return Response(msgspec.json.encode(_mailbox().mails()), mimetype="application/json")


@blueprint.get("/messages/<mail_id>")
def show_mail(mail_id: str) -> str:
    """One mail: headers, attachments, HTML and text."""
    message = _mailbox().message(mail_id)
    text = message.get_body(("plain",))
    return render_template(
        "mail.html",
        mail=_mailbox().mail(mail_id),
        heads=[(name, str(message[name])) for name in ("From", "To", "Date", "Message-ID") if message[name]],
        html=message.get_body(("html",)) is not None,
        text=_text(text) if text else None,
    )


@blueprint.get("/messages/<mail_id>/html")
def show_html(mail_id: str) -> Response:
    """A mail's HTML, sandboxed; shown in a frame by `show_mail`."""
    message = _mailbox().message(mail_id)
    body = message.get_body(("html",))
    if body is None:
        abort(HTTPStatus.NOT_FOUND)
    response = Response(_self_contained(_text(body), message), mimetype="text/html")
    response.headers["Content-Security-Policy"] = MAIL_POLICY
    return response


@blueprint.get("/messages/<mail_id>/source")
def show_source(mail_id: str) -> Response:
    """A mail's raw source."""
    return Response(_mailbox().source(mail_id).decode(errors="replace"), mimetype="text/plain")


@blueprint.get("/messages/<mail_id>/attachments/<int:number>")
def download_attachment(mail_id: str, number: int) -> Response:
    """A file that came with a mail."""
    parts = attachments(_mailbox().message(mail_id))
    if not 1 <= number <= len(parts):
        abort(HTTPStatus.NOT_FOUND)
    file = _mailbox().mail(mail_id).attachments[number - 1]
    # A PDF's viewer is a cage already; whatever else comes is only ever saved.
    is_pdf = file.content_type == "application/pdf"
    return send_file(
        BytesIO(content_bytes(parts[number - 1])),
        mimetype=file.content_type if is_pdf else "application/octet-stream",
        as_attachment=not is_pdf,
        download_name=file.name,
    )


@blueprint.app_errorhandler(FileNotFoundError)
def tell_missing(_error: FileNotFoundError) -> tuple[str, HTTPStatus]:
    """The page for a wrong address."""
    return render_template("missing.html"), HTTPStatus.NOT_FOUND


@blueprint.after_app_request
def close_in(response: Response) -> Response:
    """Add security headers to every response."""
    response.headers.setdefault("Content-Security-Policy", PAGE_POLICY)
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _cookie() -> str:
    return f"mail-{request.host.rpartition(':')[2]}"


def _proof(key: str) -> str:
    """The cookie's value, derived from the key."""
    return hmac.digest(key.encode(), b"mail page", "sha256").hex()


def _mailbox() -> Mailbox:
    mailbox: Mailbox = current_app.config["MAILBOX"]
    return mailbox


def _text(part: MIMEPart) -> str:
    return content_bytes(part).decode(part.get_content_charset("utf-8"), errors="replace")


def _self_contained(html: str, message: EmailMessage) -> str:
    """The HTML with its embedded images inlined, and links that open outside the frame."""
    for part in message.walk():
        content_id = str(part.get("Content-ID", "")).strip().strip("<>")
        if content_id and part.get_content_maintype() == "image":
            data = base64.b64encode(content_bytes(part)).decode()
            html = html.replace(f"cid:{content_id}", f"data:{part.get_content_type()};base64,{data}")
    return re.sub(r"(<head\b[^>]*>)", r'\1<base target="_blank">', html, count=1, flags=re.IGNORECASE)
