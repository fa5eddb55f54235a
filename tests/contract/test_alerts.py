"""Prometheus asks every process, and each alert tells its reader what to do."""

from pathlib import Path

import pytest
import yaml

from deploy.local.databases import SERVICES
from deploy.local.service_processes import WORKERS

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "deploy" / "prometheus"
RULES = [
    rule for group in yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"] for rule in group["rules"]
]


@pytest.mark.parametrize("rule", RULES, ids=[rule["alert"] for rule in RULES])
def test_an_alert_says_what_is_wrong_how_urgent_it_is_and_what_to_do(rule):
    assert rule["annotations"]["summary"]
    assert rule["labels"]["severity"] in {"page", "ticket"}
    document, _, anchor = rule["annotations"]["runbook"].partition("#")
    assert anchor == rule["alert"].lower()
    headings = [line for line in (ROOT / document).read_text().splitlines() if line.startswith("#")]
    assert f"#### {rule['alert']}" in headings


def test_no_section_tells_of_an_alert_that_is_none():
    lines = (ROOT / "docs" / "operations.md").read_text().splitlines()

    told = [line.removeprefix("#### ") for line in lines if line.startswith("#### Waybill")]

    assert sorted(told) == sorted(rule["alert"] for rule in RULES)


def test_prometheus_asks_every_process_and_knows_its_service():
    config = yaml.safe_load((FOLDER / "prometheus.yml").read_text())

    asked = {
        target: group["labels"]["service"]
        for job in config["scrape_configs"]
        for group in job["static_configs"]
        for target in group["targets"]
    }

    processes = {f"{service}-api:8000": service for service in SERVICES}
    processes |= {f"{name.replace('.', '-')}:9000": name.partition(".")[0] for name in WORKERS}
    processes |= {"console-api:8000": "console"}
    processes |= {f"{service}-agent:9000": service for service in SERVICES}
    assert asked == processes | {"flower:5555": "flower"}
