"""Settings come from the environment and say which of them is wrong."""

import os
import subprocess
import sys
from dataclasses import dataclass

import pytest

from services.documents.settings import Settings as Documents
from services.notifications.settings import Settings as Notifications
from services.orders.settings import Settings as Orders
from services.shipping.settings import Settings as Shipping
from shared.settings import ServiceSettings, SettingsError, bearer, read

COMPLETE = {
    "DATABASE_URL": "postgresql+psycopg://orders:pw@127.0.0.1/orders",
    "BROKER_URL": "redis://127.0.0.1/0",
    "ORDERS_URL": "http://127.0.0.1:8101",
    "SHIPPING_URL": "http://127.0.0.1:8102",
    "DOCUMENTS_URL": "http://127.0.0.1:8103",
    "NOTIFICATIONS_URL": "http://127.0.0.1:8104",
    "JWKS": "jwks.json",
    "TOKEN_ISSUER": "waybill-local",
    "SERVICE_TOKEN": "token",
    "CUSTOMER_LINK_KEYS": "newest, previous",
    "MESSAGE_KEYS": "newest, previous",
    "MESSAGE_PUBLIC_KEYS": "orders=newest",
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


SECRETS = {
    "BROKER_URL": {"api", "worker", "agent", "rendering"},
    "SERVICE_TOKEN": {"api", "agent"},
    "CUSTOMER_LINK_KEYS": {"api"},
    "MESSAGE_KEYS": {"worker", "agent"},
    "MESSAGE_PUBLIC_KEYS": {"worker", "agent"},
}
PROCESSES = ("", "api", "worker", "agent", "rendering")


@pytest.mark.requirement("V-19")
@pytest.mark.parametrize("missing", COMPLETE)
@pytest.mark.parametrize("process", PROCESSES)
def test_a_missing_setting_is_named_where_it_is_needed(missing, process):
    environment = {name: value for name, value in COMPLETE.items() if name != missing}

    if process in SECRETS.get(missing, PROCESSES):
        with pytest.raises(SettingsError, match=f"{missing} is not set"):
            read(ServiceSettings, environment, process=process)
    else:
        read(ServiceSettings, environment, process=process)


def test_an_empty_setting_is_none():
    assert read(ServiceSettings, COMPLETE | {"POOL_SIZE": "", "LOG_LEVEL": ""}) == read(
        ServiceSettings, COMPLETE
    )
    for none in ("", " , "):
        with pytest.raises(SettingsError, match="CUSTOMER_LINK_KEYS is not set"):
            read(ServiceSettings, COMPLETE | {"CUSTOMER_LINK_KEYS": none}, process="api")


@pytest.mark.parametrize("number", ["many", "-1", "nan", "inf", "1e400"])
def test_a_number_that_is_none_is_named(number):
    with pytest.raises(
        SettingsError, match=f"RETRY_CAP_SECONDS should be a number of 0 or more, but is '{number}'"
    ):
        read(ServiceSettings, COMPLETE | {"RETRY_CAP_SECONDS": number})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://127.0.0.1/orders"),
        ("BROKER_URL", "127.0.0.1:6379"),
        ("SHIPPING_URL", "shipping:8102"),
        ("PUBLIC_URL", "shop.example"),
        ("LOG_LEVEL", "LOUD"),
        ("CANARY_DEADLINE_SECONDS", "30"),
        ("RETRY_CAP_SECONDS", "0.5"),
    ],
)
def test_what_cannot_be_meant_is_named(name, value):
    with pytest.raises(SettingsError, match=f"^{name} "):
        read(ServiceSettings, COMPLETE | {name: value})


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        (Orders, "GATEWAY_SECRET", "bm9uZQ=="),
        (Orders, "GATEWAY_SECRET", "whsec_not base64"),
        (Shipping, "CARRIER_SECRETS", "swift=whsec_bm9uZQ==,slow"),
        (Notifications, "SMTP_URL", "mail.example:25"),
        (Notifications, "MAIL_FROM", "Waybill"),
        pytest.param(
            *(Notifications, "MAIL_FROM", "Waybill <=?utf-8?q?a=40b=2C?=@shop.example>"),
            marks=pytest.mark.requirement("V-01"),
        ),
        pytest.param(
            *(Notifications, "MAIL_FROM", "Way\r\nBcc: b@evil.example <a@shop.example>"),
            marks=pytest.mark.requirement("V-01"),
        ),
        (Notifications, "DIGEST_HOUR", "24"),
        (Documents, "DOCUMENTS_STORE", "/var/lib/waybill/documents"),
        (Documents, "DOCUMENTS_STORE", "s3://key:secret@bucket"),
        (Documents, "STORE_ENDPOINT", "objects.example:9000"),
        (Documents, "STORE_KEY_ID", "alone"),
    ],
)
def test_what_cannot_be_meant_of_a_service_is_named(kind, name, value):
    own = {
        "GATEWAY_SECRET": "whsec_bm9uZQ==",
        "SMTP_URL": "smtp://127.0.0.1",
        "MAIL_FROM": "a@shop.example",
        "DOCUMENTS_STORE": "file:///papers",
    }

    assert read(kind, COMPLETE | own)
    with pytest.raises(SettingsError, match=f"^{name} "):
        read(kind, COMPLETE | own | {name: value})


def test_all_that_is_wrong_is_told_at_once_and_ends_the_process():
    started = subprocess.run(
        [sys.executable, "-m", "services.orders.agent"],
        env={name: value for name, value in COMPLETE.items() if name != "SERVICE_TOKEN"}
        | {"POOL_SIZE": "many", "PATH": os.defpath},
        capture_output=True,
        text=True,
        check=False,
    )

    assert sorted(started.stderr.splitlines()) == [
        "POOL_SIZE should be a number of 0 or more, but is 'many'",
        "SERVICE_TOKEN is not set",
    ]
    assert started.returncode == 1


def test_a_service_adds_its_own():
    @dataclass(frozen=True, kw_only=True)
    class Settings(ServiceSettings):
        smtp_url: str

    assert read(Settings, COMPLETE | {"SMTP_URL": "smtp://127.0.0.1:8025"}).smtp_url.endswith("8025")


@pytest.mark.requirement("V-20")
def test_a_token_in_a_file_is_read_as_it_is_by_now(tmp_path):
    file = tmp_path / "token"
    file.write_text("first\n")
    assert bearer(str(file)) == "first"

    file.write_text("second")

    assert bearer(str(file)) == "second"
    assert bearer("eyJhbGciOiJFZERTQSJ9.e30.c2ln_-") == "eyJhbGciOiJFZERTQSJ9.e30.c2ln_-"
