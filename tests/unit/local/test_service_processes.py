"""What each process of `make up` is started with."""

from dataclasses import replace

import pytest

from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from deploy.local.servers import Servers
from deploy.local.service_processes import migrations, service_processes
from deploy.local.settings import read

# All that is secret, or leads to a place together with its password.
SECRETS = {
    "BROKER_URL",
    "CARRIER_SECRETS",
    "CELERY_BROKER_URL",
    "CUSTOMER_LINK_KEYS",
    "DATABASE_URL",
    "FLOWER_BASIC_AUTH",
    "GATEWAY_SECRET",
    "LOCAL_KEY",
    "MESSAGE_KEYS",
    "SERVICE_TOKEN",
    "SMTP_URL",
    "WEBHOOK_KEYS",
}
OF_EVERY = {
    "api": {"DATABASE_URL", "BROKER_URL", "SERVICE_TOKEN", "CUSTOMER_LINK_KEYS"},
    "worker": {"DATABASE_URL", "BROKER_URL", "MESSAGE_KEYS"},
    "agent": {"DATABASE_URL", "BROKER_URL", "SERVICE_TOKEN", "MESSAGE_KEYS"},
    "rendering": {"DATABASE_URL", "BROKER_URL"},
    "webhooks": {"DATABASE_URL", "BROKER_URL"},
    "migrate": {"DATABASE_URL"},
}
BESIDES = {
    "orders.api": {"GATEWAY_SECRET"},
    "orders.worker": {"GATEWAY_SECRET"},
    "shipping.api": {"CARRIER_SECRETS"},
    "notifications.api": {"WEBHOOK_KEYS"},
    "notifications.webhooks": {"WEBHOOK_KEYS"},
    "notifications.worker": {"SMTP_URL", "SERVICE_TOKEN", "CUSTOMER_LINK_KEYS"},
}


@pytest.fixture
def environments(tmp_path):
    """The environment of each process under some settings."""

    def of(given):
        settings = read({"WAYBILL_FOLDER": str(tmp_path / "data")} | given, tmp_path / ".env")
        keys = Keys(settings.folder / "keys")
        known = (settings, keys, Servers(settings, keys))
        processes = [*service_processes(*known).values(), *migrations(*known)]
        return {process.name: process.environment for process in processes}

    return of


def test_the_processes_of_a_host_know_its_address_alone_and_run_the_code_that_they_are_given(tmp_path):
    settings = replace(read({}, tmp_path / ".env"), folder=tmp_path, host="192.0.2.1", code=tmp_path / "code")
    keys = Keys(tmp_path / "keys")
    servers = Servers(settings, keys)
    own = servers.processes()
    started = [*service_processes(settings, keys, servers).values(), *migrations(settings, keys, servers)]

    assert {process.folder for process in started} == {tmp_path / "code"}
    for process in [*own, *started]:
        said = [*process.command, *process.environment.values()]
        assert not [word for word in said if "127.0.0.1" in word or "localhost" in word]
    assert "@192.0.2.1:8132/orders" in started[0].environment["DATABASE_URL"]


@pytest.mark.requirement("V-19")
def test_each_process_is_told_the_secrets_it_needs_and_no_other(environments):
    told = environments({"CARRIER_SECRETS": "swift=whsec_c3dpZnQ="})

    expected = {
        name: OF_EVERY[name.partition(".")[2]] | BESIDES.get(name, set())
        for name in told
        if name.partition(".")[0] in SERVICES
    }
    assert {name: set(environment) & SECRETS for name, environment in told.items()} == expected | {
        "console.api": {"BROKER_URL", "LOCAL_KEY"},
        "flower": {"CELERY_BROKER_URL", "FLOWER_BASIC_AUTH"},
    }


@pytest.mark.requirement("V-19")
def test_no_secret_of_another_is_among_what_a_process_is_told_by_any_name(environments, tmp_path):
    told = environments({"CARRIER_SECRETS": "swift=whsec_c3dpZnQ="})
    secrets = {
        name: {environment[secret] for secret in SECRETS & set(environment)}
        for name, environment in told.items()
    }
    all_of_them = set().union(*secrets.values())

    for name, environment in told.items():
        assert set(environment.values()) & all_of_them == secrets[name]
    for service in SERVICES:
        others = set().union(*(told[name].values() for name in told if not name.startswith(f"{service}.")))
        assert (
            not {told[f"{service}.agent"][name] for name in ("DATABASE_URL", "MESSAGE_KEYS", "SERVICE_TOKEN")}
            & others
        )


@pytest.mark.parametrize(
    ("secret", "process"), [("GATEWAY_SECRET", "orders.api"), ("CARRIER_SECRETS", "shipping.api")]
)
def test_a_secret_that_is_chosen_is_handed_on(environments, secret, process):
    assert environments({secret: "chosen"})[process][secret] == "chosen"


def test_without_a_secret_the_gateway_s_is_made(environments):
    assert environments({})["orders.api"]["GATEWAY_SECRET"].startswith("whsec_")
