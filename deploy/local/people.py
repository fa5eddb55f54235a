"""Users of a local stack's console: staff of the demo's sellers, with tokens."""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

from deploy.local.keys import Keys, write_secret
from shared.access import ROLES

LIFETIME = timedelta(days=400)  # of the tokens: they have to outlast the longest run

ALL = "*"
# id, name, role, sellers, what is said of the place, language
PEOPLE = (
    ("helen", "Helen Marsh", "seller_staff", "harbour", "Harbour & Hearth", "en"),
    ("peter", "Peter Walsh", "picker", "harbour", "Harbour & Hearth", "en"),
    ("simon", "Simon Hale", "stock_keeper", "harbour", "Harbour & Hearth", "en"),
    ("carla", "Carla Bennett", "customer_service", ALL, "", "en"),
    ("barbara", "Barbara Ellis", "accounts", ALL, "", "en"),
    ("olivia", "Olivia Sinclair", "administrator", ALL, "", "en"),
    ("ivan", "Ivan Doyle", "integrator", "harbour", "Harbour & Hearth", "en"),
    ("marta", "Marta Gil Navarro", "seller_staff", "olmo", "Casa Olmo", "es"),
)


def people(keys: Keys) -> list[dict[str, Any]]:
    """All users, with fresh tokens."""
    found = []
    for identity, name, role, seller, place, language in PEOPLE:
        scopes = sorted(ROLES[role])
        token = keys.token(f"{identity}@waybill.example", scopes=scopes, sellers=[seller], lifetime=LIFETIME)
        person = {"id": identity, "name": name, "role": role, "place": place, "language": language}
        expires_at = time.time() + LIFETIME.total_seconds()
        found.append(person | {"scopes": scopes, "token": token, "expires_at": expires_at})
    return found


def write_people(file: Path, keys: Keys) -> Path:
    """Rewrite the console's user file; nobody else can read it."""
    write_secret(file, json.dumps(people(keys), indent=1))
    return file
