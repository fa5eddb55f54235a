"""Whatever is done in whatever order, levels are the sum of the ledger and of what shipments hold."""

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)

from services.shipping import queries
from services.shipping.commands import picking, regrouping, sourcing
from services.shipping.commands import shipments as commands
from services.shipping.commands.handovers import deliver_shipment
from services.shipping.commands.stock import receive_stock, set_stock
from services.shipping.domain.shipment_status import HOLDING_STOCK
from services.shipping.messaging import messaging
from services.shipping.models import OrderState
from shared.errors import Refused
from shared.events.snapshots import LEFT, ShipmentStatus
from tests.unit.shipping.steps import (
    accepted,
    cancelling,
    hear,
    hear_label,
    later,
    level,
    make_line,
    make_order,
    stock,
)

SKUS = ["TEA-250", "POT-1"]
PLACES = ["WEST", "EAST"]
LINE = st.tuples(st.sampled_from(SKUS), st.integers(1, 4), st.sampled_from([1, 1, 6]))
GROUP = st.lists(LINE, min_size=1, max_size=3)
STEP = st.sampled_from(
    [
        commands.release_shipment,
        commands.pick_shipment,
        commands.pack_shipment,
        commands.print_label,
        commands.ship_shipment,
        deliver_shipment,
    ]
)


class Warehouse(RuleBasedStateMachine):
    """Orders and staff do what they please; the books must be right after each step."""

    orders = Bundle("orders")

    def __init__(self, opened):
        super().__init__()
        self.opened = opened
        self.session = opened.__enter__()
        self.brought = Counter()
        self.history = {}  # every snapshot there ever was, by order

    @initialize()
    def open_up(self):
        for place in PLACES:
            for sku in SKUS:
                stock(self.session, sku, 10, place)
                self.brought[sku] += 10

    @rule(target=orders, groups=st.lists(GROUP, min_size=1, max_size=2))
    def place(self, groups):
        return self._hear(make_order(*groups))

    @rule(order=orders, line=LINE, place=st.integers(0, 9))
    def edit(self, order, line, place):
        newest = self._newest(order)
        if newest.status == "placed":
            group = newest.delivery_groups[place % len(newest.delivery_groups)]
            lines = [one for at, one in enumerate(newest.lines) if at != place]
            self._hear(later(newest, lines=(*lines, make_line(group.group_id, *line))))

    @rule(order=orders, place=st.integers(0, 9))
    def drop_a_group(self, order, place):
        newest = self._newest(order)
        groups = tuple(one for at, one in enumerate(newest.delivery_groups) if at != place)
        if newest.status == "placed" and groups:
            self._hear(later(newest, delivery_groups=groups))

    @rule(order=orders)
    def accept(self, order):
        newest = self._newest(order)
        if newest.status == "placed":
            self._hear(accepted(newest))

    @rule(order=orders)
    def ask_to_cancel(self, order):
        newest = self._newest(order)
        if newest.status == "accepted":
            asked = self._newest(self._hear(cancelling(newest)))
            done = self.session.get(OrderState, order.order_id).cancel_done
            status = "cancelled" if done else "accepted"
            self._hear(later(asked, status=status, cancel_requested_at=None))

    @rule(order=orders, status=st.sampled_from(["refused", "failed", "cancelled"]))
    def end(self, order, status):
        newest = self._newest(order)
        if newest.status == "placed":
            self._hear(later(newest, status=status))

    @rule(order=orders, which=st.integers(0, 99))
    def hear_something_old(self, order, which):
        known = self.history[order.order_id]
        hear(self.session, known[which % len(known)])

    @rule(order=orders, steps=st.lists(STEP, min_size=1, max_size=6), label=st.booleans())
    def handle(self, order, steps, label):
        for shipment in self._shipments(order):
            for step in steps:
                self._try(step, shipment.id)
            if label and shipment.status is ShipmentStatus.PACKING:
                hear_label(self.session, shipment)

    @rule(order=orders)
    def send_off(self, order):
        for shipment in self._shipments(order):
            self._try(commands.release_shipment, shipment.id)
            self._try(commands.pick_shipment, shipment.id)
            hear_label(self.session, shipment)
            self._try(commands.print_label, shipment.id)
            self._try(commands.ship_shipment, shipment.id)

    @rule(order=orders)
    def give_up(self, order):
        self._try(commands.cancel_shipment, self._shipments(order)[0].id, reason="damaged")

    @rule(order=orders)
    def assign_again(self, order):
        self._try(regrouping.ship_unassigned, order.order_id, share=None)

    @rule(order=orders, which=st.integers(0, 9), line=st.integers(0, 9), quantity=st.integers(1, 3))
    def split(self, order, which, line, quantity):
        shipments = self._shipments(order)
        shipment = shipments[which % len(shipments)]
        if shipment.lines:
            part = shipment.lines[line % len(shipment.lines)]
            share = {part.line_id: min(quantity, part.quantity)}
            self._try(regrouping.split_shipment, shipment.id, share=share)

    @rule(order=orders, which=st.integers(0, 9), other=st.integers(0, 9))
    def merge(self, order, which, other):
        shipments = self._shipments(order)
        into, out_of = shipments[which % len(shipments)], shipments[other % len(shipments)]
        self._try(regrouping.merge_shipments, into.id, other_id=out_of.id, share=None)

    @rule(order=orders, which=st.integers(0, 9))
    def turn_down(self, order, which):
        shipments = self._shipments(order)
        self._try(sourcing.reject_shipment, shipments[which % len(shipments)].id, reason="no")

    @rule(order=orders, found=st.integers(0, 4))
    def pick_from_a_list(self, order, found):
        for shipment in list(self._shipments(order)):
            self._try(commands.release_shipment, shipment.id)
            if shipment.status is ShipmentStatus.RELEASED:
                picking.make_pick_list(self.session, location=shipment.location, shipment_ids=[shipment.id])
                short = {line.line_id: min(found, line.units) for line in shipment.lines}
                # What is short is not there: whoever counts writes it off.
                self.brought.subtract(
                    {line.sku: line.units - short[line.line_id] for line in shipment.lines[:1]}
                )
                self._try(
                    picking.record_picks,
                    shipment.id,
                    found={line.line_id: short[line.line_id] for line in shipment.lines[:1]},
                )

    @rule(order=orders, place=st.integers(0, 9), quantity=st.integers(1, 3))
    def cancel_a_line(self, order, place, quantity):
        newest = self._newest(order)
        if newest.status != "accepted":
            return
        line = newest.lines[place % len(newest.lines)]
        wanted = min(quantity, line.quantity - line.cancelled_quantity)
        if not wanted:
            return
        asking = cancelling(newest, lines=[(line.line_id, wanted)])
        asked = self._newest(self._hear(asking))
        done = self.session.get(OrderState, order.order_id).cancel_done
        less = replace(line, cancelled_quantity=line.cancelled_quantity + wanted * done)
        lines = tuple(less if one is line else one for one in asked.lines)
        self._hear(later(asked, status="accepted", cancel_requested_at=None, cancel_lines=(), lines=lines))

    @rule(sku=st.sampled_from(SKUS), place=st.sampled_from(PLACES), quantity=st.integers(1, 9))
    def receive(self, sku, place, quantity):
        receive_stock(self.session, place, sku, quantity=quantity, reason="")
        self.session.flush()
        self.brought[sku] += quantity

    @rule(sku=st.sampled_from(SKUS), place=st.sampled_from(PLACES), on_hand=st.integers(0, 30))
    def count(self, sku, place, on_hand):
        before, _ = level(self.session, sku, place)
        if self._try(set_stock, place, sku, on_hand=on_hand, reason="count"):
            self.brought[sku] += on_hand - before

    @rule()
    def serve(self):
        while shipment_id := queries.next_to_serve(self.session, SKUS):
            assert sourcing.assign_stock(self.session, shipment_id)
            self.session.flush()

    @invariant()
    def the_books_are_right(self):
        assert queries.stock_drift(self.session) == []

    @invariant()
    def every_unit_wanted_is_somewhere_once(self):
        for order_id, known in self.history.items():
            newest, state = known[-1], self.session.get(OrderState, order_id)
            if newest.status not in {"placed", "accepted"}:
                assert state.unassigned == []
                continue
            groups = {group.group_id for group in newest.delivery_groups}
            wanted = Counter(
                {
                    line.line_id: line.quantity - line.cancelled_quantity
                    for line in newest.lines
                    if line.group_id in groups
                }
            )
            carried = Counter()
            standing = [one.lines for one in state.shipments if one.status is not ShipmentStatus.CANCELLED]
            for lines in (*standing, state.unassigned):
                for line in lines:
                    carried[line.line_id] += line.quantity
            assert +carried == +wanted

    @invariant()
    def no_unit_comes_from_nowhere_or_goes_to_two(self):
        shipments = [
            shipment
            for order_id in self.history
            for shipment in self.session.get(OrderState, order_id).shipments
        ]
        for sku in SKUS if self.brought else ():
            units = [
                (shipment.status, line.units)
                for shipment in shipments
                for line in shipment.lines
                if line.sku == sku
            ]
            gone = sum(amount for status, amount in units if status in LEFT)
            held = sum(amount for status, amount in units if status in HOLDING_STOCK)
            levels = [level(self.session, sku, place) for place in PLACES]
            assert sum(on_hand for on_hand, _ in levels) == self.brought[sku] - gone
            assert sum(reserved for _, reserved in levels) == held

    def teardown(self):
        self.opened.__exit__(None, None, None)

    def _hear(self, order):
        self.history.setdefault(order.order_id, []).append(order)
        hear(self.session, order)
        return order

    def _newest(self, order):
        return self.history[order.order_id][-1]

    def _shipments(self, order):
        return self.session.get(OrderState, order.order_id).shipments

    def _try(self, action, *arguments, **named):
        try:
            action(self.session, *arguments, **named)
        except Refused:
            return False
        self.session.flush()
        return True


@pytest.mark.requirement("F-10", "F-13", "F-15")
def test_levels_ledger_and_shipments_agree_after_any_sequence(service_session):
    run_state_machine_as_test(
        lambda: Warehouse(service_session(messaging)),
        settings=settings(max_examples=20, stateful_step_count=30),
    )
