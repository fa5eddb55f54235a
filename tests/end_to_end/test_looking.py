"""What a running system tells of itself: figures that Prometheus can read, and logs that give nobody away."""

import json
import re
from collections import Counter
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import httpx2
import psutil
import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from deploy.local.databases import SERVICES
from deploy.local.service_processes import WORKERS, metrics_url
from shared.events.snapshots import Step
from shared.settings import bearer

pytestmark = pytest.mark.slow

ALERTS = Path(__file__).parents[2] / "deploy" / "prometheus" / "alerts.yml"
PROCESSES = [
    *(f"{service}.api" for service in SERVICES),
    *WORKERS,
    *(f"{service}.agent" for service in SERVICES),
]
BY_PROMETHEUS = {"job", "instance", "service"}  # labels that deploy/prometheus/prometheus.yml gives

# Nobody else in these tests is called so.
PERSON = {"name": "Quillon Vexley", "email": "quillon.vexley@private.example", "phone": "+44 7700 900461"}
HOME = {
    "name": "Quillon Vexley",
    "line1": "19 Marrowbone Passage",
    "city": "Zennorford",
    "postcode": "ZN7 4QX",
    "country": "GB",
    "phone": "+44 7700 900461",
}


def samples(stack, *processes):
    for process in processes:
        text = httpx2.get(metrics_url(stack.settings, process)).raise_for_status().text
        for family in text_string_to_metric_families(text):
            yield from family.samples


def total(stack, processes, name, **labels):
    return sum(
        sample.value
        for sample in samples(stack, *processes)
        if sample.name == name and labels.items() <= sample.labels.items()
    )


def letters(shop, path):
    answer = shop.clients["notifications"].get(f"{path}/notifications")
    return answer.json()["items"] if answer.is_success else []


def is_shipping_planned(shop, path):
    answer = shop.clients["shipping"].get(f"{path}/shipments")
    return answer.is_success and answer.json()["items"]


def accepted_and_told(shop, *, headers=None, **wanted):
    """An order whose invoice has gone to its customer."""
    order = shop.place(("CUP-1", 1), **wanted)
    path = f"/v1/orders/{order['order_id']}"
    shop.eventually(lambda: is_shipping_planned(shop, path), bool)
    answer = shop.clients["orders"].post(f"{path}/accept", headers=headers)
    assert answer.is_success
    shop.eventually(
        lambda: letters(shop, path),
        lambda found: any(one["step"] == Step.INVOICE and one["status"] == "sent" for one in found),
    )
    return order


def test_every_metric_and_label_of_the_alerts_is_told_by_some_process(shop, stack):
    accepted_and_told(shop)
    labels = {"up": set()}
    for sample in samples(stack, *PROCESSES):
        labels.setdefault(sample.name, set()).update(sample.labels)

    rules = [rule for group in yaml.safe_load(ALERTS.read_text())["groups"] for rule in group["rules"]]
    for rule in rules:
        named = re.findall(r"\b(waybill_\w+|up)\b(?:\{([^}]*)\})?", rule["expr"])
        assert named, rule["alert"]
        assert {metric for metric, _ in named} <= set(labels), rule["alert"]
        told = BY_PROMETHEUS.union(*(labels[metric] for metric, _ in named))
        for metric, matchers in named:
            assert set(re.findall(r"(\w+)[!=]", matchers)) <= labels[metric] | BY_PROMETHEUS, rule["alert"]
        for grouping in re.findall(r"by \(([^)]*)\)", rule["expr"]):
            assert set(grouping.split(", ")) <= told, rule["alert"]
        assert set(re.findall(r"\$labels\.(\w+)", rule["annotations"]["summary"])) <= told, rule["alert"]


def test_a_worker_s_children_count_together_and_their_successors_count_on(shop, stack):
    def handled():
        return total(
            stack, ["shipping.worker", "shipping.agent"], "waybill_events_handled_total", type="order.placed"
        )

    before = handled()
    for _ in range(4):
        shop.place(("CUP-1", 1))
    shop.eventually(handled, lambda now: now == before + 4)

    for child in psutil.Process(stack.processes["shipping.worker"].pid).children():
        child.kill()
    assert handled() == before + 4
    shop.place(("CUP-1", 1))
    shop.eventually(handled, lambda now: now == before + 5)


def test_no_log_names_a_person_or_holds_a_secret(shop, stack):
    order = accepted_and_told(
        shop, customer=PERSON, delivery_groups=[{"method": "delivery", "shipping_minor": 0, "address": HOME}]
    )
    to_customer = shop.eventually(
        lambda: [mail for mail in mails(stack) if PERSON["email"] in mail["To"]], bool
    )
    link = re.search(r"http\S+/v1/customer/order\?token=\S+", words(to_customer[0]))[0]
    link_token = parse_qs(urlsplit(link).query)["token"][0]
    for address in (link, f"{link}x", link.replace("/order?", "/order/progress?")):
        httpx2.get(address, headers={"Accept": "text/html"})
    bearer = stack.token()
    orders = shop.clients["orders"]
    orders.get("/v1/orders", headers={"Authorization": f"Bearer {bearer}x"})
    orders.get("/v1/orders", params={"q": PERSON["email"]})
    orders.get("/v1/orders", params={"nonsense": PERSON["email"]})
    orders.post("/v1/orders", json=shop.order_body(customer=PERSON))
    orders.post("/v1/gateway/payments", json=PERSON)
    path = f"/v1/orders/{order['order_id']}"
    shop.call(
        "orders", "POST", f"{path}/cancel", json={"reason": f"{HOME['line1']} is no home", "confirm": True}
    )
    shop.eventually(lambda: shop.call("orders", "GET", path)["status"], lambda status: status == "cancelled")

    private = [*PERSON.values(), *HOME.values(), "Vexley", "vexley", link_token, bearer]
    private += [shop.clients["orders"].headers["Authorization"].split()[1]]
    secret = [value for words_of in secrets(stack) for value in words_of]
    logs = sorted((stack.folder / "logs").glob("*.log"))
    assert {f"{name}.log" for name in stack.processes} <= {log.name for log in logs}
    assert "/v1/customer/order" in (stack.folder / "logs" / "orders.api.log").read_text()
    found = [
        (log.name, word)
        for log in logs
        for word in {*private, *secret} - {"GB"}
        if word in log.read_text(errors="replace")
    ]
    assert found == []


def secrets(stack):
    """What the services are told and nobody else may know."""
    for service in SERVICES:
        environment = {
            **stack.processes[f"{service}.agent"].environment,
            **stack.processes[f"{service}.api"].environment,
        }
        yield bearer(environment["SERVICE_TOKEN"]), *environment["CUSTOMER_LINK_KEYS"].split(",")
        yield environment["MESSAGE_KEYS"].split(",")
        for name in ("DATABASE_URL", "BROKER_URL"):
            password = urlsplit(environment[name]).password
            assert password
            yield password, unquote(password)
    yield stack.addresses.gateway_secret, stack.processes["documents.rendering"].environment["STORE_SECRET"]


def mails(stack):
    folder = stack.servers.mail.mailbox.folder
    return [message_from_bytes(file.read_bytes(), policy=default) for file in folder.glob("*.eml")]


def words(mail):
    return mail.get_body(("plain",)).get_content()


def test_one_correlation_id_leads_through_all_logs_to_the_last_email(shop, stack):
    accepted_and_told(shop, headers={"X-Correlation-Id": "acceptance-of-ann"})

    def told():
        """What each process' log says of it."""
        lines = {}
        for log in (stack.folder / "logs").glob("*.log"):
            for line in log.read_text().splitlines():
                if '"acceptance-of-ann"' in line:
                    lines.setdefault(log.stem, []).append(json.loads(line))
        return lines

    logs = shop.eventually(
        told,
        lambda lines: any(
            line["event"].startswith("Task notifications.email[")
            for line in lines.get("notifications.worker", [])
        ),
    )

    [request] = [line for line in logs["orders.api"] if line["event"] == "request"]
    assert (request["service"], request["route"]) == ("orders", "/v1/orders/<uuid:order_id>/accept")
    done = Counter(line["event"].partition("[")[0] for lines in logs.values() for line in lines)
    assert {"Task shipping.order.accepted", "Task documents.order.accepted"} <= set(done)
    assert {"Task documents.paper", "Task notifications.invoice.issued", "Task orders.email.sent"} <= set(
        done
    )
