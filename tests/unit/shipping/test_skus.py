"""New stock and goods are called by the one alphabet of SKUs; what there is stays in reach."""

from urllib.parse import quote

import pytest
from sqlalchemy import select, text

from services.shipping.commands.stock import tell_changed_stock
from shared.messaging.tables import event_log
from shared.messaging.tables import subjects as subject_table
from tests.unit.shipping.steps import hear, make_order, stock

pytestmark = pytest.mark.requirement("M-14")

OLD = ["A/B", "a,b;c", "a b", "Tür", "50%", "a?b#c"]


@pytest.mark.parametrize("sku", [*OLD, "A" * 65, "0197a000-0000-7000-8000-000000000001"])
def test_new_stock_and_goods_outside_the_alphabet_are_refused_by_the_field(call, told, sku):
    told(stock, "TEA-250", 5)
    typed = quote(sku, safe="")

    answers = [
        call("PUT", f"/v1/goods/lantern/{typed}", {"barcode": "1"}),
        call("PUT", f"/v1/stock/WEST/{typed}", {"on_hand": 1, "reason": "counted"}),
        call("POST", f"/v1/stock/WEST/{typed}/receipts", {"quantity": 1}),
        call("PUT", f"/v1/stock/WEST/{typed}/bin", {"bin": "A1"}),
    ]

    assert [code for code, _, _ in answers] == [422] * 4
    assert [[error["field"] for error in answer["errors"]] for _, answer, _ in answers] == [["sku"]] * 4
    assert call("GET", f"/v1/stock/WEST/{typed}")[0] == 404


@pytest.mark.parametrize("sku", OLD)
def test_what_is_in_stock_by_an_older_name_is_read_counted_and_taken_in(call, told, sku):
    told(stock, "TEA-250", 5)
    told(hear, make_order([(sku, 1)]))  # whoever waits for it makes its level
    path = f"/v1/stock/WEST/{quote(sku, safe='')}"

    codes = [
        call("PUT", path, {"on_hand": 4, "reason": "counted"})[0],
        call("POST", f"{path}/receipts", {"quantity": 3})[0],
        call("POST", f"{path}/scraps", {"quantity": 1, "reason": "broken"})[0],
        call("PUT", f"{path}/bin", {"bin": "A1"})[0],
        call("GET", f"{path}/movements")[0],
        call("GET", f"{path}/reservations")[0],
    ]

    assert codes == [200, 201, 201, 200, 200, 200]
    shown = call("GET", path)[1]
    assert (shown["sku"], shown["on_hand"], shown["bin"]) == (sku, 6, "A1")
    assert [row["sku"] for row in call("GET", f"/v1/stock?sku={quote(sku, safe='')}")[1]["items"]] == [sku]


def test_stock_of_a_sku_that_is_an_orders_id_is_told_and_counted_by_another_subject(sessions):
    order = make_order([("TEA-250", 1)])
    with sessions.begin() as session:
        stock(session, "TEA-250", 5)
        hear(session, order)
        [version] = session.scalars(
            select(subject_table.c.version).where(subject_table.c.subject == str(order.order_id))
        )
    with sessions.begin() as session:
        hear(session, make_order([(str(order.order_id), 1)]))  # whoever waits for it makes its level
        session.execute(text("update stock_levels set told_version = version where sku = 'TEA-250'"))
        session.execute(text("update stock_levels set told_version = -1 where sku <> 'TEA-250'"))

    with sessions.begin() as session:
        tell_changed_stock(session)

    with sessions() as session:
        told = select(event_log.c.subject, event_log.c.payload).where(event_log.c.type == "stock.changed")
        [(subject, payload)] = session.execute(told).all()
        assert subject == f"sku:{order.order_id}"
        assert payload["stock"]["sku"] == str(order.order_id)
        now = select(subject_table.c.version).where(subject_table.c.subject == str(order.order_id))
        assert session.scalars(now).all() == [version]
