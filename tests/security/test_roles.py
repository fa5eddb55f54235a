"""Each role of docs/security.md does all its work, and is refused everything else."""

import pytest

from shared.access import ROLES
from tests.security.requests import ORDER, REASON
from tests.security.shop import NOTE
from tests.security.test_access import BEARER

pytestmark = pytest.mark.requirement("V-07")

# What there is to do, in the words of those who do it: operations as a service and the beginning of names.
LOOK_AT_THE_CATALOGUE = {
    "orders GET /v1/markets",
    "orders GET /v1/sellers",
    "orders GET /v1/sellers/{seller}/products",
}
LOOK_AT_ORDERS = {
    "orders GET /v1/orders",
    "orders GET /v1/drafts",
    "orders GET /v1/returns",
    "orders GET /v1/refunds",
    "orders GET /v1/payments",
    "orders GET /v1/sellers/{seller}/markets",
    *("orders GET /v1/views", "orders POST /v1/views", "orders PATCH /v1/views", "orders DELETE /v1/views"),
    "orders GET /v1/shared-views",
    "notifications GET /v1/notices",
    "notifications POST /v1/notices",
}
TAKE_DOWN_AND_MIND_ORDERS = {
    "orders POST /v1/orders",
    "orders POST /v1/drafts",
    "orders PUT /v1/drafts",
}
ACCEPT = {
    "orders POST /v1/orders/{order_id}/accept",
    "orders POST /v1/orders/{order_id}/refuse",
    "orders POST /v1/orders/{order_id}/lifecycle",
    "orders POST /v1/orders/bulk/accept",
    "orders POST /v1/orders/bulk/refuse",
}
SHARE_VIEWS = {
    "orders POST /v1/views/{view_id}/share",
    "orders PATCH /v1/shared-views",
    "orders DELETE /v1/shared-views",
}
PAY_BACK = {
    "orders POST /v1/orders/{order_id}/refunds",
    "orders POST /v1/orders/{order_id}/returns/{return_id}/refund",
    "orders POST /v1/orders/{order_id}/returns/{return_id}/exchange",
}
BOOK_PAYMENTS = {
    "orders POST /v1/orders/{order_id}/payments",
    "orders POST /v1/bank-statements",
    "orders POST /v1/bank-lines",
    "orders POST /v1/payment-discrepancies",
}
READ_NOTES = {"orders GET /v1/orders/{order_id}/notes"}
EXPORT = {
    f"orders GET /v1/orders/{name}.{kind}" for name in ("export", "export-lines") for kind in ("csv", "xlsx")
}
READ_STATEMENTS = {
    f"orders GET /v1/{things}" for things in ("bank-statements", "bank-lines", "payment-discrepancies")
}
SET_PRICES = {"orders PUT /v1/sellers/{seller}/products", "orders PUT /v1/sellers/{seller}/markets"}
LOOK_AT_CUSTOMERS = {"orders GET /v1/customers"}
KEEP_CUSTOMERS = {
    "orders PUT /v1/customers",
    "orders DELETE /v1/customers",
    "orders POST /v1/customers/{customer_id}/addresses",
}
LOOK_AT_SHIPMENTS = {
    f"shipping GET /v1/{things}"
    for things in (
        *("orders", "shipments", "queues", "carriers", "couriers", "appointments", "returns", "pick-lists"),
    )
}
SEND_GOODS = {
    *("shipping POST /v1/orders", "shipping POST /v1/shipments", "shipping POST /v1/pick-lists"),
    *("shipping PATCH /v1/shipments", "shipping PUT /v1/shipments", "shipping PUT /v1/couriers"),
}
TAKE_GOODS_BACK = {"shipping POST /v1/shipments/{shipment_id}/take-back", "shipping POST /v1/returns"}
LOOK_AT_STOCK = {f"shipping GET /v1/{things}" for things in ("locations", "stock", "goods", "availability")}
COUNT_STOCK = {
    *("shipping PUT /v1/locations", "shipping PUT /v1/stock", "shipping POST /v1/stock"),
    "shipping PUT /v1/goods",
}
READ_PAPERS = {
    f"documents GET /v1/{things}"
    for things in ("orders/{order_id}/documents", "documents", "series", "sellers")
}
PRINT = {"documents POST /v1/prints", "documents GET /v1/prints"}
READ_LABELS = {
    "documents GET /v1/orders/{order_id}/documents",
    "documents GET /v1/documents",
} | PRINT
ISSUE_PAPERS = {
    *("documents POST /v1/orders", "documents POST /v1/documents"),
    *("documents PUT /v1/sellers", "documents DELETE /v1/sellers"),
}
READ_LETTERS = {f"notifications GET /v1/{things}" for things in ("orders", "emails", "conversations")}
WRITE_LETTERS = {"notifications POST /v1/orders", "notifications POST /v1/emails"}
FOLLOW_EVENTS = {"notifications GET /v1/events"}
BE_TOLD = {f"notifications {method} /v1/webhooks" for method in ("GET", "POST", "PATCH", "DELETE")}
SOURCE_OF_LETTERS = {"notifications GET /v1/emails/{email_id}/content"}
RUN_IT = {
    *("orders PUT /v1/markets", "orders PUT /v1/sellers/{seller}"),
    "orders POST /v1/customers/{customer_id}/erase",
    "shipping PUT /v1/carriers",
    *(
        f"{service} {method} /v1/operations"
        for service in ("orders", "shipping", "documents", "notifications")
        for method in ("GET", "POST")
    ),
}
ALL_WORK = [work for name, work in list(globals().items()) if name.isupper() and isinstance(work, set)]

ANSWER_CUSTOMERS = [
    *(LOOK_AT_THE_CATALOGUE, LOOK_AT_ORDERS, TAKE_DOWN_AND_MIND_ORDERS, LOOK_AT_CUSTOMERS, KEEP_CUSTOMERS),
    *(READ_NOTES, LOOK_AT_SHIPMENTS, LOOK_AT_STOCK, READ_PAPERS, PRINT, READ_LETTERS, WRITE_LETTERS),
    SOURCE_OF_LETTERS,
]
WORK = {
    "picker": [LOOK_AT_THE_CATALOGUE, LOOK_AT_SHIPMENTS, SEND_GOODS, LOOK_AT_STOCK, READ_LABELS],
    "stock_keeper": [LOOK_AT_THE_CATALOGUE, LOOK_AT_SHIPMENTS, LOOK_AT_STOCK, COUNT_STOCK, TAKE_GOODS_BACK],
    "customer_service": ANSWER_CUSTOMERS,
    "seller_staff": [
        *(*ANSWER_CUSTOMERS, ACCEPT, SHARE_VIEWS, SET_PRICES, EXPORT, ISSUE_PAPERS, SEND_GOODS),
    ],
    "accounts": [
        *(LOOK_AT_THE_CATALOGUE, LOOK_AT_ORDERS, EXPORT, READ_STATEMENTS, BOOK_PAYMENTS, PAY_BACK),
        *(READ_PAPERS, PRINT, ISSUE_PAPERS),
    ],
    "shop": [
        *(LOOK_AT_THE_CATALOGUE, LOOK_AT_ORDERS, TAKE_DOWN_AND_MIND_ORDERS, SET_PRICES),
        *(LOOK_AT_CUSTOMERS, KEEP_CUSTOMERS, LOOK_AT_STOCK, FOLLOW_EVENTS),
    ],
    "integrator": [FOLLOW_EVENTS, BE_TOLD],
    "administrator": [LOOK_AT_THE_CATALOGUE, LOOK_AT_CUSTOMERS, LOOK_AT_SHIPMENTS, RUN_IT],
}
# Goods are given for goods: whoever may not pay back may not do that either, nor who places no orders.
WANTS_TWO = {"orders POST /v1/orders/{order_id}/returns/{return_id}/exchange"}


def is_work(operation, role):
    """Whether an operation belongs to a role's work: to that whose name fits it best."""
    fitting = [
        (len(begin), work in WORK[role])
        for work in ALL_WORK
        for begin in work
        if f"{operation}/".startswith(f"{begin}/")
    ]
    longest = max(length for length, _ in fitting)
    return operation not in WANTS_TWO and any(mine for length, mine in fitting if length == longest)


def claims_of(role):
    sellers = ["*"] if role == "administrator" else ["quay"]
    return {"scopes": sorted(ROLES[role]), "sellers": sellers, "markets": ["*"]}


def test_every_role_has_its_work():
    assert WORK.keys() == ROLES.keys()


@pytest.mark.parametrize("role", ROLES)
def test_a_role_does_all_its_work_and_no_more(world, send, role):
    wrong = {}
    for service, name, _ in BEARER:
        status = send(service, name, **claims_of(role)).status
        done = status < 300 or status in {409, 502}  # not now: of another state, or nobody to be asked
        if role == "picker" and service == "documents":
            done = status != 403  # which papers is below
        if done != is_work(f"{service} {name}", role) or (not done and status != 403):
            wrong[f"{service} {name}"] = status

    assert wrong == {}


@pytest.fixture
def act(world):
    """Ask as somebody of a role, undone afterwards."""

    def asked(role, service, method, path, **request):
        known = world.known | world.doors[service].own
        token = world.keys.token("mallory", **claims_of(role))
        return world.doors[service].try_out(method, path.format(**known), token=token, **request)[0]

    return asked


CHEAP = {"lines": [{"sku": "TEA-250", "quantity": 1, "unit_price_minor": 0}]}
KNOCKED_OFF = {"lines": [{"sku": "TEA-250", "quantity": 1, "discount_minor": 100}]}
OFF = {"discounts": [{"name": "for a friend", "amount_minor": 100}]}
FEE = {"fees": [{"name": "for nothing", "amount_minor": 100}]}


@pytest.mark.parametrize("named", [CHEAP, KNOCKED_OFF, OFF, FEE], ids=["price", "line", "discount", "fee"])
@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/orders", ORDER),
        ("POST", "/v1/drafts", ORDER),
        ("PUT", "/v1/drafts/{draft_id}", {name: ORDER[name] for name in ("customer", "lines")}),
        ("POST", "/v1/orders/{order_id}/edits", REASON),
        ("POST", "/v1/orders/{order_id}/edits/preview", REASON),
    ],
)
def test_who_answers_customers_names_no_price(act, method, path, body, named):
    refused = act("customer_service", "orders", method, path, json=body | named)

    assert (refused.status_code, "prices:write" in refused.json["detail"]) == (403, True)
    allowed = act("seller_staff", "orders", method, path, json=body | named)
    assert allowed.status_code in {200, 201, 409}, allowed.text  # 409: the order is delivered


@pytest.mark.parametrize("name", ["fees", "discounts"])
def test_nor_takes_a_fee_or_discount_off_an_order(act, name):
    path = "/v1/orders/{order_id}/edits/preview"

    assert act("customer_service", "orders", "POST", path, json=REASON | {name: []}).status_code == 403


def test_a_picker_reads_what_goes_with_the_goods_and_no_invoice(world, act):
    listed = act("picker", "documents", "GET", "/v1/orders/{order_id}/documents").json["items"]
    kinds = {paper["kind"] for paper in listed}
    own = listed[0]["document_id"]
    prints = {"kind": "documents", "document_ids": [own]}

    assert {"label", "delivery_note"} <= kinds <= {"label", "delivery_note", "packing_slip", "return_slip"}
    assert act("picker", "documents", "GET", f"/v1/documents/{own}").status_code == 200
    assert act("picker", "documents", "POST", "/v1/prints", json=prints).status_code == 201
    for path in ("/v1/documents/{invoice_id}", "/v1/documents/{invoice_id}/content", "/v1/prints/{print_id}"):
        assert act("picker", "documents", "GET", path).status_code == 404
        assert act("customer_service", "documents", "GET", path).status_code == 200
    prints["document_ids"] = [world.known["invoice_id"]]
    assert act("picker", "documents", "POST", "/v1/prints", json=prints).status_code == 404


def test_notes_of_staff_want_their_own_scope(world):
    door, path = world.doors["notifications"], f"/v1/orders/{world.known['order_id']}/messages"
    with door.undone():
        world.do("notifications", "POST", path, json={"text": "a hard customer", "internal": True})
        seen = [
            door.ask("GET", path, token=world.keys.token("ada", scopes=scopes)).text
            for scopes in (["notifications:read"], ["notifications:read", "notes:read"])
        ]

    assert ["a hard customer" in text for text in seen] == [False, True]
    assert all(NOTE in text for text in seen)
