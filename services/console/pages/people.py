"""Customers: found, looked at with their orders and address book, put right, erased."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any
from uuid import UUID

from flask import Blueprint, abort, g, redirect, render_template, request, url_for

from services.console.acting import act, key, version
from services.console.apis import read
from services.console.forms.order_acts import ADDRESS, address_of
from services.console.forms.reviews import changes, filled, is_reviewed, mark_of
from services.console.markets import masters
from services.console.screens import Screen
from shared.db import new_id

blueprint = Blueprint("people", __name__, url_prefix="/people")

PAGE = 50
ORDERS_SHOWN = 10
LIST, SHOW, PUT = (f"orders.customers_{name}" for name in ("list_customers", "show_customer", "put_customer"))
ERASE, ERASURE = "orders.customers_erase_customer", "orders.customers_show_erasure"
BOOK, ADD, CHANGE, REMOVE = (
    f"orders.address_books_{name}"
    for name in ("list_addresses", "add_address", "change_address", "remove_address")
)
ORDERS = "orders.lists_list_orders"
ONE = "/<uuid:customer_id>"
ENTRY = f"{ONE}/addresses/<uuid:address_id>"
PERSON = ("name", "email", "phone", "company", "vat_number")
NOBODY: Mapping[str, str] = dict.fromkeys(PERSON, "")


@blueprint.get("")
def show_list() -> Any:
    """Customers, newest first, or those that a search finds."""
    filters = {name: text for name in ("search", "seller") if (text := request.args.get(name, "").strip())}
    query = {**filters, "cursor": request.args.get("cursor"), "limit": PAGE}
    return _page("people/list.html", page=g.apis.together(page=read(LIST, query))["page"], filters=filters)


@blueprint.get("/new")
def ask_new() -> Any:
    """The form of a new customer."""
    return _form(None)


@blueprint.post("/new")
def create() -> Any:
    """Make a customer of a seller, under an id that the form was shown with: sent twice, it is one."""
    customer_id = request.form.get("customer_id", "")
    body = _typed() | {"seller": request.form.get("seller", "").strip()}
    return act(
        "person",
        lambda: g.apis.write(PUT, body, key=key(), customer_id=customer_id),
        ask_new,
        lambda made: url_for("people.show", customer_id=made["customer_id"]),
        said="done.person_made",
    )


@blueprint.get(ONE)
def show(customer_id: UUID) -> Any:
    """One customer: who they are, where things go, what they ordered."""
    parts = g.apis.together(
        customer=read(SHOW, customer_id=customer_id),
        book=read(BOOK, customer_id=customer_id),
        orders=read(
            ORDERS,
            {"customer_id": customer_id, "cursor": request.args.get("cursor"), "limit": ORDERS_SHOWN},
        ),
        erasure=read(ERASURE, customer_id=customer_id),
    )
    return _page(
        "people/person.html",
        person_shown=parts["customer"].needed(),
        book=parts["book"],
        orders=parts["orders"],
        erasure=parts["erasure"].if_known,
    )


@blueprint.get(f"{ONE}/change")
def ask_change(customer_id: UUID) -> Any:
    """The form of who they are."""
    return _form(_read(customer_id))


@blueprint.post(f"{ONE}/change")
def change(customer_id: UUID) -> Any:
    """Change who a customer is, once what that changes was seen; the address book stays as it is."""
    body = _typed()
    if not is_reviewed(body):
        return ask_change(customer_id)

    def put() -> Any:
        known = _read(customer_id)
        whole = body | {"seller": known["seller"], "addresses": known["addresses"]}
        return g.apis.write(PUT, whole, key=key(), version=version(), customer_id=customer_id)

    return act("person", put, lambda: ask_change(customer_id), _to, said="done.person_changed")


@blueprint.get(f"{ONE}/addresses/new")
def ask_address(customer_id: UUID) -> Any:
    """The form of another address."""
    return _address_form(customer_id, None)


@blueprint.post(f"{ONE}/addresses/new")
def add_address(customer_id: UUID) -> Any:
    """Add an address to the book, as its first if that is wanted."""
    return act(
        "address",
        lambda: g.apis.write(ADD, _typed_address(), key=key(), version=version(), customer_id=customer_id),
        lambda: ask_address(customer_id),
        lambda _: url_for("people.show", customer_id=customer_id),
        said="done.address_added",
    )


@blueprint.get(ENTRY)
def show_address(customer_id: UUID, address_id: UUID) -> Any:
    """The form of an address of the book."""
    return _address_form(customer_id, address_id)


@blueprint.post(ENTRY)
def change_address(customer_id: UUID, address_id: UUID) -> Any:
    """Change an address, or take it out of the book."""
    path = {"customer_id": customer_id, "address_id": address_id}
    goes = request.form.get("do") == "remove"
    return act(
        "address",
        lambda: (
            g.apis.write(REMOVE, key=key(), version=version(), **path)
            if goes
            else g.apis.write(CHANGE, _typed_address(), key=key(), version=version(), **path)
        ),
        lambda: show_address(customer_id, address_id),
        lambda _: url_for("people.show", customer_id=customer_id),
        said="done.address_removed" if goes else "done.address_changed",
    )


@blueprint.get(f"{ONE}/erase")
def ask_erase(customer_id: UUID) -> Any:
    """Whether the person shall really go, and what goes with them."""
    g.apis.require(ERASE)
    return _page("people/erase.html", person_shown=_read(customer_id))


@blueprint.post(f"{ONE}/erase")
def erase(customer_id: UUID) -> Any:
    """Erase a person in all services."""
    if request.form.get("sure") != "yes":
        return redirect(url_for("people.ask_erase", customer_id=customer_id), 303)
    return act(
        "erase",
        lambda: g.apis.write(ERASE, key=key(), version=version(), customer_id=customer_id),
        lambda: ask_erase(customer_id),
        _to,
        said="done.person_erased",
    )


def _form(known: Mapping[str, Any] | None) -> Any:
    g.apis.require(PUT)
    before = {name: known[name] for name in PERSON} if known else NOBODY
    posted = request.method == "POST"
    form = filled(before, known and known["version"], _typed() if posted else before, _shown)
    body = form.body if known else _typed() if posted else before
    reviewed = posted and known is not None
    return _page(
        "people/form.html",
        known=known,
        customer_id=known["customer_id"] if known else request.form.get("customer_id") or new_id(),
        body=body,
        filled=form,
        review=changes(before, body, _shown) if reviewed else [],
        mark=mark_of(body) if reviewed else "",
    )


def _shown(_: str, value: Any) -> str:
    return str(value) or "-"


def _address_form(customer_id: UUID, address_id: UUID | None) -> Any:
    g.apis.require(ADD)
    parts = g.apis.together(
        customer=read(SHOW, customer_id=customer_id), book=read(BOOK, customer_id=customer_id)
    )
    known, book = parts["customer"].needed(), parts["book"].needed()
    entry = next((one for one in book if one["address_id"] == str(address_id)), None)
    if address_id is not None and entry is None:
        abort(HTTPStatus.NOT_FOUND)
    return _page(
        "people/address.html",
        person_shown=known,
        entry=entry,
        is_default=bool(book) and entry == book[0],
        address=entry["address"] if entry else dict.fromkeys(ADDRESS, "") | {"name": known["name"]},
        parts=ADDRESS,
    )


def _typed() -> dict[str, str]:
    return {name: request.form.get(name, "").strip() for name in PERSON}


def _typed_address() -> dict[str, Any]:
    return {"address": address_of(request.form, "address.", ADDRESS), "default": "default" in request.form}


def _to(customer: Mapping[str, Any]) -> str:
    return url_for("people.show", customer_id=customer["customer_id"])


def _read(customer_id: UUID) -> Any:
    return g.apis.together(it=read(SHOW, customer_id=customer_id))["it"].needed()


def _page(template: str, **parts: Any) -> str:
    known = masters(needed=template == "people/form.html")
    return render_template(template, masters=known, seller_names=known.seller_names, **parts)


SCREEN = Screen(blueprint, "people.show_list", LIST, "nav.people", "users")
