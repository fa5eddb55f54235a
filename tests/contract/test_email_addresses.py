"""Wherever an e-mail address comes in, it is one address and nothing that is read as something else."""

import pytest
from marshmallow import ValidationError

from shared.email_addresses import is_email_address
from tests.contract.requests import taken_fields

# One that is looked for is compared with what is stored, and never written to.
ADDRESSES = {
    where: field
    for where, field in taken_fields().items()
    if "email" in where.rpartition(" ")[2] and " query " not in where
}
HARMFUL = [
    "=?utf-8?b?eA0KU3ViamVjdDogUGF5b3V0IG9uIGhvbGQNCg0KPGgxPlBheTwvaDE+?=@example.com",
    "=?utf-8?q?a=40evil.example=2C?=@example.com",
    "ann@=?utf-8?q?evil.example?=.example.com",
    "=?a@example.com",
    "ann@example.com\r\nBcc: thief@evil.example",
    "ann\n@example.com",
    "ann@example.com\u2028",
    '"ann@evil.example,"@example.com',
    "ann@example.com, thief@evil.example",
    "Ann <ann@example.com>",
    "ann(comment)@example.com",
    "ann@[127.0.0.1]",
    "a" * 250 + "@example.com",
    "ann@\u2603.example",  # no name server may have it
    "ann@-m\u00fcller.example",
    "ann@" + "\u00fc" * 63 + ".example",
]


def test_the_places_are_those_known():
    assert {where.rpartition(" ")[2] for where in ADDRESSES} >= {"email", "customer.email"}
    assert {where.partition(" ")[0] for where in ADDRESSES} == {"orders", "shipping", "notifications"}


@pytest.mark.requirement("V-01", "M-21")
@pytest.mark.parametrize("harmful", HARMFUL)
def test_what_would_be_read_as_something_else_comes_in_nowhere(harmful):
    taken = [where for where, field in ADDRESSES.items() if _takes(field, harmful)]

    assert taken == []
    assert not is_email_address(harmful)


@pytest.mark.requirement("M-21")
@pytest.mark.parametrize(
    "good",
    [
        *("ann@example.com", "o'neill+tea=1@mail.example.co.uk", "josé@correos.example"),
        *("a@müller.de", "a@xn--mller-kva.de", "a@STRAẞE.example", "a@例え.jp"),
    ],
)
def test_real_addresses_do(good):
    assert [where for where, field in ADDRESSES.items() if not _takes(field, good)] == []


def _takes(field, value):
    try:
        field.deserialize(value)
    except ValidationError:
        return False
    return True
