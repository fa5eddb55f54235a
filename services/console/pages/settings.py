"""Settings, and of these the sellers: as papers and e-mails show them, with their logo."""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from flask import Blueprint, Response, g, request, url_for

from services.console.acting import act, key, passed_on
from services.console.apis import Away, Refused
from services.console.forms.settings import ADDRESS, Setup, address, language_name, listed, prose, text
from services.console.screens import Screen

blueprint = Blueprint("settings", __name__, url_prefix="/settings")

SELLERS, SELLER, PUT_SELLER = (
    f"orders.masters_{name}" for name in ("list_sellers", "show_seller", "put_seller")
)
LOGO, PUT_LOGO, DELETE_LOGO = (f"documents.uploads_{name}_logo" for name in ("get", "put", "delete"))
ONE = "/sellers/<seller>"
LANGUAGES = ("en", "es", "de", "fr")  # that customers are written to in
TEXTS = ("name", "legal_name", "email", "phone", "vat_number", "registration", "website")
NEW_SELLER: Mapping[str, Any] = {
    **dict.fromkeys(TEXTS, ""),
    "iban": "",
    "colour": "#1f4e5f",
    "address": dict.fromkeys(ADDRESS, ""),
    "legal_text": {},
}


@blueprint.get("")
def show_sellers() -> Any:
    """The sellers that the person sees, by code."""
    return listed(SELLER_SETUP, SELLERS, ("legal_name", "email", "vat_number"))


@blueprint.get(f"{ONE}/logo")
def show_logo(seller: str) -> Response:
    """The logo that a seller's papers bear."""
    return passed_on(g.apis.stream(LOGO, seller=seller))


@blueprint.post(f"{ONE}/logo")
def change_logo(seller: str) -> Any:
    """Have papers bear another logo from now on, or the seller's initials."""
    removes = "remove" in request.form

    def do() -> Any:
        if removes:
            return g.apis.write(DELETE_LOGO, key=key(), seller=seller)
        file = request.files.get("file")
        sent = {"file": (file.filename or "file", file.stream, file.mimetype)} if file else {}
        return g.apis.upload(PUT_LOGO, {}, sent, key=key(), seller=seller)

    return act(
        "logo",
        do,
        lambda: SELLER_SETUP.show(seller=seller),
        lambda _: url_for(".show", seller=seller),
        said="done.logo_removed" if removes else "done.logo_changed",
    )


def _typed() -> dict[str, Any]:
    start = "legal_text."
    legal = {name.removeprefix(start): prose(name) for name in request.form if name.startswith(start)}
    return {
        **{name: text(name) for name in TEXTS},
        "iban": re.sub(r"\s", "", text("iban")).upper(),
        "colour": text("colour"),
        "address": address() or dict.fromkeys(ADDRESS, ""),
        "legal_text": {language: words for language, words in legal.items() if words},
    }


def _more(body: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "languages_of_texts": [
            (code, language_name(code)) for code in dict.fromkeys([*LANGUAGES, *body["legal_text"]])
        ]
    }
    seller = (request.view_args or {}).get("seller")
    if seller and g.apis.may(LOGO):
        found["logo"] = _mark_of_logo(seller)
    return found


def _mark_of_logo(seller: str) -> str | None:
    """What tells a seller's logo from the one before, empty without one; None while nobody knows."""
    try:
        answer = g.apis.stream(LOGO, seller=seller)
    except Refused as refusal:
        return "" if refusal.status == HTTPStatus.NOT_FOUND else None
    except Away:
        return None
    answer.close()
    return str(answer.headers.get("ETag", "")).strip('"') or "1"


SELLER_SETUP = Setup(
    form="seller",
    operations=(SELLER, PUT_SELLER),
    path={"seller": "seller"},
    blank=NEW_SELLER,
    typed=_typed,
    template="settings/seller.html",
    more=_more,
)
SELLER_SETUP.register(blueprint, ONE)

SCREEN = Screen(
    blueprint,
    "settings.show_sellers",
    SELLERS,
    "nav.settings",
    "settings",
    inner="settings.sellers",
    changes=(PUT_SELLER, PUT_LOGO, "orders.masters_put_market", "shipping.locations_put_location"),
)
