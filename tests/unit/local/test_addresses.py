"""The way into a system behind a gateway."""

import jwt
import pytest

from deploy.local.addresses import behind_gateway
from deploy.local.databases import SERVICES
from deploy.local.keys import Keys
from deploy.local.settings import read


@pytest.fixture
def found(tmp_path):
    def find(**given):
        settings = read({"WAYBILL_FOLDER": str(tmp_path)} | given, tmp_path / ".env")
        return behind_gateway(settings, "https://shop.example")

    return find


def test_each_service_is_under_its_name(found):
    assert found().services == {service: f"https://shop.example/{service}" for service in SERVICES}


def test_the_token_is_one_of_this_machine(found, tmp_path):
    key_set = jwt.PyJWKSet.from_json(Keys(tmp_path / "keys").jwks_file.read_text())

    claims = jwt.decode(found().token, key_set.keys[0], ["EdDSA"], audience="waybill")

    assert claims["sub"] == "operator"


def test_payments_are_signed_with_the_secret_that_was_chosen_or_else_made(found, tmp_path):
    assert found(GATEWAY_SECRET="whsec_Y2hvc2Vu").gateway_secret == "whsec_Y2hvc2Vu"
    assert found().gateway_secret == Keys(tmp_path / "keys").gateway_secret
