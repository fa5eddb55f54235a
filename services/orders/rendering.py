"""Rendering of the customer's order page, in the order's language."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from shared.events.snapshots import ReturnReason
from shared.wording import reader_of, templates_in

_environment = templates_in(Path(__file__).with_name("templates"))


def order_page(
    seen: Mapping[str, Any], style: str, address: Callable[[str, str], str], *, action: str, wrong: str = ""
) -> str:
    """The customer's page of an order; `address` returns the URL of another service's page about it.

    `action` takes the form for sending something back, and `wrong` is what was wrong with it. Instants are
    in the market's time zone.
    """
    reader = reader_of(seen["locale"], seen["market_locale"], seen["currency"], seen["time_zone"])
    return _environment.get_template("order.html").render(
        **seen,
        style=style,
        language=reader.language,
        say=reader.words("order_page").about(seller=seen["seller"].name, number=seen["number"]),
        step_words=reader.words("timeline"),
        money=reader.money,
        count=reader.number,
        moment=reader.moment,
        is_web=lambda link: link.startswith(("https://", "http://")),
        address=address,
        action=action,
        wrong=wrong,
        reasons=[reason.value for reason in ReturnReason],
    )
