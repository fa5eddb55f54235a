"""The OpenAPI documents name the reasons for which the rules of orders and shipments refuse an action."""

import re
from dataclasses import replace
from datetime import date
from itertools import product

import pytest

from services.orders.domain import order_status
from services.shipping.domain import shipment_status
from shared.events.snapshots import LEFT, MethodKind, OrderStatus, PaymentMethod, ShipmentStatus
from tests.contract import openapi

# The action of each operation, where rules of the domain say when it is possible.
OF_SHIPMENTS = {
    "shipments_release_shipment": "release",
    "shipments_pick_shipment": "pick",
    "shipments_pack_shipment": "pack",
    "shipments_print_label": "print_label",
    "shipments_ship_shipment": "ship",
    "shipments_cancel_shipment": "cancel",
    "handovers_deliver_shipment": "deliver",
    "handovers_hand_over_shipment": "hand_over",
    "handovers_sign_shipment": "sign",
    "handovers_provide_shipment": "provide",
    "handovers_collect_shipment": "collect",
    "handovers_renew_code": "renew_code",
    "handovers_fail_shipment": "fail",
    "handovers_resend_shipment": "resend",
    "handovers_take_back_shipment": "take_back",
    "carriers_assign_courier": "assign_courier",
    "tracking_enter_tracking": "track",
    "appointments_schedule_appointment": "schedule",
    "appointments_sign_appointment": "schedule",
    "regrouping_edit_shipment": "edit",
    "regrouping_split_shipment": "split",
    "regrouping_merge_shipments": "merge",
    "regrouping_relocate_shipment": "split",
    "regrouping_reject_shipment": "reject",
    "picking_make_pick_list": "pick",
    "picking_record_picks": "record_picks",
    "picking_pack_into_parcels": "pack_into_parcels",
    "picking_scan": "scan",
    "picking_take_back_scan": "scan",
}
OF_ORDERS = {
    "orders_accept_order": ("accept",),
    "orders_refuse_order": ("refuse",),
    "orders_cancel_order": ("cancel", "cancel_lines"),
    "edits_edit_order": ("edit",),
    "holds_place_hold": ("hold",),
    "holds_release_hold": ("release_hold",),
    "payments_record_payment": ("record_payment",),
    "refunds_request_refund": ("refund",),
    "returns_request_return": ("request_return",),
    "customer_returns_ask_for_return": ("request_return",),
}

SHIPMENT = shipment_status.ShipmentFacts(
    status=ShipmentStatus.READY,
    kind=MethodKind.DELIVERY,
    order_status=OrderStatus.ACCEPTED,
    covered=True,
    cash_on_delivery=False,
    held=False,
    accepted=True,
    label_stored=True,
    picked=True,
    check_open=False,
)
IN_THE_WAY_OF_SHIPMENTS = (
    {},
    {"order_status": OrderStatus.PLACED},
    {"order_status": OrderStatus.CANCELLING},
    {"covered": False},
    {"held": True},
    {"accepted": False},
    {"label_stored": False},
    {"picked": False},
    {"check_open": True},
    {"code_locked": True},
    {"waits_until": date(2999, 12, 31)},
)
ORDER = order_status.OrderFacts(
    status=OrderStatus.ACCEPTED,
    payment_method=PaymentMethod.TRANSFER,
    covered=True,
    holds=(),
    backorders=False,
    awaiting=(),
    goods_left=False,
    units_here=1,
    delivered=True,
    owed_minor=1,
    excess_minor=0,
    fulfilled=True,
)
IN_THE_WAY_OF_ORDERS = (
    {},
    {"payment_method": PaymentMethod.ONLINE},
    {"covered": False},
    {"holds": ("verification",)},
    {"awaiting": None},
    {"awaiting": ("GB-100001-1",)},
    {"goods_left": True},
    {"units_here": 0},
    {"delivered": False},
    {"owed_minor": 0},
)


def _shipments_there_can_be():
    for status, kind, in_the_way in product(ShipmentStatus, MethodKind, IN_THE_WAY_OF_SHIPMENTS):
        is_on_its_way = status in LEFT - {ShipmentStatus.DELIVERED}
        if kind is MethodKind.DELIVERY or not is_on_its_way:  # only a carrier takes it on its way
            yield replace(SHIPMENT, status=status, kind=kind, **in_the_way)


def _reasons_of_shipments(action):
    refusals = (shipment_status.refusal(action, shipment) for shipment in _shipments_there_can_be())
    return {refusal.reason for refusal in refusals if refusal}


def _reasons_of_orders(actions):
    return {
        refusal.reason
        for action, status, in_the_way in product(actions, OrderStatus, IN_THE_WAY_OF_ORDERS)
        for refusal in order_status.refusals(action, replace(ORDER, status=status, **in_the_way))
    }


def _named(service):
    """The words in the description of each operation that may be reasons."""
    return {
        operation["operationId"]: set(re.findall(r"`([a-z_]+)`", operation.get("description", "")))
        for operations in openapi.document(service)["paths"].values()
        for operation in operations.values()
        if isinstance(operation, dict)
    }


@pytest.fixture(scope="module")
def shipping():
    """What shipping's operations name."""
    return _named("shipping")


@pytest.fixture(scope="module")
def orders():
    """What the operations of orders name."""
    return _named("orders")


@pytest.mark.parametrize(("operation", "action"), OF_SHIPMENTS.items())
def test_an_operation_on_a_shipment_names_the_reasons_that_refuse_it(shipping, operation, action):
    assert _reasons_of_shipments(action) <= shipping[operation]


@pytest.mark.parametrize(("operation", "action"), OF_SHIPMENTS.items())
def test_it_names_no_status_that_can_not_refuse_it(shipping, operation, action):
    by_status = {"wrong_status", "already_released", "already_shipped", "already_delivered"}

    assert shipping[operation] & by_status <= _reasons_of_shipments(action)


@pytest.mark.parametrize(("operation", "actions"), OF_ORDERS.items())
def test_an_operation_on_an_order_names_the_reasons_that_refuse_it(orders, operation, actions):
    assert _reasons_of_orders(actions) <= orders[operation]
