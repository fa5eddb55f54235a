"""Settings come from the environment and say which of them is wrong."""

from dataclasses import dataclass

import pytest

from shared.settings import ServiceSettings, SettingsError, read

COMPLETE = {
    "DATABASE_URL": "postgresql+psycopg://orders:pw@127.0.0.1/orders",
    "BROKER_URL": "redis://127.0.0.1/0",
    "ORDERS_URL": "http://127.0.0.1:8101",
    "SHIPPING_URL": "http://127.0.0.1:8102",
    "DOCUMENTS_URL": "http://127.0.0.1:8103",
    "NOTIFICATIONS_URL": "http://127.0.0.1:8104",
    "JWKS": "jwks.json",
    "SERVICE_TOKEN": "token",
    "CUSTOMER_LINK_KEYS": "newest, previous",
}


def test_settings_are_read_by_their_types():
    settings = read(ServiceSettings, COMPLETE | {"PULL_GRACE_SECONDS": "0.5", "POOL_SIZE": "9"})

    assert settings.customer_link_keys == ("newest", "previous")
    assert settings.pull_grace_seconds == 0.5
    assert settings.pool_size == 9
    assert settings.service_url("shipping") == "http://127.0.0.1:8102"


def test_customers_find_each_service_under_its_name_at_the_gateway():
    behind_gateway = read(ServiceSettings, COMPLETE | {"PUBLIC_URL": "https://shop.example"})
    alone = read(ServiceSettings, COMPLETE)

    assert behind_gateway.customer_page("orders", "order") == "https://shop.example/orders/v1/customer/order"
    assert alone.customer_page("orders", "order") == "http://127.0.0.1:8101/v1/customer/order"


@pytest.mark.parametrize("missing", COMPLETE)
def test_a_missing_setting_is_named(missing):
    environment = {name: value for name, value in COMPLETE.items() if name != missing}

    with pytest.raises(SettingsError, match=f"{missing} is not set"):
        read(ServiceSettings, environment)


def test_an_empty_setting_is_none():
    assert read(ServiceSettings, COMPLETE | {"POOL_SIZE": "", "LOG_LEVEL": ""}) == read(
        ServiceSettings, COMPLETE
    )
    with pytest.raises(SettingsError, match="CUSTOMER_LINK_KEYS is not set"):
        read(ServiceSettings, COMPLETE | {"CUSTOMER_LINK_KEYS": ""})


def test_an_unreadable_setting_is_named():
    with pytest.raises(SettingsError, match="POOL_SIZE can't be read as"):
        read(ServiceSettings, COMPLETE | {"POOL_SIZE": "many"})


def test_a_service_adds_its_own():
    @dataclass(frozen=True, kw_only=True)
    class Settings(ServiceSettings):
        smtp_url: str

    assert read(Settings, COMPLETE | {"SMTP_URL": "smtp://127.0.0.1:8025"}).smtp_url.endswith("8025")
