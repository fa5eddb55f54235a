"""Tokens are signed with a key that never leaves its folder, and checked with one that everybody may see."""

import json
import stat

import jwt
import pytest

from deploy.local.keys import Keys


def test_a_token_holds_against_the_published_key_set(tmp_path):
    keys = Keys(tmp_path / "keys")
    token = keys.token("ana", scopes=["orders:read", "admin"], sellers=["acme"], subscriber="shipping")

    key_set = jwt.PyJWKSet.from_dict(json.loads(keys.jwks_file.read_text()))
    key = key_set[jwt.get_unverified_header(token)["kid"]]
    claims = jwt.decode(token, key, algorithms=["EdDSA"], audience="waybill")

    assert claims["exp"] - claims["iat"] == 12 * 3600
    assert {name: claims[name] for name in ("sub", "scope", "sellers", "markets", "subscriber")} == {
        "sub": "ana",
        "scope": "orders:read admin",
        "sellers": ["acme"],
        "markets": ["*"],
        "subscriber": "shipping",
    }


def test_keys_outlive_a_restart_and_only_their_owner_can_read_them(tmp_path):
    first, second = Keys(tmp_path / "keys"), Keys(tmp_path / "keys")

    assert first.jwks_file.read_text() == second.jwks_file.read_text()
    assert first.gateway_secret == second.gateway_secret
    assert len(second.customer_link_keys.split(",")) == 2
    assert {stat.S_IMODE(file.stat().st_mode) for file in first.folder.iterdir()} == {0o600}


@pytest.mark.requirement("V-20")
def test_a_service_s_token_in_its_file_is_a_new_one_each_time_and_ends_within_a_day(tmp_path):
    keys = Keys(tmp_path / "keys")

    def claims():
        file = keys.service_token_file("orders")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        return jwt.decode(file.read_text(), options={"verify_signature": False})

    assert claims()["exp"] - claims()["iat"] <= 24 * 3600
    assert claims()["subscriber"] == "orders"


@pytest.mark.requirement("V-20")
def test_a_service_s_token_that_is_written_down_ends_within_30_days(tmp_path):
    token = Keys(tmp_path / "keys").service_token("orders")

    claims = jwt.decode(token, options={"verify_signature": False})

    assert claims["exp"] - claims["iat"] <= 30 * 24 * 3600


def test_another_stacks_token_is_worth_nothing_here(tmp_path):
    ours, theirs = Keys(tmp_path / "ours"), Keys(tmp_path / "theirs")
    key_set = jwt.PyJWKSet.from_dict(json.loads(ours.jwks_file.read_text()))

    forged = theirs.token("mallory", scopes=["admin"])

    with pytest.raises(jwt.InvalidSignatureError):
        jwt.decode(forged, key_set.keys[0], algorithms=["EdDSA"], audience="waybill")
