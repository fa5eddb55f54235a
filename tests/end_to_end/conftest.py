"""One running system for all end-to-end tests."""

import pytest

from deploy.local.settings import Settings, free_ports
from deploy.local.stack import Stack, remove
from tests.shop import Shop


@pytest.fixture(scope="package")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("end-to-end") / "data"
    # All that can be logged is: what must not be is looked for.
    settings = Settings(folder=folder, ports=free_ports(), services={"LOG_LEVEL": "DEBUG"})
    with Stack(settings) as running:
        yield running
    remove(folder)


@pytest.fixture
def shop(stack):
    shop = Shop(stack, market="gb", seller="acme")
    shop.open({"TEA-250": 1000, "CUP-1": 1000})
    yield shop
    shop.close()
