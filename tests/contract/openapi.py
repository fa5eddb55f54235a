"""The OpenAPI document of each service; `python -m tests.contract.openapi` writes docs/openapi/ anew."""

import importlib
import json
from pathlib import Path

from deploy.local.databases import SERVICES
from shared.settings import read

FOLDER = Path(__file__).parents[2] / "docs" / "openapi"

# Enough to make the application; nothing is connected to.
ENVIRONMENT = {
    "DATABASE_URL": "postgresql+psycopg://nobody@127.0.0.1:9/none",
    "BROKER_URL": "redis://127.0.0.1:9/0",
    **{f"{service.upper()}_URL": "http://127.0.0.1:9" for service in SERVICES},
    "JWKS": "http://127.0.0.1:9/jwks.json",
    "TOKEN_ISSUER": "waybill-local",
    "SERVICE_TOKEN": "none",
    "CUSTOMER_LINK_KEYS": "none",
    "GATEWAY_SECRET": "whsec_bm9uZQ==",
    "DOCUMENTS_STORE": "file:///nowhere",
    "SMTP_URL": "smtp://127.0.0.1:9",
    "MAIL_FROM": "Waybill <orders@waybill.example>",
    "LOG_LEVEL": "WARNING",
}


def document(service):
    """The document as the service serves it."""
    settings = read(importlib.import_module(f"services.{service}.settings").Settings, ENVIRONMENT)
    app = importlib.import_module(f"services.{service}.app").create_app(settings)
    return app.test_client().get("/openapi.json").get_json()


def path(service):
    """Where the document is kept."""
    return FOLDER / f"{service}.json"


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in SERVICES:
        path(name).write_text(json.dumps(document(name), indent=1, ensure_ascii=False) + "\n")
