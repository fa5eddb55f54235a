"""A good request for each operation: what its owner sends, and must be kept from a stranger.

`$name` stands for one of the first seller's things (`World.known`). What the tables do not name is sent
without a body, its path filled from `known`: so a new operation is tried, and fails where it needs more.
"""

from dataclasses import dataclass, field, replace
from typing import Any

from shared import clock
from tests.security.shop import (
    ADDRESS,
    EMAIL,
    ERASED,
    MARKET,
    NAME,
    PHONE,
    TAX_TABLE,
    order_of,
    seller,
    upload,
)
from tests.security.world import call_of

SELLER, MARKET_TOO = ("seller",), ("seller", "market")
OF_NOBODY = ()


@dataclass(frozen=True)
class Ask:
    """How an operation is asked for, and by which claims its things are bounded."""

    json: Any = None
    data: Any = None  # a function: files are read once
    query: dict = field(default_factory=dict)
    path: dict = field(default_factory=dict)
    bounded_by: tuple = MARKET_TOO
    each: bool = False  # a bulk command: 200 to everyone, and a result per row
    everybodys: tuple = ()  # claims that bind no token that may do it: it would do it to everybody
    only_own: bool = False  # what it changes is the caller's alone

    def filled(self, known):
        """The same with the things themselves where their names stand."""
        return replace(
            self,
            json=_filled(self.json, known),
            query=_filled(self.query, known),
            path=_filled(self.path, known),
        )

    def altered(self, change):
        """The same with every text in body and query as `change` makes it."""
        return replace(self, json=_changed(self.json, change), query=_changed(self.query, change))


def _changed(value, change):
    if isinstance(value, dict):
        return {name: _changed(one, change) for name, one in value.items()}
    if isinstance(value, list):
        return [_changed(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def _filled(value, known):
    if isinstance(value, dict):
        return {name: _filled(one, known) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, known) for one in value]
    if isinstance(value, str) and value.startswith("$"):
        return known[value[1:]]
    return value


def by_seller(**ask):
    """Things that a seller has in all markets."""
    return Ask(**ask, bounded_by=SELLER)


def of_mallory(**ask):
    """A thing of whoever asks, which nobody else reaches by any claim."""
    return Ask(**ask, path={"view_id": "$own_view_id"}, bounded_by=OF_NOBODY)


REASON = {"reason": "as agreed"}
LINES = {"lines": [{"line_id": "$line_id", "quantity": 1}]}
ORDERS = {"order_ids": ["$order_id"]}
SHIPMENTS = {"shipment_ids": ["$shipment_id"]}
CARD = {"seller": "quay", "name": NAME, "email": EMAIL, "phone": PHONE}
ORDER = order_of("quay", "gb", ADDRESS, name=NAME, email=EMAIL, phone=PHONE)
DRAFT = {name: value for name, value in ORDER.items() if name not in {"seller", "market"}}
PROOF = {"name": "Zenobia"}
QUAY = {"seller": "quay", "market": "gb", "sku": "TEA-250"}
LEVEL = {"location": "QUAY-1", "sku": "TEA-250"}
RIDER = {"seller": "quay", "code": "RIDER"}

ASKS = {
    "orders": {
        "POST /v1/orders": Ask(json=ORDER),
        "POST /v1/orders/{order_id}/refuse": Ask(json=REASON),
        "POST /v1/orders/{order_id}/revoke-links": Ask(),
        "POST /v1/orders/{order_id}/correct-customer": Ask(json=REASON | {"phone": "+44 1482 111111"}),
        "POST /v1/orders/{order_id}/addresses": Ask(
            json={"delivery_group_id": "$group_id", "address": ADDRESS, "add_to_address_book": True}
        ),
        "POST /v1/orders/{order_id}/cancel": Ask(json=REASON | {"confirm": True}),
        "POST /v1/orders/{order_id}/edits": Ask(json=REASON | {"coupons": ["SPRING"]}),
        "POST /v1/orders/{order_id}/edits/preview": Ask(json=REASON | {"coupons": ["SPRING"]}),
        "POST /v1/orders/{order_id}/holds": Ask(json=REASON),
        "POST /v1/orders/{order_id}/lifecycle": Ask(json={"to": "Closed"}),
        "POST /v1/orders/bulk/accept": Ask(json=ORDERS, each=True),
        "POST /v1/orders/bulk/refuse": Ask(json=REASON | ORDERS, each=True),
        "POST /v1/orders/bulk/cancel": Ask(json=REASON | ORDERS, each=True),
        "POST /v1/orders/bulk/hold": Ask(json=REASON | ORDERS, each=True),
        "POST /v1/orders/bulk/tag": Ask(json=ORDERS | {"add": ["seen"]}, each=True),
        "POST /v1/orders/{order_id}/notes": Ask(json={"text": "called back"}),
        "POST /v1/orders/{order_id}/tags": Ask(json={"add": ["seen"]}),
        "GET /v1/views": Ask(bounded_by=OF_NOBODY),
        "POST /v1/views": Ask(json={"name": "Placed", "query": "status=placed"}, bounded_by=OF_NOBODY),
        "PATCH /v1/views/{view_id}": of_mallory(json={"name": "Held"}),
        "DELETE /v1/views/{view_id}": of_mallory(),
        "POST /v1/views/{view_id}/share": of_mallory(json={"seller": "quay"}),
        "GET /v1/shared-views": by_seller(),
        "PATCH /v1/shared-views/{view_id}": by_seller(json={"name": "Held"}),
        "DELETE /v1/shared-views/{view_id}": by_seller(),
        "POST /v1/drafts": Ask(json=ORDER),
        "PUT /v1/drafts/{draft_id}": Ask(json=DRAFT),
        "POST /v1/drafts/{draft_id}/place": Ask(json={}),
        "POST /v1/drafts/place": Ask(json={"draft_ids": ["$draft_id"]}, each=True),
        "POST /v1/drafts/delete": Ask(json={"draft_ids": ["$draft_id"]}, each=True),
        "GET /v1/payments": Ask(query={"seller": "quay"}),
        "POST /v1/orders/{order_id}/payments": Ask(json={"reference": "TRF 2", "amount_minor": 100}),
        "POST /v1/orders/{order_id}/payments/{payment_id}/void": Ask(json=REASON),
        "POST /v1/orders/{order_id}/refunds": Ask(json=REASON | {"amount_minor": 10}),
        "POST /v1/orders/{order_id}/refunds/{refund_id}/settle": Ask(json={"reference": "TRF 3"}),
        "POST /v1/orders/{order_id}/refunds/{refund_id}/withdraw": Ask(json=REASON),
        "POST /v1/bank-statements": Ask(
            query={"seller": "quay", "currency": "GBP"},
            data=lambda: b"date,amount,text\n2026-01-03,4.00,from Zenobia\n",
        ),
        "GET /v1/payment-discrepancies": Ask(),
        "POST /v1/payment-discrepancies/{discrepancy_id}/record": Ask(json={"amount_minor": 100}),
        "POST /v1/payment-discrepancies/{discrepancy_id}/ignore": Ask(json=REASON),
        "GET /v1/bank-statements": Ask(query={"seller": "quay"}),
        "GET /v1/bank-lines": Ask(query={"seller": "quay"}),
        "GET /v1/bank-lines/counts": Ask(query={"seller": "quay"}),
        "POST /v1/bank-lines/{line_id}/assign": Ask(
            json={"order_id": "$order_id"}, path={"line_id": "$bank_line_id"}
        ),
        "POST /v1/bank-lines/{line_id}/ignore": Ask(json=REASON, path={"line_id": "$bank_line_id"}),
        "POST /v1/bank-lines/{line_id}/reopen": Ask(path={"line_id": "$ignored_line_id"}),
        "GET /v1/returns": Ask(query={"status": "approved"}),
        "POST /v1/orders/{order_id}/returns": Ask(json={"reason": "not_wanted"} | LINES),
        "POST /v1/orders/{order_id}/returns/{return_id}/approve": Ask(json={}),
        "POST /v1/orders/{order_id}/returns/{return_id}/reject": Ask(json={"answer": "no"}),
        "POST /v1/orders/{order_id}/returns/{return_id}/refund": Ask(json=REASON | LINES),
        "POST /v1/orders/{order_id}/returns/{return_id}/exchange": Ask(
            json={"lines": [{"sku": "TEA-250", "quantity": 1}]}
        ),
        "POST /v1/orders/{order_id}/returns/{return_id}/dismiss": Ask(json=REASON),
        "POST /v1/gateway/payments": Ask(
            json=call_of(
                "payment.succeeded", order_id="$order_id", amount_minor=100, currency="GBP", reference="PAY 1"
            )
        ),
        **{
            f"POST /v1/gateway/{what}": Ask(
                json=call_of(
                    told,
                    order_id="$order_id",
                    amount_minor=100,
                    currency="GBP",
                    payment_reference="PAY 1",
                    reference=what,
                )
            )
            for what, told in {"refunds": "refund.succeeded", "chargebacks": "chargeback.opened"}.items()
        },
        "POST /v1/customer/orders/return": Ask(json={"reason": "not_wanted"} | LINES),
        "PUT /v1/customers/{customer_id}": Ask(json=CARD),
        "GET /v1/customers/{customer_id}": Ask(),
        "POST /v1/customers/{customer_id}/erase": Ask(),
        "GET /v1/customers/{customer_id}/erasure": Ask(path={"customer_id": ERASED}),
        "GET /v1/customers": Ask(query={"search": "zenob"}),
        "GET /v1/customers/{customer_id}/addresses": Ask(),
        "POST /v1/customers/{customer_id}/addresses": Ask(json={"address": ADDRESS}),
        "PUT /v1/customers/{customer_id}/addresses/{address_id}": Ask(json={"address": ADDRESS}),
        "DELETE /v1/customers/{customer_id}/addresses/{address_id}": Ask(),
        "PUT /v1/markets/{market}": Ask(json=MARKET, path=QUAY, everybodys=("seller",)),
        "GET /v1/markets/{market}": Ask(path=QUAY, bounded_by=("market",)),
        "PUT /v1/markets/{market}/tax-table": Ask(json=TAX_TABLE, path=QUAY, everybodys=("seller",)),
        "GET /v1/markets/{market}/tax-table": Ask(path=QUAY, bounded_by=("market",)),
        "GET /v1/markets": Ask(bounded_by=("market",)),
        "PUT /v1/sellers/{seller}": by_seller(json=seller("Quay"), path=QUAY),
        "GET /v1/sellers/{seller}": by_seller(path=QUAY),
        "GET /v1/sellers": by_seller(),
        "PUT /v1/sellers/{seller}/products/{sku}": by_seller(json={"name": "Tea"}, path=QUAY),
        "GET /v1/sellers/{seller}/products/{sku}": by_seller(path=QUAY),
        "GET /v1/sellers/{seller}/products": by_seller(path=QUAY),
        "PUT /v1/sellers/{seller}/markets/{market}/coupons/{coupon}": Ask(
            json={"name": "Spring", "amount_minor": 100}, path=QUAY | {"coupon": "SPRING"}
        ),
        "GET /v1/sellers/{seller}/markets/{market}/coupons/{coupon}": Ask(path=QUAY | {"coupon": "SPRING"}),
        "GET /v1/sellers/{seller}/markets/{market}/coupons": Ask(path=QUAY),
    },
    "shipping": {
        "GET /v1/locations": by_seller(),
        "GET /v1/locations/{code}": by_seller(path={"code": "QUAY-1"}),
        "PUT /v1/locations/{code}": by_seller(
            json={"name": "Quay", "country": "GB", "seller": "quay"}, path={"code": "QUAY-1"}
        ),
        "GET /v1/stock": by_seller(),
        "GET /v1/stock/{location}/{sku}": by_seller(path=LEVEL),
        "PUT /v1/stock/{location}/{sku}": by_seller(json={"on_hand": 60, "reason": "counted"}, path=LEVEL),
        "POST /v1/stock/{location}/{sku}/receipts": by_seller(json={"quantity": 1}, path=LEVEL),
        "POST /v1/stock/{location}/{sku}/scraps": by_seller(json=REASON | {"quantity": 1}, path=LEVEL),
        "PUT /v1/stock/{location}/{sku}/bin": by_seller(json={"bin": "A-1"}, path=LEVEL),
        "GET /v1/stock/{location}/{sku}/movements": by_seller(path=LEVEL),
        "GET /v1/stock/{location}/{sku}/reservations": Ask(path=LEVEL),
        "POST /v1/orders/{order_id}/shipments": Ask(json={"lines": None}),
        "PATCH /v1/shipments/{shipment_id}": Ask(json={"address": ADDRESS}),
        "POST /v1/shipments/{shipment_id}/ship": Ask(json={}),
        "POST /v1/shipments/{shipment_id}/cancel": Ask(json=REASON),
        "POST /v1/shipments/{shipment_id}/deliver": Ask(json=PROOF),
        "POST /v1/shipments/{shipment_id}/hand-over": Ask(json=PROOF),
        "POST /v1/shipments/{shipment_id}/sign": Ask(json=PROOF),
        "POST /v1/shipments/{shipment_id}/provide": Ask(json={"download_url": "https://dl.example/1"}),
        "POST /v1/shipments/{shipment_id}/collect": Ask(json=PROOF | {"code": "123456"}),
        "POST /v1/shipments/{shipment_id}/fail": Ask(json={"reason": "nobody_there"}),
        "POST /v1/shipments/{shipment_id}/resend": Ask(json={}),
        "POST /v1/shipments/{shipment_id}/take-back": Ask(
            json={
                "location": "QUAY-1",
                "found": [{"line_id": "$line_id", "condition": "sellable", "quantity": 1}],
            }
        ),
        "GET /v1/carriers": Ask(bounded_by=OF_NOBODY),
        "GET /v1/carriers/{code}": Ask(path={"code": "waybill"}, bounded_by=OF_NOBODY),
        "PUT /v1/carriers/{code}": Ask(
            json={"name": "Waybill", "tracking_link": "https://track.example/{number}"},
            path={"code": "waybill"},
            everybodys=MARKET_TOO,
        ),
        "GET /v1/couriers": by_seller(),
        "GET /v1/couriers/{seller}/{code}": by_seller(path=RIDER),
        "PUT /v1/couriers/{seller}/{code}": by_seller(json={"name": "Rider"}, path=RIDER),
        "GET /v1/couriers/{seller}/{code}/deliveries": Ask(path=RIDER),
        "PUT /v1/shipments/{shipment_id}/courier": Ask(json={"courier": "RIDER"}),
        "PUT /v1/shipments/{shipment_id}/parcels/{parcel_id}/tracking": Ask(
            json={"carrier": "waybill", "tracking_number": "ZQ1"}
        ),
        "POST /v1/carriers/{carrier}/events": Ask(
            json=call_of(
                "tracking.updated",
                tracking_number="$tracking_number",
                status="in_transit",
                at="2026-01-02T09:00:00Z",
            ),
            path={"carrier": "waybill"},
        ),
        "POST /v1/carriers/{carrier}/sellers/{seller}/events": Ask(
            json=call_of(
                "tracking.updated",
                tracking_number="$tracking_number",
                status="in_transit",
                at="2026-01-02T09:00:00Z",
            ),
            path={"carrier": "dhl", "seller": "quay"},
        ),
        "PUT /v1/shipments/{shipment_id}/appointments/{kind}": Ask(
            json={"starts": "2099-01-06T09:00", "ends": "2099-01-06T10:00"},
            path={"kind": "delivery"},
        ),
        "POST /v1/shipments/{shipment_id}/appointments/{kind}/sign": Ask(
            json=PROOF, path={"kind": "delivery"}
        ),
        "GET /v1/queues/{name}": Ask(path={"name": "finalised"}),
        "GET /v1/returns": Ask(query={"status": "expected"}),
        "POST /v1/returns/{return_id}/receive": Ask(
            json={
                "location": "QUAY-1",
                "found": [{"line_id": "$line_id", "condition": "sellable", "quantity": 1}],
            }
        ),
        "POST /v1/shipments/bulk/release": Ask(json=SHIPMENTS, each=True),
        "POST /v1/shipments/bulk/pick": Ask(json=SHIPMENTS, each=True),
        "POST /v1/shipments/bulk/picks": Ask(
            json={"shipments": [{"shipment_id": "$shipment_id", "found": []}]}, each=True
        ),
        "POST /v1/shipments/bulk/pack": Ask(json=SHIPMENTS, each=True),
        "POST /v1/shipments/bulk/print-label": Ask(json=SHIPMENTS, each=True),
        "POST /v1/shipments/bulk/ship": Ask(json=SHIPMENTS, each=True),
        "GET /v1/availability": Ask(query={"seller": "quay", "market": "gb", "skus": "TEA-250"}),
        "GET /v1/goods/{seller}/{sku}": by_seller(path=QUAY),
        "PUT /v1/goods/{seller}/{sku}": by_seller(json={"barcode": "1"}, path=QUAY),
        "POST /v1/shipments/{shipment_id}/split": Ask(json=LINES),
        "POST /v1/shipments/{shipment_id}/merge": Ask(json={"shipment_id": "$shipment_id"}),
        "POST /v1/shipments/{shipment_id}/relocate": Ask(json={"location": "QUAY-1"}),
        "POST /v1/shipments/{shipment_id}/reject": Ask(json=REASON),
        "POST /v1/pick-lists": Ask(json={"location": "QUAY-1"} | SHIPMENTS),
        "POST /v1/shipments/{shipment_id}/picks": Ask(json={}),
        "PUT /v1/shipments/{shipment_id}/parcels": Ask(
            json={"parcels": [{"contents": [{"line_id": "$line_id", "units": 1}]}]}
        ),
        "POST /v1/shipments/{shipment_id}/scans": Ask(json={"code": "TEA-250"}),
        "POST /v1/shipments/{shipment_id}/scans/take-back": Ask(json={"code": "TEA-250"}),
    },
    "documents": {
        "POST /v1/orders/{order_id}/documents": Ask(json={"kind": "order_printout"}),
        "POST /v1/documents/{document_id}/correct": Ask(json=REASON, path={"document_id": "$invoice_id"}),
        "POST /v1/orders/{order_id}/uploads": Ask(data=upload),
        "POST /v1/documents/{document_id}/remove": Ask(json=REASON),
        "PUT /v1/sellers/{seller}/logo": by_seller(data=lambda: {"file": upload()["file"]}, path=QUAY),
        "DELETE /v1/sellers/{seller}/logo": by_seller(path=QUAY),
        "GET /v1/sellers/{seller}/logo": by_seller(path=QUAY),
        "POST /v1/customer/documents": Ask(data=upload),
        "GET /v1/customer/documents/{document_id}/content": Ask(path={"document_id": "$invoice_id"}),
        "POST /v1/prints": Ask(json={"kind": "documents", "document_ids": ["$invoice_id"]}),
        "GET /v1/series/numbers": Ask(
            query={"market": "gb", "seller": "quay", "kind": "invoice", "period": str(clock.now().year)}
        ),
    },
    "notifications": {
        "POST /v1/orders/{order_id}/notifications": Ask(json={"document_id": "$document_id"}),
        "POST /v1/orders/{order_id}/messages": Ask(json={"text": "it is on its way"}),
        "POST /v1/customer/messages": Ask(json={"text": "thank you"}),
        "GET /v1/events": Ask(query={"limit": 1000}),
        "POST /v1/webhooks": Ask(
            json={
                "address": "https://8.8.8.8/hooks",
                "email": "hooks@quay.example",
                "sellers": ["quay"],
                "markets": ["gb"],
            },
        ),
        "PATCH /v1/webhooks/{webhook_id}": Ask(json={"description": "another"}),
        "POST /v1/webhooks/{webhook_id}/rotate-secret": Ask(json={}),
        "POST /v1/webhooks/{webhook_id}/resend": Ask(json={"since": clock.now().isoformat()}),
        "POST /v1/webhooks/{webhook_id}/test": Ask(json={"type": "order.placed"}),
        "POST /v1/notices/read": Ask(json={"up_to": "$notice_id"}, only_own=True),
    },
}

# Of every service the same; all sellers' events are in it.
OPERATIONS = {
    "POST /v1/operations/outbox/resend": {"json": {}},
    "POST /v1/operations/dead-letters/{letter_id}/skip": {"json": REASON},
    "POST /v1/operations/replay": {"json": {"since": "2099-01-01T00:00:00Z"}},
    "POST /v1/operations/resync": {"json": {"since": "2099-01-01T00:00:00Z"}},
}


def ask_for(service, name):
    """How an operation, named by method and path, is asked for."""
    if " /v1/operations/" in name:
        return Ask(**OPERATIONS.get(name, {}), everybodys=MARKET_TOO)
    return ASKS[service].get(name) or Ask()
