"""Papers in an object store that fails, hangs and whose writers die: none is lost, none has two numbers."""

import httpx2
import pytest

from shared import stores
from tests.chaos.databases import Databases
from tests.chaos.invariants import operate
from tests.chaos.measures import seconds_until_rest
from tests.object_store import SECRET, store_at
from tests.waiting import PATIENCE_SECONDS, until

pytestmark = [pytest.mark.slow, pytest.mark.requirement("V-23")]


@pytest.fixture
def faults(way_to_store):
    _, faults = way_to_store
    yield faults
    all_is_well(faults)


def all_is_well(faults):
    faults.say, faults.delay_seconds, faults.cut_requests_after = b"", 0, None


def accepted(shop):
    order_id = shop.place(("TEA-250", 1))["order_id"]
    shop.call("orders", "POST", f"/v1/orders/{order_id}/accept")
    return order_id


def papers_of(shop, order_id):
    """Its papers by kind, as far as documents has heard of the order."""
    answer = shop.clients["documents"].get(f"/v1/orders/{order_id}/documents")
    return {paper["kind"]: paper for paper in answer.json()["items"]} if answer.is_success else {}


def wait_for_a_write(faults):
    """Wait until one has begun from now on."""
    before = len(faults.requests)
    until(lambda: any(request.startswith(b"PUT") for request in faults.requests[before:]))


def test_papers_wait_while_the_store_is_away_and_come_with_the_numbers_they_had(shop, stack, kept_at, faults):
    databases = Databases(stack)
    before = papers_of(shop, shop_with_paper(shop))["invoice"]
    document = f"/v1/documents/{before['document_id']}/content"
    faults.answer_with("503 Slow Down")
    orders = [accepted(shop) for _ in range(4)]
    numbered = [
        shop.eventually(
            lambda order_id=order_id: papers_of(shop, order_id),
            lambda papers: papers.get("invoice", {}).get("status") == "numbered",
        )["invoice"]["number"]
        for order_id in orders
    ]
    away = shop.clients["documents"].get(document)
    ready = httpx2.get(f"{stack.url('documents')}/health/ready")

    all_is_well(faults)
    faults.cut_requests_after = 20_000  # in the middle of a body
    wait_for_a_write(faults)
    all_is_well(faults)
    faults.delay_seconds = 1.5
    wait_for_a_write(faults)
    stack.kill("documents.rendering")  # while it waits for the server
    all_is_well(faults)

    assert seconds_until_rest(databases, PATIENCE_SECONDS, "events", "jobs") is not None
    made = [papers_of(shop, order_id) for order_id in orders]
    assert {paper["status"] for papers in made for paper in papers.values()} == {"stored"}
    assert [papers["invoice"]["number"] for papers in made] == numbered
    assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
    assert (ready.status_code, ready.json()["stored_files"]) == (200, "can't be reached")
    checked = operate(stack, "documents", "verify")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert shop.clients["documents"].get(document).content == store_at(kept_at).read(before["sha256"])
    # As many objects as bytes that differ, and no letter of the secret in what was logged.
    kept = {digest for digest, _ in stores.stored(store_at(kept_at))}
    assert {paper["sha256"] for papers in made for paper in papers.values()} <= kept
    logs = sorted((stack.folder / "logs").glob("documents.*.log"))
    assert [log.name for log in logs if SECRET in log.read_text()] == []


def shop_with_paper(shop):
    """An order whose invoice is stored."""
    order_id = accepted(shop)
    shop.eventually(
        lambda: papers_of(shop, order_id),
        lambda papers: papers.get("invoice", {}).get("status") == "stored",
    )
    return order_id
