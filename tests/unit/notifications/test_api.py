"""E-mails over HTTP: what was written about an order, and why; to nobody else's eyes."""

from dataclasses import replace

import pytest
from sqlalchemy.orm import sessionmaker

from deploy.local.keys import Keys
from services.notifications.api import emails as api
from services.notifications.messaging import messaging
from shared.db import new_id
from shared.web.app import make_app
from tests.unit.notifications.snapshot_samples import placed_order

PLACED = placed_order()
LIST = f"/v1/orders/{PLACED.order_id}/notifications"


@pytest.fixture
def get(session, settings, tmp_path):
    """Ask the API as somebody; answers the response."""
    keys = Keys(tmp_path)
    app = make_app(
        service="notifications",
        title="Notifications",
        settings=replace(settings, jwks=str(keys.jwks_file)),
        sessions=sessionmaker(
            session.get_bind(), join_transaction_mode="create_savepoint", info=messaging.session_info()
        ),
        messaging=messaging,
        blueprints=[api.blueprint],
    )

    def ask(address, *, scopes=("orders:read",), **claims):
        token = keys.token("tess", scopes=scopes, **claims)
        return app.test_client().get(address, headers={"Authorization": f"Bearer {token}"})

    return ask


def test_the_emails_of_an_order_say_why_they_were_written_and_what_came_of_them(get, hear, work):
    hear(PLACED)
    work()

    answer = get(LIST)

    to_seller, to_customer = answer.json["items"]
    assert (to_seller["step"], to_seller["recipient"]) == ("new_order", "seller")
    assert (to_customer["step"], to_customer["status"]) == ("confirmation", "sent")
    assert to_customer["subject"] == "Hemos recibido su pedido EU-100042"
    [attempt] = to_customer["attempts"]
    assert (attempt["outcome"], attempt["code"], attempt["answer"]) == ("sent", 250, "taken as 1234")
    assert "html" not in to_customer


def test_an_email_is_shown_as_it_was_sent(get, hear, work, emails, mail_server):
    hear(PLACED)
    work()

    shown = get(f"/v1/emails/{emails()[0].id}").json

    [message] = [message for message in mail_server.received() if "lucia" in message["To"]]
    sent = message.get_body(("html",)).get_content().replace("\r\n", "\n")
    assert shown["html"].strip() == sent.strip()
    assert shown["text"].startswith("Gracias por su pedido")


@pytest.mark.parametrize("claims", [{"sellers": ["another"]}, {"markets": ["gb"]}, {"sellers": []}])
def test_another_sellers_order_and_emails_do_not_exist(claims, get, hear, emails):
    hear(PLACED)

    assert get(LIST, **claims).status_code == 404
    assert get(f"/v1/emails/{emails()[0].id}", **claims).status_code == 404


def test_what_there_is_not_is_not_found(get):
    assert get(LIST).status_code == 404
    assert get(f"/v1/emails/{new_id()}").status_code == 404


def test_the_scope_is_needed(get):
    assert get(LIST, scopes=("documents:read",)).status_code == 403
