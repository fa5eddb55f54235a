"""The `.env` of docker-compose.yml for development: all secrets generated, readable by the owner only."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from deploy.local.databases import SERVICES
from deploy.local.keys import ISSUER, Keys, write_secret
from deploy.local.people import people
from deploy.local.settings import parsed
from deploy.local.valkey import USERS

PASSWORDS = (
    "POSTGRES_PASSWORD",
    *(f"{service.upper()}_DATABASE_PASSWORD" for service in SERVICES),
    "BROKER_PASSWORD",
    *(f"{user.upper()}_BROKER_PASSWORD" for user in USERS),
)


def write_env_file(file: Path, keys: Keys) -> None:
    """Create the file or add what is missing; existing values stay, because the servers already use them.

    Key sets, issuer, tokens, people and message keys alone are written anew: they follow from this machine's
    keys, which may have changed.
    """
    text = file.read_text() if file.exists() else ""
    write_settings(file, development_settings(keys, parsed(text)))


def write_settings(file: Path, wanted: Mapping[str, str]) -> None:
    """Set these values in the file, leaving the rest unchanged."""
    text = file.read_text() if file.exists() else ""
    kept = [line for line in text.splitlines() if line.partition("=")[0].strip() not in wanted]
    write_secret(file, "\n".join([*kept, *(f"{name}='{value}'" for name, value in wanted.items()), ""]))


def development_settings(keys: Keys, known: Mapping[str, str]) -> dict[str, str]:
    """Every setting without a default in docker-compose.yml, with e-mails going to the mail sink."""
    made = {
        "COMPOSE_PROFILES": "development",
        "SMTP_URL": "smtp://mailpit:1025",
        "MAIL_FROM": "Waybill <orders@waybill.example>",
        "FLOWER_LOGIN": f"operator:{secrets.token_urlsafe(12)}",
        "GATEWAY_SECRET": keys.gateway_secret,
        "CUSTOMER_LINK_KEYS": keys.customer_link_keys,
        "WEBHOOK_KEYS": keys.webhook_keys,
        **{name: secrets.token_urlsafe(24) for name in PASSWORDS},
    }
    message_keys = {f"{service.upper()}_MESSAGE_KEYS": keys.message_keys(service) for service in SERVICES}
    tokens = {f"{service.upper()}_SERVICE_TOKEN": keys.service_token(service) for service in SERVICES}
    return (
        {name: known.get(name) or value for name, value in made.items()}
        | {"JWKS": keys.jwks_file.read_text(), "TOKEN_ISSUER": ISSUER}
        | {"MESSAGE_PUBLIC_KEYS": keys.message_public_keys(SERVICES)}
        | message_keys
        | {"LOCAL_PEOPLE": json.dumps(people(keys)), "LOCAL_KEY": keys.page_key}
        | tokens
    )
