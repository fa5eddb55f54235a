"""Secrets: passwords, keys and tokens, in files that only their owner can read."""

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from jwt.algorithms import OKPAlgorithm
from nacl.encoding import Base64Encoder
from nacl.public import PrivateKey

from shared.access import ROLES

AUDIENCE = "waybill"
ISSUER = "waybill-local"

# Of tokens in files, which are renewed there while a stack runs, and of those that processes are told.
RENEWED_TOKEN_LIFETIME = timedelta(days=1)
KEPT_TOKEN_LIFETIME = timedelta(days=30)

# All that a person or program outside may be allowed; what services ask of each other is not among it.
ALL_SCOPES = tuple(sorted(frozenset().union(*ROLES.values())))


class Keys:
    """The keys of one stack, created on first use; it signs its own tokens, as it has no separate issuer."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.gateway_secret = self._kept("gateway-secret", _new_webhook_secret)
        self.webhook_secret = self._kept("webhook-secret", _new_webhook_secret)
        self.customer_link_keys = self._kept("customer-link-keys", _new_link_keys)
        self.webhook_keys = self._kept("webhook-keys", _new_webhook_keys)
        self.page_key = self._kept("page-key", lambda: secrets.token_urlsafe(18))
        self.jwks_file = self.folder / "jwks.json"
        key = load_pem_private_key(self._kept("signing-key.pem", _new_signing_key).encode(), password=None)
        assert isinstance(key, Ed25519PrivateKey)
        self._signing_key = key
        public = OKPAlgorithm.to_jwk(key.public_key(), as_dict=True)
        self._key_id = _thumbprint(public)
        key_set = {"keys": [public | {"kid": self._key_id, "use": "sig", "alg": "EdDSA"}]}
        write_secret(self.jwks_file, json.dumps(key_set))

    def token(
        self,
        subject: str,
        *,
        scopes: Sequence[str],
        sellers: Sequence[str] = ("*",),
        markets: Sequence[str] = ("*",),
        subscriber: str | None = None,
        lifetime: timedelta = timedelta(hours=12),
    ) -> str:
        """A signed bearer token that every service of the stack accepts; `*` is all sellers or markets."""
        now = datetime.now(UTC)
        claims = {
            "iss": ISSUER,
            "sub": subject,
            "aud": AUDIENCE,
            "iat": now,
            "exp": now + lifetime,
            "scope": " ".join(scopes),
            "sellers": list(sellers),
            "markets": list(markets),
        }
        if subscriber:
            claims["subscriber"] = subscriber
        return jwt.encode(claims, self._signing_key, algorithm="EdDSA", headers={"kid": self._key_id})

    def service_token(self, service: str, lifetime: timedelta = KEPT_TOKEN_LIFETIME) -> str:
        """A service's token for the others: it may fetch its events and the documents it sends."""
        return self.token(
            service,
            scopes=["events:read", "documents:read"],
            subscriber=service,
            lifetime=lifetime,
        )

    def service_token_file(self, service: str) -> Path:
        """The file with the service's token, which is renewed by each call."""
        file = self.folder / f"service-token-{service}"
        write_secret(file, self.service_token(service, RENEWED_TOKEN_LIFETIME))
        return file

    def message_keys(self, service: str) -> str:
        """The newest and previous key a service seals its events with."""
        return self._kept(f"message-keys-{service}", _new_message_keys)

    def message_public_keys(self, services: Iterable[str]) -> str:
        """The public keys for opening other services' events."""
        return ",".join(
            f"{service}={PrivateKey(key.encode(), Base64Encoder).public_key.encode(Base64Encoder).decode()}"
            for service in services
            for key in self.message_keys(service).split(",")
        )

    def _kept(self, name: str, make: Callable[[], str]) -> str:
        file = self.folder / name
        if not file.exists():
            write_secret(file, make())
        return file.read_text()


def write_secret(file: Path, text: str) -> None:
    """Replace a file, readable by us only; a crash leaves the old or the new one, never a partial file."""
    new = file.with_name(file.name + ".new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as handle:
        handle.write(text)
        handle.flush()
        os.fsync(handle.fileno())
    new.replace(file)


def _new_signing_key() -> str:
    key = Ed25519PrivateKey.generate()
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def _new_webhook_secret() -> str:
    """A secret in the Standard Webhooks format."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _new_webhook_keys() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


def _new_message_keys() -> str:
    """Two keys, as for links."""
    return ",".join(PrivateKey.generate().encode(Base64Encoder).decode() for _ in range(2))


def _new_link_keys() -> str:
    """Newest and previous; two from the start, so that key rotation is always exercised."""
    return f"{secrets.token_urlsafe(32)},{secrets.token_urlsafe(32)}"


def _thumbprint(public_key: dict[str, str]) -> str:
    """The key id, derived from the key itself (RFC 7638, and RFC 8037 for Ed25519)."""
    members = {name: public_key[name] for name in ("crv", "kty", "x")}
    digest = hashlib.sha256(json.dumps(members, separators=(",", ":"), sort_keys=True).encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
