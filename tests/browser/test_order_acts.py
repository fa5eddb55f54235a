"""What can be done to an order and to all that belongs to it, each by its form, also where it is refused."""

import io
import re

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.everybody import axe_finds_nothing, is_within

pytestmark = pytest.mark.slow

STEPS = ("release", "pick", "pack", "ship", "deliver")
TOO_LONG = "9" * 60


@pytest.fixture
def come(place, shop):
    """A new order that has come as far as a step of its shipment, and that shipment."""

    def coming(last="", *lines, **more):
        order = place(*lines, **more)
        path = f"/v1/orders/{order['order_id']}"
        shop.call("orders", "POST", f"{path}/accept")
        for step in STEPS[: STEPS.index(last) + 1 if last else 0]:
            [shipment] = shop.eventually(
                lambda: shop.call("shipping", "GET", f"{path}/shipments")["items"],
                lambda now, step=step: now and now[0]["actions"][step] is None,
            )
            body = {"json": {}} if step in {"ship", "deliver"} else {}
            shop.call("shipping", "POST", f"/v1/shipments/{shipment['shipment_id']}/{step}", **body)
        [shipment] = shop.eventually(
            lambda: shop.call("shipping", "GET", f"{path}/shipments")["items"],
            lambda now: now and (last or now[0]["actions"]["edit"] is None),
        )
        return order, shipment

    return coming


@pytest.fixture
def failed(come, shop):
    """An order whose only shipment could not be delivered."""
    order, shipment = come("ship")
    shop.call("shipping", "POST", f"/v1/shipments/{shipment['shipment_id']}/fail", json={"reason": "lost"})
    return order


@pytest.fixture
def paid_for(come, shop):
    """The page of an order that is paid and of which goods come back; its payment, return and invoice."""
    order, _ = come("deliver")
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/payments", json={"reference": "courier's cash"})
    told = shop.call("orders", "GET", f"{path}/transactions")["items"]
    [paid] = [one for one in told if one["state"] == "recorded"]
    shop.eventually(
        lambda: shop.call("orders", "GET", path),
        lambda now: now["fulfilment"] == "delivered",
    )
    lines = [{"line_id": order["lines"][0]["line_id"], "quantity": 1}]
    asked = shop.call("orders", "POST", f"{path}/returns", json={"reason": "damaged", "lines": lines})
    shop.call("orders", "POST", f"{path}/returns/{asked['return_id']}/approve", json={})
    shop.eventually(lambda: shop.call("shipping", "GET", f"{path}/returns")["items"], len)
    [bill] = shop.eventually(
        lambda: [
            one
            for one in shop.call("documents", "GET", f"{path}/documents")["items"]
            if one["kind"] == "invoice" and one["status"] == "stored"
        ],
        len,
    )
    page = f"/orders/{order['order_id']}"
    return page, paid["transaction_id"], asked["return_id"], bill["document_id"]


@pytest.fixture
def shed(shop):
    """Where the seller's own people take goods in."""
    shop.call(
        "shipping", "PUT", "/v1/locations/shed", json={"name": "Shed", "country": "GB", "seller": shop.seller}
    )


def shipments(shop, order):
    return shop.call("shipping", "GET", f"/v1/orders/{order['order_id']}/shipments")["items"]


def send(page, name):
    """Send the open form, also where the browser itself would hold it back."""
    form = page.locator("#act form")
    form.evaluate("form => { form.noValidate = true; }")
    form.get_by_role("button", name=name).click()


def said(page, text):
    """Wait until the page says that it is done."""
    page.locator("#said").get_by_text(text).wait_for()


def wrong(page, field):
    """What the open form says is wrong with a field."""
    told = page.locator(f"#act [name='{field}'][aria-invalid=true]")
    expect(told).to_have_count(1)
    expect(page.locator(".fault a")).not_to_have_count(0)
    return page.locator("#act .wrong").first.inner_text()


@pytest.mark.requirement("S3-32", "C-20", "C-21")
@pytest.mark.parametrize(
    ("language", "change", "do", "done"),
    [
        ("en", "Change: Address", "Change the delivery address", "Address changed."),
        ("es", "Cambiar: Dirección", "Cambiar la dirección de entrega", "Dirección cambiada."),
    ],
)
def test_an_order_goes_to_another_address(open_browser, place, shop, language, change, do, done):
    order = place()
    page = open_browser("helen", language=language)
    page.goto(f"/orders/{order['order_id']}")
    page.get_by_role("link", name=change, exact=True).click()
    page.locator("[name='address.postcode']").fill(TOO_LONG)
    page.locator("[name='address.city']").fill("Bath")

    send(page, do)
    assert wrong(page, "address.postcode")
    assert page.locator("[name='address.city']").input_value() == "Bath"
    page.locator("[name='address.postcode']").fill("BA1 1AA")
    send(page, do)

    said(page, done)
    [group] = shop.call("orders", "GET", f"/v1/orders/{order['order_id']}")["delivery_groups"]
    assert (group["address"]["city"], group["address"]["postcode"]) == ("Bath", "BA1 1AA")
    assert group["address"]["phone"] == "+44 117 496 0108"


@pytest.mark.requirement("S3-19", "C-18", "C-21")
def test_once_accepted_the_address_is_the_shipments_until_its_release(open_browser, place, shop, come):
    order = place()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}")
    page.get_by_role("link", name="Change: Address", exact=True).click()
    shop.call("orders", "POST", f"/v1/orders/{order['order_id']}/accept")
    send(page, "Change the delivery address")
    expect(page.locator(".fault")).to_contain_text("accepted the order")

    order, shipment = come()
    page.goto(f"/orders/{order['order_id']}")
    page.get_by_role("link", name=f"Change: Address {shipment['number']}").click()
    page.locator("[name='address.country']").fill("great britain")
    send(page, "Change address or method")
    assert wrong(page, "address.country")
    page.locator("[name='address.country']").fill("gb")
    page.locator("[name='address.line1']").fill("9 Wharf Yard")
    send(page, "Change address or method")

    said(page, "Shipment changed.")
    assert shipments(shop, order)[0]["address"]["line1"] == "9 Wharf Yard"
    page.get_by_role("button", name="Release to warehouse").first.click()
    said(page, "Released to the warehouse.")
    page.goto(f"/orders/{order['order_id']}")
    expect(page.locator("#order")).to_contain_text("The address stays: The warehouse has it already.")


@pytest.mark.requirement("F-17", "C-20", "C-22")
def test_a_payment_that_was_none_is_struck_out(open_browser, place, shop):
    order = place(method="transfer")
    path = f"/v1/orders/{order['order_id']}"
    page = open_browser("barbara")
    page.goto(f"/orders/{order['order_id']}?act=pay#act")
    assert page.locator("[name=amount_minor]").input_value() == "12.95"  # what is owed
    page.get_by_label("Reference").fill("bank 7")
    send(page, "Record payment")
    said(page, "Payment recorded.")
    page.get_by_role("link", name="Strike out").click()
    expect(page.locator("#act-title")).to_contain_text("£12.95")
    page.get_by_label("Reason").fill("  ")
    send(page, "Strike out")
    assert wrong(page, "reason")
    late = open_browser("barbara")
    late.goto(page.url)
    late.goto(f"/orders/{order['order_id']}")
    late.get_by_role("link", name="Strike out").click()
    page.get_by_label("Reason").fill("recorded twice")

    send(page, "Strike out")

    said(page, "Payment struck out.")
    assert page.get_by_role("link", name="Strike out").count() == 0
    assert shop.call("orders", "GET", path)["payment"]["state"] == "unpaid"
    late.get_by_label("Reason").fill("twice")
    send(late, "Strike out")
    expect(late.locator(".fault")).to_contain_text("struck out a payment")


@pytest.mark.requirement("F-17")
def test_a_refund_of_which_no_money_has_gone_is_withdrawn(open_browser, come, shop):
    order, _ = come("deliver")
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/payments", json={"reference": "courier's cash"})
    shop.call("orders", "POST", f"{path}/refunds", json={"amount_minor": 100, "reason": "late"})
    page = open_browser("barbara")
    page.goto(f"/orders/{order['order_id']}")
    page.get_by_role("link", name="Withdraw refund").click()
    page.get_by_label("Reason", exact=True).fill(" ")
    send(page, "Withdraw refund")
    assert wrong(page, "reason")
    page.get_by_label("Reason", exact=True).fill("not late after all")

    send(page, "Withdraw refund")

    said(page, "Refund withdrawn.")
    assert shop.call("orders", "GET", path)["refunds"][0]["state"] == "withdrawn"


@pytest.mark.requirement("P-03", "P-04", "S2-04")
@pytest.mark.usefixtures("shed")
def test_goods_come_back_are_paid_for_less_a_deduction_or_exchanged(open_browser, come, shop):
    order, _ = come("deliver")
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/payments", json={"reference": "courier's cash"})
    [line] = order["lines"]
    for _ in range(2):
        wanted = {"reason": "damaged", "lines": [{"line_id": line["line_id"], "quantity": 1}]}
        asked = shop.call("orders", "POST", f"{path}/returns", json=wanted)
        shop.call("orders", "POST", f"{path}/returns/{asked['return_id']}/approve", json={})
    shop.eventually(
        lambda: shop.call("shipping", "GET", f"{path}/returns")["items"], lambda now: len(now) == 2
    )
    keeper = open_browser("simon")
    keeper.goto(f"/orders/{order['order_id']}/shipment")
    keeper.get_by_role("link", name="Take goods in").first.click()
    keeper.locator("[name=location]").select_option("shed")
    found = keeper.locator("input[name^=found-][name$=-used]")
    found.fill("2")
    send(keeper, "Take goods in")
    expect(keeper.locator("#act input[aria-invalid=true]")).to_have_count(1)
    assert found.input_value() == "2"
    found.fill("1")
    send(keeper, "Take goods in")
    said(keeper, "Goods taken in.")
    returns = shop.eventually(
        lambda: shop.call("orders", "GET", path)["returns"],
        lambda now: {one["status"] for one in now} == {"received", "approved"},
    )
    [came], [coming] = ([one for one in returns if one["status"] == how] for how in ("received", "approved"))

    page = open_browser("barbara")
    page.goto(f"/orders/{order['order_id']}/shipment?act=refund_return-{came['return_id']}#act")
    page.get_by_label("Kept back").fill("plenty")
    send(page, "Give money back")
    assert wrong(page, "deducted_minor")
    page.get_by_label("Kept back").fill("1000")
    send(page, "Give money back")
    expect(page.locator(".fault")).not_to_contain_text("marked")
    assert page.get_by_label("Kept back").input_value() == "1000"
    page.get_by_label("Kept back").fill("1.50")
    send(page, "Give money back")
    said(page, "Money goes back.")
    [refund] = shop.call("orders", "GET", path)["refunds"]
    assert refund["amount_minor"] == 450 - 150

    seller = open_browser("helen")
    seller.goto(f"/orders/{order['order_id']}/shipment")
    assert seller.get_by_role("link", name="Exchange").count() == 0  # it takes who may give money back too
    assert coming["status"] == "approved"


@pytest.mark.requirement("S2-04", "P-03")
@pytest.mark.usefixtures("shed")
def test_what_could_not_be_delivered_goes_out_again_or_back_on_the_shelf(open_browser, failed, shop):
    page = open_browser("helen")
    page.goto(f"/orders/{failed['order_id']}/shipment")
    page.get_by_role("link", name="Send out again").click()
    page.locator("[name='address.postcode']").fill("")
    send(page, "Send out again")
    assert wrong(page, "address.postcode")
    page.locator("[name='address.postcode']").fill("BS1 4QB")
    send(page, "Send out again")
    said(page, "On its way again.")
    [shipment] = shipments(shop, failed)
    assert (shipment["status"], shipment["address"]["postcode"]) == ("shipped", "BS1 4QB")

    shop.call("shipping", "POST", f"/v1/shipments/{shipment['shipment_id']}/fail", json={"reason": "lost"})
    keeper = open_browser("simon")
    keeper.goto(f"/orders/{failed['order_id']}/shipment")
    keeper.get_by_role("link", name="Take back in").click()
    # The shipment left a location that is everyone's: goods are not taken in there for one seller.
    assert shipment["location"] not in keeper.locator("[name=location] option").evaluate_all(
        "all => all.map((one) => one.value)"
    )
    keeper.locator("[name=location]").select_option("shed")
    sellable = keeper.locator("input[name$=-sellable]").first
    sellable.fill("3")
    send(keeper, "Take back in")
    expect(keeper.locator("#act input[aria-invalid=true]")).to_have_count(1)
    sellable.fill("2")
    send(keeper, "Take back in")
    said(keeper, "Back in.")
    assert shipments(shop, failed)[0]["status"] == "returned"
    page.goto(f"/orders/{failed['order_id']}/shipment")
    assert page.get_by_role("link", name="Take back in").count() == 0


@pytest.mark.requirement("S3-19")
def test_a_shipment_is_turned_down_and_what_is_in_none_is_shipped_again(open_browser, come, shop):
    # What no other place has: where goods came back, there are some to be sent from there.
    product = {"name": "Storm lamp", "prices": {shop.market: 450}}
    shop.call("orders", "PUT", f"/v1/sellers/{shop.seller}/products/LAMP-1", json=product)
    shop.call("shipping", "PUT", "/v1/stock/main/LAMP-1", json={"on_hand": 100, "reason": "counted"})
    order, shipment = come("", ("LAMP-1", 2))
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/shipment?act=reject-{shipment['shipment_id']}#act")
    page.get_by_label("Reason").fill(" ")
    send(page, "Turn down here")
    assert wrong(page, "reason")
    page.get_by_label("Reason").fill("roof leaks")
    send(page, "Turn down here")
    said(page, "Turned down; another location is asked.")
    [shipment] = shipments(shop, order)
    assert shipment["rejected_by"] == ["main"]
    page.locator("details.menu[id^=more-] summary").click()
    refused = page.locator(".cannot", has_text="Turn down here")
    expect(refused).to_contain_text("Not possible at this stage.")

    gone = f"/v1/shipments/{shipment['shipment_id']}/cancel"
    shop.call("shipping", "POST", gone, json={"reason": "put together wrongly"})
    page.goto(f"/orders/{order['order_id']}/shipment")
    page.get_by_role("link", name="Make a shipment of it").click()
    units = page.locator("#act input.units")
    assert units.input_value() == "2"
    units.fill("7")
    send(page, "Make a shipment of it")
    expect(page.locator("#act input[aria-invalid=true], .fault")).not_to_have_count(0)
    assert page.locator("#act input.units").input_value() == "7"
    page.locator("#act input.units").fill("1")
    send(page, "Make a shipment of it")

    said(page, "Shipment made.")
    expect(page.locator("#unassigned")).to_contain_text("Storm lamp")


@pytest.mark.requirement("S4-06")
def test_a_courier_is_assigned_and_taken_off_again(open_browser, come, shop):
    shop.call("shipping", "PUT", "/v1/couriers/harbour/rob", json={"name": "Rob Rider"})
    shop.call("shipping", "PUT", "/v1/couriers/harbour/old", json={"name": "Olga Old", "active": False})
    order, shipment = come()
    page = open_browser("helen")
    address = f"/orders/{order['order_id']}/shipment?act=assign_courier-{shipment['shipment_id']}#act"
    page.goto(address)
    offered = page.locator("[name=courier] option").all_inner_texts()
    assert offered[0] == "Nobody"
    assert ("Rob Rider" in offered, "Olga Old" in offered) == (True, False)
    page.get_by_label("Courier", exact=True).select_option("rob")
    page.get_by_label("Note").fill("x" * 501)
    send(page, "Assign courier")
    assert wrong(page, "note")
    page.get_by_label("Note").fill("ring twice")
    shop.call("shipping", "PUT", "/v1/couriers/harbour/rob", json={"name": "Rob Rider", "active": False})
    send(page, "Assign courier")
    expect(page.locator(".fault")).to_contain_text("This courier works no more.")
    shop.call("shipping", "PUT", "/v1/couriers/harbour/rob", json={"name": "Rob Rider"})
    page.goto(address)
    page.get_by_label("Courier", exact=True).select_option("rob")
    page.get_by_label("Note").fill("ring twice")
    send(page, "Assign courier")

    said(page, "Courier noted.")
    assert shipments(shop, order)[0]["courier"] == "rob"
    page.goto(address)
    assert page.get_by_label("Note").input_value() == "ring twice"
    page.get_by_label("Courier", exact=True).select_option("")
    send(page, "Assign courier")
    said(page, "Courier noted.")
    assert shipments(shop, order)[0]["courier"] is None


@pytest.mark.requirement("S4-05")
def test_an_appointment_is_made_moved_and_signed_by_the_markets_clocks(open_browser, come, shop):
    order, shipment = come()
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/shipment?act=schedule-{shipment['shipment_id']}#act")
    page.locator("[name=kind]").select_option("installation")
    page.locator("[name=starts]").fill("2020-07-01T10:00")
    page.locator("[name=ends]").fill("2020-07-01T12:00")
    send(page, "Make an appointment")
    assert wrong(page, "starts") == "is in the past"
    assert page.locator("[name=kind]").input_value() == "installation"
    page.locator("[name=starts]").fill("2090-07-01T10:00")
    page.locator("[name=ends]").fill("2090-07-01T12:00")
    send(page, "Make an appointment")
    said(page, "Appointment made; the customer is told.")
    [kept] = shipments(shop, order)[0]["appointments"]
    assert kept["starts_at"].startswith("2090-07-01T09:00")  # summer time in London

    page.get_by_role("link", name="Move: Installation").click()
    assert page.locator("[name=starts]").input_value() == "2090-07-01T10:00"
    page.locator("[name=starts]").fill("2090-07-01T11:00")
    send(page, "Make an appointment")
    said(page, "Appointment made; the customer is told.")
    page.get_by_role("link", name="Sign off: Installation").click()
    page.get_by_label("Name", exact=True).fill(" ")
    send(page, "Sign off")
    assert wrong(page, "name")
    page.get_by_label("Name", exact=True).fill("Ann Archer")
    send(page, "Sign off")

    expect(page.locator("#order")).to_contain_text("Signed by Ann Archer")
    assert page.get_by_role("link", name="Move: Installation").count() == 0


@pytest.mark.requirement("F-22", "S1-13", "C-28")
def test_papers_are_printed_as_one_corrected_and_taken_back(open_browser, come, shop):
    order, _ = come("pick")
    path = f"/v1/orders/{order['order_id']}/documents"
    shop.eventually(
        lambda: shop.call("documents", "GET", path)["items"],
        lambda now: {one["kind"] for one in now if one["status"] == "stored"} >= {"invoice", "packing_slip"},
    )
    page = open_browser("helen")
    page.goto(f"/orders/{order['order_id']}/documents")
    page.get_by_role("button", name="Print ticked as one").click()
    expect(page.locator(".fault")).to_contain_text("Papers")
    assert page.locator("[data-live]").count() == 0  # where a refused form stands nothing moves
    page.goto(f"/orders/{order['order_id']}/documents")
    for kind in ("Invoice", "Packing slip"):
        page.get_by_label(re.compile(f"Choose {kind}")).check()
    with page.expect_response(lambda answer: answer.url.endswith("/documents")):  # it looks for news
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    page.wait_for_timeout(200)
    expect(page.locator("input[name=document_ids]:checked")).to_have_count(2)
    page.get_by_role("button", name="Print ticked as one").click()
    ready = page.get_by_role("link", name="Open the file to print")
    ready.wait_for()
    printed = page.request.get(ready.get_attribute("href"))
    assert printed.body().startswith(b"%PDF")

    page.get_by_role("link", name=re.compile("Correct invoice")).click()
    page.get_by_label("Reason").fill("wrong company")
    page.locator("[name='billing.postcode']").fill(TOO_LONG)
    send(page, "Correct invoice")
    assert wrong(page, "billing.postcode")
    page.locator("[name='billing.postcode']").fill("BS1 4QB")
    page.locator("[name='billing.company']").fill("Archer & Daughters")
    send(page, "Correct invoice")
    said(page, "The credit note and the new invoice are being made.")
    papers = shop.eventually(
        lambda: shop.call("documents", "GET", path)["items"],
        lambda now: len([one for one in now if one["kind"] == "invoice" and one["status"] == "stored"]) == 2,
    )
    assert len([one for one in papers if one["kind"] == "credit_note"]) == 1
    page.goto(f"/orders/{order['order_id']}/documents")
    assert page.get_by_role("link", name=re.compile("Correct invoice")).count() == 1  # the new one's

    picture = {"name": "proof.png", "mimeType": "image/png", "buffer": _png()}
    page.locator("input[type=file]").set_input_files(picture)
    page.get_by_role("button", name="Upload").click()
    said(page, "File stored.")
    page.get_by_role("link", name="Take back: proof.png").click()
    page.get_by_label("Reason").fill(" ")
    send(page, "Take back")
    assert wrong(page, "reason")
    page.get_by_label("Reason").fill("of another order")
    send(page, "Take back")
    said(page, "File taken back.")
    assert [one["status"] for one in shop.call("documents", "GET", path)["items"] if one["filename"]] == [
        "removed"
    ]


@pytest.mark.requirement("C-34", "C-35")
@pytest.mark.parametrize(("scheme", "language"), [("light", "en"), ("dark", "es")])
def test_its_forms_are_for_everybody(open_browser, failed, paid_for, come, shop, scheme, language):
    order, shipment = come()
    group = order["delivery_groups"][0]["group_id"]
    lost = shipments(shop, failed)[0]["shipment_id"]
    own, away = f"/orders/{order['order_id']}", f"/orders/{failed['order_id']}"
    bought, paid, coming, bill = paid_for
    helen, keeper, money = (
        open_browser(name, scheme=scheme, language=language) for name in ("helen", "simon", "barbara")
    )

    addresses = (
        f"{own}?act=readdress-{group}",
        *(f"{own}/shipment?act={name}-{shipment['shipment_id']}" for name in ("edit_shipment", "schedule")),
        f"{own}/shipment?act=assign_courier-{shipment['shipment_id']}",
        f"{away}/shipment?act=resend_shipment-{lost}",
        f"{bought}/documents?act=correct_invoice-{bill}",
    )

    for page, address in [(helen, one) for one in addresses] + [
        (keeper, f"{away}/shipment?act=take_back-{lost}"),
        (keeper, f"{bought}/shipment?act=receive_return-{coming}"),
        (money, f"{bought}?act=void_payment-{paid}"),
        (money, f"{bought}?act=refund"),
    ]:
        page.goto(address)
        expect(page.locator("#act")).to_be_visible()
        is_within(page, address, (320, 1280))
        axe_finds_nothing(page, address)


def _png():
    """The smallest picture there is: one grey point."""
    file = io.BytesIO()
    Image.new("L", (1, 1)).save(file, "PNG")
    return file.getvalue()
