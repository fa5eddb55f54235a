"""A service that hangs costs each page little, and nothing of what was typed; sent again, it acts once."""

import re
from html import unescape
from uuid import UUID

import httpx2
import pytest

from services.console.apis import HURRIED_SECONDS, READ_SECONDS
from tests.unit.console.conftest import answering

ORDER = "/orders/01a226c6-f4f6-73e0-b11b-5f0c99a75f41"


@pytest.fixture
def orders():
    """A service that hangs until it is told to go on, and what it was sent."""
    nothing = {"items": [], "next": None}
    notices = {("GET", path): nothing for path in ("/v1/markets", "/v1/sellers", "/v1/orders/queues")}
    known = answering("orders", notices | {("POST", "/v1/orders/{order_id}/notes"): {}})

    def answer(request):
        transport.waited.append(request.extensions["timeout"]["read"])
        if transport.hangs and request.url.path != "/openapi.json":
            known.asked.append(request)
            raise httpx2.ReadTimeout("nothing came")
        return known.handle_request(request)

    transport = httpx2.MockTransport(answer)
    transport.hangs, transport.waited, transport.asked = True, [], known.asked
    return transport


@pytest.fixture
def console(make_console, people, orders):
    console = make_console({"orders": orders}, local_people=people(scopes={"orders:read", "orders:write"}))
    console.post("/login", data={"person": "helen"})
    return console


@pytest.mark.requirement("C-45")
def test_a_service_that_hangs_keeps_one_page_waiting_and_not_each(console, orders):
    pages = []
    for _ in range(3):
        orders.waited.clear()
        pages.append((console.get("/").status_code, set(orders.waited)))

    assert pages[0][0] == 200
    assert READ_SECONDS in pages[0][1]
    assert pages[2] == (200, {HURRIED_SECONDS})
    orders.hangs = False
    console.get("/")
    orders.waited.clear()
    console.get("/")
    assert set(orders.waited) == {READ_SECONDS}  # it has answered: it is trusted as before


@pytest.mark.requirement("C-20", "C-29", "C-45")
def test_what_could_not_be_sent_is_sent_again_by_one_click_and_acts_once(console, orders):
    sent = {"text": "Ring <twice>", "key": "k-7", "tab": "details"}

    unsure = console.post(f"{ORDER}/do/note", data=sent)

    assert unsure.status_code == 503
    assert "It may have been done" in unescape(unsure.text)
    assert '<dd class="breaks prose">Ring &lt;twice&gt;</dd>' in unsure.text
    form = unsure.text.partition('id="typed-title"')[2].partition("</form>")[0]
    fields = {name: unescape(value) for name, value in re.findall(r'name="([^"]+)" value="([^"]*)"', form)}
    assert fields == sent
    assert "action=" not in form  # to the same address
    orders.hangs = False
    again = console.post(f"{ORDER}/do/note", data=fields)
    assert again.status_code == 303
    keys = [one.headers["Idempotency-Key"] for one in orders.asked if one.method == "POST"]
    assert keys == ["k-7", "k-7"]
    assert UUID(orders.asked[-1].url.path.split("/")[3])


@pytest.mark.requirement("C-20", "C-45")
def test_what_was_typed_is_not_lost_either_where_the_form_was_to_be_read_first(console, orders):
    sent = {"reason": "she rang", "customer-phone": "0117 1", "was.customer-phone": "", "key": "k-8"}

    refused = console.post(f"{ORDER}/edit", data=sent | {"do": "save"})

    assert refused.status_code == 503
    shown = re.findall(r'<dd class="breaks prose">(.*?)</dd>', refused.text)
    assert shown == ["she rang", "0117 1"]
    assert refused.text.count('name="was.customer-phone"') == 1
    assert "Nothing was done" in refused.text
    assert "Nothing was done" not in console.get(f"{ORDER}/edit").text  # where nothing was asked for
