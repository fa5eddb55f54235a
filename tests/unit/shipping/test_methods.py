"""What a market's method codes come down to."""

import pytest

from services.shipping.domain.methods import kind_of
from shared.events.snapshots import MethodKind


@pytest.mark.parametrize(
    ("method", "kind"),
    [
        ("delivery", MethodKind.DELIVERY),
        ("express", MethodKind.DELIVERY),
        ("pickup", MethodKind.PICKUP),
        ("pickup_city", MethodKind.PICKUP),
        ("pickups", MethodKind.DELIVERY),
        ("hand_over", MethodKind.HAND_OVER),
        ("download", MethodKind.DOWNLOAD),
        ("service-installation", MethodKind.SERVICE),
        ("", MethodKind.DELIVERY),
    ],
)
def test_a_method_is_of_the_kind_that_its_code_begins_with(method, kind):
    assert kind_of(method) is kind
