"""Whoever is erased is nowhere any more: not in the broker's files, not in the folder, not in a log."""

import re
from contextlib import suppress
from io import BytesIO

import pypdf
import pytest

from deploy.local.databases import SERVICES
from shared import stores
from tests.end_to_end.test_looking import accepted_and_told
from tests.object_store import store_at

pytestmark = pytest.mark.slow

PERSON = {"name": "Brumelda Oxquist", "email": "brumelda.oxquist@private.example", "phone": "+44 7700 900835"}
HOME = {
    "name": "Brumelda Oxquist",
    "line1": "7 Thimblewick Row",
    "city": "Pendragonby",
    "postcode": "PB3 9WX",
    "country": "GB",
    "phone": "+44 7700 900835",
}
TRACES = re.compile("brumelda|oxquist|thimblewick|pendragonby|PB3 9WX|900835", re.IGNORECASE)

# The stand-in for the world's mailboxes has what was delivered; of PostgreSQL's own files decision 19 speaks.
NOT_OURS = {"mail", "postgres"}


def names_the_person(content):
    """Whether bytes do, a PDF by what it says."""
    text = content.decode(errors="replace")
    if content.startswith(b"%PDF"):
        text += "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)
    return bool(TRACES.search(text))


def files_that_name_the_person(folder):
    """The files of a stack's folder in which the person is named."""
    ours = (file for file in folder.rglob("*") if not NOT_OURS & set(file.relative_to(folder).parts))
    return sorted(
        file.relative_to(folder) for file in ours if file.is_file() and names_the_person(file.read_bytes())
    )


def papers_that_name_the_person(store):
    """The hashes of what documents keeps in which the person is named."""
    named = set()
    for digest, _ in stores.stored(store):
        with suppress(stores.Gone):  # swept meanwhile
            if names_the_person(store.read(digest)):
                named.add(digest)
    return named


def stored(shop, path):
    papers = shop.call("documents", "GET", f"{path}/documents")["items"]
    return {paper["sha256"]: paper["kind"] for paper in papers if paper["status"] == "stored"}


@pytest.mark.requirement("V-08")
def test_an_erased_person_is_named_in_no_file_but_the_papers_that_the_law_keeps(shop, stack, kept_at):
    order = accepted_and_told(
        shop, customer=PERSON, delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": HOME}]
    )
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/cancel", json={"reason": "moved away", "confirm": True})
    shop.eventually(lambda: shop.call("orders", "GET", path)["status"], lambda status: status == "cancelled")
    shop.eventually(lambda: stored(shop, path), lambda kinds: "credit_note" in kinds.values())
    store = store_at(kept_at)
    named = papers_that_name_the_person(store)
    assert named
    assert files_that_name_the_person(stack.folder) == []

    shop.call("orders", "POST", f"/v1/customers/{order['customer_id']}/erase", json={})

    shop.eventually(
        lambda: papers_that_name_the_person(store),
        lambda names: (
            bool(names)
            and {stored(shop, path).get(name) for name in names} <= {"invoice", "credit_note"}
            and len(names) < len(named)
        ),
    )
    assert files_that_name_the_person(stack.folder) == []
    assert all((stack.folder / "logs" / f"{service}.worker.log").exists() for service in SERVICES)
    assert list((stack.folder / "valkey").rglob("*.aof"))
