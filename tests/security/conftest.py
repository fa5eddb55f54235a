"""A world of four services in which two sellers' orders have been through everything."""

import pytest
from hypothesis import settings

from deploy.local.keys import Keys
from tests.security.shop import open_shop
from tests.security.world import opened

settings.register_profile("fuzz", max_examples=60)  # of each kind, for each operation; `make fuzz`


@pytest.fixture(scope="module")
def world(engines, postgres_server, tmp_path_factory):
    folder = tmp_path_factory.mktemp("world")
    with opened(engines, postgres_server.url, Keys(folder / "keys"), folder / "papers") as made:
        open_shop(made)
        yield made
