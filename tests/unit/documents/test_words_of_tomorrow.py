"""What a newer publisher tells in words that this service does not know yet kills no event."""

from services.documents import consumers
from services.documents.messaging import messaging
from tests.samples import hear_words_of_tomorrow


def test_words_of_tomorrow_are_heard_without_harm(session):
    assert consumers.__name__.endswith("consumers")  # imported: its functions are registered

    hear_words_of_tomorrow(session, messaging.consumers)
