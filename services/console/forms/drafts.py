"""A draft as the fields of one form, and what was typed into them as the API takes it."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Any

import msgspec

from services.console.forms.order_acts import ADDRESS, BILLING, address_of
from services.console.showing import amount
from services.console.typed import minor, whole
from shared.wording import Words

Thing = Mapping[str, Any]
Form = Mapping[str, str]

PERSON = ("name", "email", "phone", "company", "vat_number")
TEXTS = ("payment_method", "channel", "locale", "external_reference", "remark")
GROUP = ("method", "shipping", "pickup_point", "requested_on")
NO_GROUP: Thing = {**dict.fromkeys(GROUP), "shipping_minor": 0, "address": None}
NAMED = ("fee", "discount")  # what has a name and an amount
# What somebody else may have changed, by the words that fields have.
PARTS: Mapping[str, Callable[[Thing], Any]] = {
    "customer": lambda draft: [draft["customer_id"], draft["customer"]],
    "lines": lambda draft: [_kept_line(line) for line in draft["lines"]],
    "delivery_groups": lambda draft: draft["delivery_groups"],
    "billing_address": lambda draft: draft["billing_address"],
    "fees": lambda draft: draft["fees"],
    "discounts": lambda draft: draft["discounts"],
    "coupons": lambda draft: [one["code"] for one in draft["coupons"]],
    **{name: itemgetter(name) for name in TEXTS},
}
# The fields of the form where they are called otherwise than by the API.
_OF_LINES = {"unit_price_minor": "price", "discount_minor": "discount", "delivery_group": "group"}
_OF_LINES |= {"quantity": "quantity"}
_OF_GROUPS = {"shipping_minor": "shipping", "address": "line1"}


def values_of(draft: Thing, country: str) -> dict[str, str]:
    """What the form is filled with; a new address is most often in the country that is given."""
    currency = draft["currency"]
    values = {name: draft[name] or "" for name in TEXTS}
    values["coupons"] = ", ".join(one["code"] for one in draft["coupons"])
    values["customer-id"] = draft["customer_id"] or ""
    values |= {f"customer-{name}": draft["customer"][name] for name in PERSON}
    for at, group in enumerate(draft["delivery_groups"] or [NO_GROUP]):
        start = f"group-{at}-"
        values |= {f"{start}{name}": group[name] or "" for name in GROUP if name != "shipping"}
        shipping = group["shipping_minor"]
        values[f"{start}shipping"] = amount(shipping, currency) if shipping else ""
        values |= _typed_address(start, group["address"] or {"country": country}, ADDRESS)
    values |= _typed_address("billing-", draft["billing_address"] or {}, BILLING)
    for at, line in enumerate(draft["lines"]):
        values |= {f"line-{at}-{name}": text for name, text in _typed_line(line, currency).items()}
    for kind in NAMED:
        for at, one in enumerate(draft[f"{kind}s"]):
            values[f"{kind}-{at}-name"] = one["name"]
            values[f"{kind}-{at}-amount"] = amount(one["amount_minor"], currency)
            values[f"{kind}-{at}-tax_class"] = one.get("tax_class") or ""
    return values


def body_of(form: Form, currency: str) -> dict[str, Any]:
    """All that the draft shall hold, of a filled form."""
    body: dict[str, Any] = {name: text for name in TEXTS if (text := form.get(name, "").strip())}
    if "remark" in body:
        body["remark"] = body["remark"].replace("\r\n", "\n")
    if customer := _customer(form):
        body["customer"] = customer
    if codes := [code for typed in form.get("coupons", "").split(",") if (code := typed.strip().upper())]:
        body["coupons"] = list(dict.fromkeys(codes))
    groups = [_group(form, f"group-{at}-", currency) for at in _rows(form, "group", "method")]
    if any(groups):
        body["delivery_groups"] = groups
    billing = address_of(form, "billing-", BILLING)
    if any(billing.values()):
        body["billing_address"] = billing
    body["lines"] = [_line(form, f"line-{at}-", currency) for at in _rows(form, "line", "sku")]
    for kind in NAMED:
        rows = [_named(form, f"{kind}-{at}-", currency) for at in _filled(form, kind)]
        body |= {f"{kind}s": rows} if rows else {}
    return body


def without(body: dict[str, Any], fields: Iterable[str]) -> dict[str, Any] | None:
    """The same without fields that can't be taken; None where nothing would be kept of it then."""
    kept = msgspec.json.decode(msgspec.json.encode(body))
    for field in fields:
        head, *rest = field.split(".")
        if head in {"lines", "fees", "discounts"}:
            return None
        holder = kept
        for part in [head, *rest][:-1]:
            inner = holder[int(part)] if isinstance(holder, list) else holder.get(part)
            if not isinstance(inner, dict | list):
                break
            holder = inner
        if isinstance(holder, dict):
            holder.pop([head, *rest][-1], None)
        else:
            return None
    return kept if kept != body else None


def count(values: Form, kind: str) -> int:
    """How many rows of a kind a filled form has."""
    marks = {"line": "sku", "group": "method"}
    return sum(1 for _ in _rows(values, kind, marks.get(kind, "name")))


def places_of(form: Form) -> Callable[[str], str]:
    """Where on the form stands what the API says something of."""
    filled = {kind: _filled(form, kind) for kind in NAMED}

    def place(field: str) -> str:
        head, *rest = field.split(".")
        last = rest[-1] if rest else ""
        if head == "customer":
            return f"customer-{last}" if last in PERSON else "customer-find"
        if head == "billing_address":
            return f"billing-{last or 'line1'}"
        if head == "delivery_groups":
            at = rest[0] if rest else "0"
            return f"group-{at}-{_OF_GROUPS.get(last, 'method' if last == at or not last else last)}"
        if head == "lines":
            return f"line-{rest[0]}-{_OF_LINES.get(last, 'quantity')}" if rest else "product-find"
        if head in {"fees", "discounts"} and rest:
            kind = head.removesuffix("s")
            row = {str(at): one for at, one in enumerate(filled[kind])}.get(rest[0], 0)
            return f"{kind}-{row}-{'amount' if last == 'amount_minor' else 'name'}"
        return head

    return place


def marks_of(draft: Thing) -> dict[str, str]:
    """A mark of each part of a draft, by which it is known whether it has changed."""
    return {
        name: hashlib.sha256(msgspec.json.encode(part(draft))).hexdigest()[:8] for name, part in PARTS.items()
    }


def said_of(lack: Thing, words: Words) -> str:
    """What a draft lacks, in the reader's words: they go by its field, whichever row it is in."""
    kind = re.sub(r"\.\d+", ".n", lack["field"])
    return words(f"lacks.{kind}") if words.knows("lacks", kind) else str(lack["reason"])


def _customer(form: Form) -> dict[str, str]:
    if known := form.get("customer-id", ""):
        return {"id": known}
    return {name: text for name in PERSON if (text := form.get(f"customer-{name}", "").strip())}


def _group(form: Form, start: str, currency: str) -> dict[str, Any]:
    group: dict[str, Any] = {
        name: text
        for name in GROUP
        if name != "shipping" and (text := form.get(f"{start}{name}", "").strip())
    }
    if shipping := form.get(f"{start}shipping", "").strip():
        group["shipping_minor"] = minor(shipping, currency)
    address = address_of(form, start, ADDRESS)
    if any(text for name, text in address.items() if name != "country"):
        # Most goods go to whoever orders.
        address["name"] = address["name"] or form.get("customer-name", "").strip()
        group["address"] = address
    return group


def _line(form: Form, start: str, currency: str) -> dict[str, Any]:
    typed = {name: form.get(f"{start}{name}", "").strip() for name in _NAMES_OF_LINES}
    line: dict[str, Any] = {
        "sku": typed["sku"],
        "quantity": whole(typed["quantity"]),
        "delivery_group": whole(typed["group"] or "0"),
    }
    if f"{start}price" not in form or typed["price"] == typed["shown"]:
        if typed["named"]:
            line["unit_price_minor"] = whole(typed["named"])
    elif typed["price"]:
        line["unit_price_minor"] = minor(typed["price"], currency)
    if typed["discount"]:
        line["discount_minor"] = minor(typed["discount"], currency)
    if typed["name"]:
        line["name"] = typed["name"]
    return line


_NAMES_OF_LINES = ("sku", "quantity", "group", "price", "shown", "named", "discount", "name")


def _typed_line(line: Thing, currency: str) -> dict[str, str]:
    price = line["unit_price_minor"]
    shown = "" if price is None else amount(price, currency)
    is_named = line["price_set_by"] is not None and price is not None
    return {
        "sku": line["sku"],
        "quantity": str(line["quantity"]),
        "group": str(line["delivery_group"]),
        "price": shown,
        "shown": shown,  # what stood there: another is named by whoever changes it
        "named": str(price) if is_named else "",
        "discount": amount(line["discount_minor"], currency) if line["discount_minor"] else "",
        "name": line["own_name"] or "",
    }


def _kept_line(line: Thing) -> list[Any]:
    names = ("sku", "quantity", "delivery_group", "discount_minor", "own_name", "price_set_by")
    named = line["unit_price_minor"] if line["price_set_by"] else None
    return [*(line[name] for name in names), named]


def _named(form: Form, start: str, currency: str) -> dict[str, Any]:
    named: dict[str, Any] = {
        "name": form.get(f"{start}name", "").strip(),
        "amount_minor": minor(form.get(f"{start}amount", "").strip(), currency),
    }
    if tax_class := form.get(f"{start}tax_class", ""):
        named["tax_class"] = tax_class
    return named


def _typed_address(start: str, address: Thing, parts: Iterable[str]) -> dict[str, str]:
    return {f"{start}{part}": address.get(part) or "" for part in parts}


def _rows(form: Form, kind: str, mark: str) -> Iterator[int]:
    """The places of the rows that a form has."""
    at = 0
    while f"{kind}-{at}-{mark}" in form:
        yield at
        at += 1


def _filled(form: Form, kind: str) -> list[int]:
    """The rows that something was typed into."""
    return [
        at
        for at in _rows(form, kind, "name")
        if any(form.get(f"{kind}-{at}-{name}", "").strip() for name in ("name", "amount"))
    ]
