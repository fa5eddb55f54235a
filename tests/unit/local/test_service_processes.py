"""What each process of `make up` is started with."""

import pytest

from deploy.local.keys import Keys
from deploy.local.servers import Servers
from deploy.local.service_processes import service_processes
from deploy.local.settings import read


@pytest.fixture
def environments(tmp_path):
    """The environment of each process under some settings."""

    def of(given):
        settings = read({"WAYBILL_FOLDER": str(tmp_path / "data")} | given, tmp_path / ".env")
        processes = service_processes(settings, Keys(settings.folder / "keys"), Servers(settings))
        return {name: process.environment for name, process in processes.items()}

    return of


@pytest.mark.parametrize(
    ("secret", "service"), [("GATEWAY_SECRET", "orders"), ("CARRIER_SECRETS", "shipping")]
)
def test_a_secret_goes_to_the_service_it_concerns_alone(environments, secret, service):
    told = environments({secret: "chosen"})

    holders = {name for name, environment in told.items() if environment.get(secret) == "chosen"}

    assert holders == {f"{service}.{kind}" for kind in ("api", "worker", "agent")}


def test_without_a_secret_the_gateway_s_is_made(environments):
    assert environments({})["orders.api"]["GATEWAY_SECRET"].startswith("whsec_")
