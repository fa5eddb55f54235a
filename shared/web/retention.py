"""What the web layer deletes; separate, so that agents don't need to import Flask."""

from datetime import timedelta

from shared.messaging.retention import Old, older_than
from shared.web.tables import idempotency_keys

# Answers hold names and addresses.
OLD_KEYS: Old = (idempotency_keys, older_than(idempotency_keys.c.created_at, timedelta(hours=24)))
