"""What a newer publisher tells in words that this service does not know yet kills no event."""

from uuid import UUID

from services.orders import consumers
from services.orders.messaging import messaging
from tests.samples import envelope, hear_words_of_tomorrow


def test_words_of_tomorrow_are_heard_without_harm(session, place_order):
    assert consumers.__name__.endswith("consumers")  # imported: its functions are registered
    order = place_order(order_id=UUID(envelope("shipment.created")["subject"]))

    hear_words_of_tomorrow(session, messaging.consumers)

    assert (order.status, order.fulfilment) == ("placed", "unfulfilled")
