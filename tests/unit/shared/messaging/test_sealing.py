"""What comes over the broker is believed only if the service that alone can tell it has sealed it."""

from base64 import b64decode, b64encode
from itertools import pairwise

import pytest
from nacl.encoding import Base64Encoder
from nacl.public import PrivateKey

from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from shared.events.orders import OrderPlaced
from shared.messaging.consumers import Consumers
from shared.messaging.sealing import NotBelieved, Sealer
from shared.settings import SettingsError
from tests.samples import envelope

TOLD = envelope("order.placed")


def key_pair():
    key = PrivateKey.generate()
    return key.encode(Base64Encoder).decode(), key.public_key.encode(Base64Encoder).decode()


def changed(sealed):
    teller, _, text = sealed.partition(".")
    sealed_bytes = bytearray(b64decode(text))
    sealed_bytes[-1] ^= 1
    return f"{teller}.{b64encode(sealed_bytes).decode()}"


@pytest.mark.requirement("V-05")
def test_who_is_told_something_knows_who_tells_it(sealers):
    assert sealers("shipping").open(sealers("orders").seal("shipping", [TOLD])) == ("orders", [TOLD])


@pytest.mark.requirement("V-05")
@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda _sealers, _others: TOLD, id="nothing sealed it"),
        pytest.param(lambda _sealers, _others: None, id="it is nothing"),
        pytest.param(lambda _sealers, _others: "orders.!", id="it is no base64"),
        pytest.param(lambda _sealers, _others: "orders." + b64encode(b"{}").decode(), id="it is no box"),
        pytest.param(lambda _sealers, others: others("orders").seal("shipping", [TOLD]), id="by a stranger"),
        pytest.param(
            lambda sealers, _others: changed(sealers("orders").seal("shipping", [TOLD])), id="changed"
        ),
        pytest.param(
            lambda sealers, _others: sealers("orders").seal("documents", [TOLD]), id="for another listener"
        ),
        pytest.param(
            lambda sealers, _others: (
                sealers("documents").seal("shipping", [TOLD]).replace("documents", "orders")
            ),
            id="by another service under this one's name",
        ),
        pytest.param(
            lambda sealers, _others: sealers("shipping").seal("orders", [TOLD]),
            id="what the listener itself told",
        ),
    ],
)
def test_nothing_else_is_believed(sealers, tmp_path, forge):
    strangers = Keys(tmp_path)

    def others(service):
        public = strangers.message_public_keys(SERVICES).split(",")
        return Sealer(service, strangers.message_keys(service).split(","), public)

    with pytest.raises(NotBelieved):
        sealers("shipping").open(forge(sealers, others))


@pytest.mark.requirement("V-05")
@pytest.mark.parametrize(
    ("source", "teller"), [("/orders", "documents"), ("/documents", "documents"), ("/documents", "orders")]
)
def test_no_service_tells_what_is_another_s_to_tell(source, teller):
    consumers = Consumers()
    consumers.on(OrderPlaced)(lambda session, order: None)

    consumers.believe(TOLD, "orders")
    with pytest.raises(NotBelieved):
        consumers.believe(TOLD | {"source": source}, teller)


@pytest.mark.requirement("V-05")
def test_a_key_is_changed_without_a_moment_in_which_anything_is_refused():
    (old, old_public), (new, new_public), (own, own_public) = (key_pair() for _ in range(3))
    listener = f"shipping={own_public}"
    # What orders and shipping know, step by step; between two steps either may be a step ahead.
    steps = [
        ([old], [f"orders={old_public}"]),
        ([old, new], [f"orders={old_public}", f"orders={new_public}"]),
        ([new, old], [f"orders={new_public}", f"orders={old_public}"]),
        ([new], [f"orders={new_public}"]),
    ]

    for before, after in pairwise(steps):
        for teller, told in ((before, after), (after, before), (after, after)):
            orders = Sealer("orders", teller[0], [*teller[1], listener])
            shipping = Sealer("shipping", [own], [*told[1], listener])

            assert shipping.open(orders.seal("shipping", [TOLD])) == ("orders", [TOLD])
            assert orders.open(shipping.seal("orders", [TOLD])) == ("shipping", [TOLD])


@pytest.mark.requirement("V-05")
@pytest.mark.parametrize(
    ("own", "public", "named"),
    [
        ([], [], "MESSAGE_KEYS is not set"),
        (["c2hvcnQ="], [], "should be X25519 keys"),
        (["no base64"], [], "should be X25519 keys"),
        (
            [key_pair()[0]],
            [f"orders={key_pair()[1]}"],
            "should contain the public keys for MESSAGE_KEYS under orders",
        ),
    ],
)
def test_keys_that_cannot_be_meant_end_the_process_that_reads_them(own, public, named):
    with pytest.raises(SettingsError, match=named):
        Sealer("orders", own, public)
