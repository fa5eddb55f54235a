"""Whoever is erased is nowhere any more: not in the broker's files, not in the folder, not in a log."""

import re
from io import BytesIO

import pypdf
import pytest

from deploy.local.databases import SERVICES
from tests.end_to_end.test_looking import accepted_and_told

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


def files_that_name_the_person(folder):
    """The files of a stack's folder in which the person is named, PDFs by what they say."""
    for file in sorted(folder.rglob("*")):
        if NOT_OURS & set(file.relative_to(folder).parts) or not file.is_file():
            continue
        content = file.read_bytes()
        text = content.decode(errors="replace")
        if content.startswith(b"%PDF"):
            text += "".join(page.extract_text() for page in pypdf.PdfReader(BytesIO(content)).pages)
        if TRACES.search(text):
            yield file.relative_to(folder)


def stored(shop, path):
    papers = shop.call("documents", "GET", f"{path}/documents")["items"]
    return {paper["sha256"]: paper["kind"] for paper in papers if paper["status"] == "stored"}


@pytest.mark.requirement("V-08")
def test_an_erased_person_is_named_in_no_file_but_the_papers_that_the_law_keeps(shop, stack):
    order = accepted_and_told(
        shop, customer=PERSON, delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": HOME}]
    )
    path = f"/v1/orders/{order['order_id']}"
    shop.call("orders", "POST", f"{path}/cancel", json={"reason": "moved away", "confirm": True})
    shop.eventually(lambda: shop.call("orders", "GET", path)["status"], lambda status: status == "cancelled")
    shop.eventually(lambda: stored(shop, path), lambda kinds: "credit_note" in kinds.values())
    named = set(files_that_name_the_person(stack.folder))
    assert {file.parts[0] for file in named} == {"documents"}

    shop.call("orders", "POST", f"/v1/customers/{order['customer_id']}/erase", json={})

    shop.eventually(
        lambda: [file.name for file in files_that_name_the_person(stack.folder)],
        lambda names: (
            bool(names)
            and {stored(shop, path).get(name) for name in names} <= {"invoice", "credit_note"}
            and len(names) < len(named)
        ),
    )
    assert all((stack.folder / "logs" / f"{service}.worker.log").exists() for service in SERVICES)
    assert list((stack.folder / "valkey").rglob("*.aof"))
