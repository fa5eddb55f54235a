"""Two sellers in two markets: one's order has been through everything, the other's is there to be seen."""

from datetime import timedelta
from io import BytesIO
from uuid import UUID

from PIL import Image

from shared import clock
from shared.customer_tokens import make_token
from tests.security.world import LINK_KEY, call_of, signed

# In no other seller's data: whoever reads one of these was shown the first seller's.
NAME, EMAIL, PHONE = "Zenobia Quill", "zenobia@quill.example", "+44 1482 555777"
NOTE = "leave it with the lighthouse keeper"
ADDRESS = {"name": NAME, "line1": "9 Beacon Stairs", "city": "Hull", "postcode": "HU9 9ZZ", "country": "GB"}
OTHERS_ADDRESS = ADDRESS | {"name": "Bo Lund", "line1": "1 Dock Road"}
CUSTOMER = "6f0f4a58-0000-4000-8000-00000000c0de"
ERASED = "6f0f4a58-0000-4000-8000-0000000000e5"
PRODUCTS = ("TEA-250", "MUG-1")
MARKET = {
    "name": "United Kingdom",
    "currency": "GBP",
    "locale": "en",
    "time_zone": "Europe/London",
    "tax_mode": "gross",
    "tax_rates": {"standard": 2000},
    "payment_methods": ["transfer", "cash_on_delivery", "online"],
    "shipping_methods": {"delivery": {"en": "Delivery"}, "pickup": {"en": "Pickup"}},
    "backorders": True,
    "invoice_on": "acceptance",
    "return_days": 14,
    "return_expiry_days": 30,
}
TAX_TABLE = {
    "taxes_at_destination": False,
    "rates": [{"place": "GB", "tax_class": "standard", "rate_basis_points": 2000}],
}


def seller(name):
    return {
        "name": name,
        "legal_name": f"{name} Ltd",
        "email": f"orders@{name.lower()}.example",
        "address": OTHERS_ADDRESS | {"name": name},
        "vat_number": "GB123456789",
    }


def picture():
    """A small PNG, as somebody sends one in."""
    made = BytesIO()
    Image.new("RGB", (8, 8)).save(made, "PNG")
    return made.getvalue()


def upload(kind="attachment"):
    """A file as a form brings it."""
    return {"kind": kind, "file": (BytesIO(picture()), "proof.png")}


def order_of(seller, market, address, **person):
    """An order as the API takes it."""
    return {
        "seller": seller,
        "market": market,
        "customer": person,
        "delivery_groups": [{"method": "delivery", "shipping_minor": 300, "address": address}],
        "lines": [{"sku": sku, "quantity": 2} for sku in PRODUCTS],
        "payment_method": "transfer",
    }


def link(order_id, days=1, key=LINK_KEY, serial=0):
    """The token of a customer's link."""
    return make_token((key,), UUID(order_id), clock.now() + timedelta(days=days), serial)


def open_shop(world):
    """Fill a world, and note in `world.known` what the first seller's things are called."""
    do = world.do
    for market, currency in (("gb", "GBP"), ("eu", "EUR")):
        do("orders", "PUT", f"/v1/markets/{market}", json=MARKET | {"currency": currency})
    do("orders", "PUT", "/v1/markets/gb/tax-table", json=TAX_TABLE)
    for code in ("quay", "dock"):
        _set_up(world, code)
    coupon = {"name": "Spring", "percentage_basis_points": 500}
    do("orders", "PUT", "/v1/sellers/quay/markets/gb/coupons/SPRING", json=coupon)
    others = order_of("dock", "eu", OTHERS_ADDRESS, name="Bo Lund", email="bo@lund.example", phone="+45 1")
    world.known["other_order_id"] = do("orders", "POST", "/v1/orders", json=others)["order_id"]
    _erase(world)

    _sell(world)
    _send(world)
    _take_back(world)
    _write(world)
    for door in world.doors.values():
        door.give_up_something()


def _set_up(world, code):
    do, place = world.do, f"{code.upper()}-1"
    do("orders", "PUT", f"/v1/sellers/{code}", json=seller(code.title()))
    do("shipping", "PUT", f"/v1/locations/{place}", json={"name": place, "country": "GB", "seller": code})
    rider = {"name": "Rider", "email": f"rider@{code}.example"}
    do("shipping", "PUT", f"/v1/couriers/{code}/RIDER", json=rider)
    for sku in PRODUCTS:
        product = {"name": f"{code.title()} {sku}", "prices": {"gb": 450, "eu": 450}}
        do("orders", "PUT", f"/v1/sellers/{code}/products/{sku}", json=product)
        do("shipping", "PUT", f"/v1/stock/{place}/{sku}", json={"on_hand": 50, "reason": "counted"})
        do("shipping", "PUT", f"/v1/goods/{code}/{sku}", json={"barcode": f"{code} {sku}"})


def _erase(world):
    """An order whose person is erased."""
    do = world.do
    wanted = order_of("dock", "gb", OTHERS_ADDRESS, name="Cy Gone", email="cy@gone.example", phone="+45 2")
    order = do("orders", "POST", "/v1/orders", json=wanted)
    world.settle()
    do("orders", "POST", f"/v1/orders/{order['order_id']}/cancel", json={"reason": "gone", "confirm": True})
    world.settle()
    do("orders", "POST", f"/v1/customers/{order['customer_id']}/erase")
    world.settle()


def _sell(world):
    do = world.do
    card = {"seller": "quay", "name": NAME, "email": EMAIL, "phone": PHONE, "addresses": [ADDRESS]}
    do("orders", "PUT", f"/v1/customers/{CUSTOMER}", json=card)
    do("orders", "PUT", f"/v1/customers/{ERASED}", json=card | {"email": "old@quill.example"})
    do("orders", "POST", f"/v1/customers/{ERASED}/erase")
    [address] = do("orders", "GET", f"/v1/customers/{CUSTOMER}/addresses")
    wanted = order_of("quay", "gb", ADDRESS, id=CUSTOMER)
    order = do("orders", "POST", "/v1/orders", json=wanted)
    draft = do("orders", "POST", "/v1/drafts", json=wanted)
    view = do("orders", "POST", "/v1/views", json={"name": NOTE, "query": f"name={NAME}"})
    do("orders", "POST", f"/v1/views/{view['view_id']}/share", json={"seller": "quay"})
    do("orders", "POST", "/v1/views", json={"name": "Mine", "query": ""}, subject="mallory")
    path = f"/v1/orders/{order['order_id']}"
    do("orders", "POST", f"{path}/notes", json={"text": NOTE})
    do("orders", "POST", f"{path}/tags", json={"add": ["lighthouse"]})
    hold = do("orders", "POST", f"{path}/holds", json={"reason": NOTE})["hold"]["hold_id"]
    do("orders", "POST", f"{path}/holds/{hold}/release")
    payment = do("orders", "POST", f"{path}/payments", json={"reference": "TRF 1"})
    paid = {"order_id": order["order_id"], "amount_minor": 100, "currency": "EUR", "reference": "PAY 0"}
    discrepancy = do(
        "orders", "POST", "/v1/gateway/payments", **signed({"json": call_of("payment.succeeded", **paid)})
    )
    do("orders", "POST", f"{path}/accept")
    world.settle()
    world.known |= {
        "discrepancy_id": discrepancy["discrepancy_id"],
        "order_id": order["order_id"],
        "order_number": order["number"],
        "customer_id": CUSTOMER,
        "address_id": address["address_id"],
        "line_id": order["lines"][0]["line_id"],
        "group_id": order["delivery_groups"][0]["group_id"],
        "draft_id": draft["draft_id"],
        "view_id": view["view_id"],
        "hold_id": hold,
        "payment_id": payment["payment_id"],
    }


def _send(world):
    do = world.do
    [shipment] = do("shipping", "GET", f"/v1/orders/{world.known['order_id']}/shipments")["items"]
    goods = f"/v1/shipments/{shipment['shipment_id']}"
    do("shipping", "PUT", f"{goods}/courier", json={"courier": "RIDER", "note": NOTE})
    window = {"starts": "2099-01-05T09:00", "ends": "2099-01-05T10:00", "note": NOTE}
    do("shipping", "PUT", f"{goods}/appointments/delivery", json=window)
    do("shipping", "POST", f"{goods}/release")
    picks = {"location": "QUAY-1", "shipment_ids": [shipment["shipment_id"]]}
    pick_list = do("shipping", "POST", "/v1/pick-lists", json=picks)
    world.settle()
    do("shipping", "POST", f"{goods}/picks", json={})
    for action in ("pack", "ship", "deliver"):
        do("shipping", "POST", f"{goods}/{action}", **({"json": {}} if action == "ship" else {}))
        world.settle()
    [parcel] = do("shipping", "GET", goods)["parcels"]
    world.known |= {
        "shipment_id": shipment["shipment_id"],
        "parcel_id": parcel["parcel_id"],
        "tracking_number": parcel["tracking_number"],
        "pick_list_id": pick_list["pick_list_id"],
    }


def _take_back(world):
    do, path = world.do, f"/v1/orders/{world.known['order_id']}"
    lines = [{"line_id": world.known["line_id"], "quantity": 1}]
    wish = {"reason": "not_wanted", "note": NOTE, "lines": lines}
    returned = do("orders", "POST", f"{path}/returns", json=wish)
    do("orders", "POST", f"{path}/returns/{returned['return_id']}/approve", json={"answer": NOTE})
    refund = do("orders", "POST", f"{path}/refunds", json={"reason": NOTE, "amount_minor": 50})
    statement = do(
        "orders",
        "POST",
        "/v1/bank-statements?seller=quay&currency=GBP",
        data=f"date,amount,text\n2026-01-02,3.00,{NOTE}\n2026-01-02,2.00,{NOTE}\n".encode(),
        content_type="text/csv",
    )
    world.settle()
    bank_line, ignored = do("orders", "GET", "/v1/bank-lines?seller=quay")["items"]
    do("orders", "POST", f"/v1/bank-lines/{ignored['line_id']}/ignore", json={"reason": NOTE})
    world.known |= {
        "return_id": returned["return_id"],
        "refund_id": refund["refund_id"],
        "statement_id": statement["statement_id"],
        "bank_line_id": bank_line["line_id"],
        "ignored_line_id": ignored["line_id"],
    }


def _write(world):
    do, order_id = world.do, world.known["order_id"]
    path = f"/v1/orders/{order_id}"
    paper = do("documents", "POST", f"{path}/uploads", data=upload())
    do("documents", "PUT", "/v1/sellers/quay/logo", data={"file": upload()["file"]})
    papers = {paper["kind"]: paper for paper in do("documents", "GET", f"{path}/documents")["items"]}
    invoice = papers["invoice"]
    wanted = {"kind": "documents", "document_ids": [invoice["document_id"]]}
    # Who asks for a print is the only one to see it.
    printed = do("documents", "POST", "/v1/prints", subject="mallory", json=wanted)
    query = {"token": link(order_id)}
    wrote = world.doors["notifications"].ask(
        "POST", "/v1/customer/messages", query_string=query, json={"text": NOTE}
    )
    assert wrote.status_code == 201
    world.settle()
    emails = do("notifications", "GET", f"{path}/notifications")["items"]
    notices = do("notifications", "GET", "/v1/notices")["items"]
    place = {"address": "https://8.8.8.8/hooks", "email": "hooks@quay.example", "description": NOTE}
    hook = do("notifications", "POST", "/v1/webhooks", json=place | {"sellers": ["quay"], "markets": ["gb"]})
    sent = do(
        "notifications", "POST", f"/v1/webhooks/{hook['webhook_id']}/test", json={"type": "order.placed"}
    )
    world.known |= {
        "webhook_id": hook["webhook_id"],
        "delivery_id": sent["delivery_id"],
        "document_id": paper["document_id"],
        "invoice_id": invoice["document_id"],
        "invoice_number": invoice["number"],
        "print_id": printed["print_id"],
        "email_id": next(one["email_id"] for one in emails if one["recipient"] == "customer"),
        "notice_id": next(one["notice_id"] for one in notices if one["order_id"] == order_id),
    }
