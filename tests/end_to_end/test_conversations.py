"""A conversation through the real processes: from the link in an e-mail to the order's history."""

import re
from email import message_from_bytes
from email.policy import default
from html import unescape
from urllib.parse import urljoin

import httpx2
import pytest

pytestmark = pytest.mark.slow


def mails(stack):
    folder = stack.servers.mail.mailbox.folder
    return [message_from_bytes(file.read_bytes(), policy=default) for file in folder.glob("*.eml")]


def words(mail):
    return mail.get_body(("plain",)).get_content()


@pytest.mark.requirement("S2-07", "S0-08")
def test_a_customer_writes_by_the_link_in_an_email_and_orders_hears_who_wrote(shop, stack):
    order = shop.place(("CUP-1", 1), locale="en")
    path = f"/v1/orders/{order['order_id']}"
    to_customer = shop.eventually(
        lambda: [
            mail for mail in mails(stack) if f"received your order {order['number']}" in mail["Subject"]
        ],
        bool,
    )
    link = re.search(r"http\S+/v1/customer/messages/page\?token=\S+", words(to_customer[0]))[0]

    page = httpx2.get(link)
    key = re.search(r'name="key" value="([^"]+)"', page.text)[1]
    action = urljoin(link, unescape(re.search(r'action="([^"]+)"', page.text)[1]))
    posted = httpx2.post(action, data={"text": "Where is it?", "key": key})
    assert posted.status_code == 303
    [waiting] = [
        talk
        for talk in shop.call("notifications", "GET", "/v1/conversations/unanswered")["items"]
        if talk["order_id"] == order["order_id"]
    ]
    shop.call("notifications", "POST", f"{path}/messages", json={"text": "On its way."})

    authors = shop.eventually(
        lambda: [
            entry["detail"]["author"]
            for entry in shop.call("orders", "GET", f"{path}/history")["items"]
            if entry["action"] == "message.posted"
        ],
        lambda found: len(found) > 1,
    )
    assert authors == ["customer", "seller"]
    assert waiting["number"] == order["number"]
    assert "On its way." in httpx2.get(link).text
    shop.eventually(
        lambda: "".join(
            words(mail) for mail in mails(stack) if f"order {order['number']}" in mail["Subject"]
        ),
        lambda told: "On its way." in told and "Where is it?" in told,
    )


@pytest.mark.requirement("V-20")
def test_a_revoked_link_is_closed_and_an_email_sent_again_has_one_that_opens(shop, stack):
    order = shop.place(("CUP-1", 1), locale="en")
    path = f"/v1/orders/{order['order_id']}"

    def links():
        found = [words(mail) for mail in mails(stack) if order["number"] in mail["Subject"]]
        return {
            link
            for text in found
            for link in re.findall(r"http\S+/v1/customer/messages/page\?token=\S+", text)
        }

    [revoked] = shop.eventually(links, bool)
    assert httpx2.get(revoked).status_code == 200

    shop.call("orders", "POST", f"{path}/revoke-links")

    shop.eventually(lambda: httpx2.get(revoked).status_code, lambda status: status == 401)
    emails = shop.call("notifications", "GET", f"{path}/notifications")["items"]
    [theirs] = [email["email_id"] for email in emails if email["recipient"] == "customer"]
    shop.call("notifications", "POST", f"/v1/emails/{theirs}/resend")
    newer = shop.eventually(links, lambda found: len(found) > 1) - {revoked}
    assert [httpx2.get(link).status_code for link in newer] == [200]
