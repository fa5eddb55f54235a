"""One running system for all end-to-end tests."""

import pytest

from deploy.local.settings import SECRETS, Settings, free_ports
from deploy.local.stack import Stack, remove
from tests.object_store import between
from tests.shop import Shop


@pytest.fixture(scope="package")
def way_to_store(s3):
    """The way to the object store that papers are kept in, where other systems of tests have a folder."""
    with between(s3) as way:
        yield way


@pytest.fixture(scope="package")
def kept_at(s3, way_to_store):
    """The settings that say where that is."""
    return s3.settings(endpoint=way_to_store[0])


@pytest.fixture(scope="package")
def stack(tmp_path_factory, kept_at):
    folder = tmp_path_factory.mktemp("end-to-end") / "data"
    store = {name.upper(): value for name, value in kept_at.items()}
    settings = Settings(
        folder=folder,
        ports=free_ports(),
        # All that can be logged is: what must not be is looked for.
        services={"LOG_LEVEL": "DEBUG"} | {name: store[name] for name in store if name not in SECRETS},
        secrets={name: store[name] for name in store if name in SECRETS},
    )
    with Stack(settings) as running:
        yield running
    remove(folder)


@pytest.fixture
def shop(stack):
    shop = Shop(stack, market="gb", seller="acme")
    shop.open({"TEA-250": 1000, "CUP-1": 1000})
    yield shop
    shop.close()
