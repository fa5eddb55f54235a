"""Encryption of secrets that must be readable again, and so can't be hashed, for storage in a database.

Whoever has a database or its backup has nothing without the keys, which are settings. NaCl's secret box
(XSalsa20, Poly1305) under the newest key; each of the others still opens, so that a key can be changed.
"""

from base64 import b64decode
from collections.abc import Sequence

from nacl.exceptions import CryptoError
from nacl.secret import SecretBox


class NotOpened(Exception):  # noqa: N818 - reads as what happened
    """None of our keys opens it."""


def sealed(keys: Sequence[str], secret: str) -> bytes:
    """Encrypt a secret for storage; keys are 32 bytes each in base64, newest first."""
    return bytes(_box(keys[0]).encrypt(secret.encode()))


def opened(keys: Sequence[str], kept: bytes) -> str:
    """Decrypt a secret sealed with one of these keys; raises NotOpened."""
    for key in keys:
        try:
            return _box(key).decrypt(kept).decode()
        except CryptoError:
            continue
    raise NotOpened("it was encrypted with a key we don't have")


def is_key(text: str) -> bool:
    """Whether a text is a valid encryption key."""
    try:
        _box(text)
    except (ValueError, CryptoError):
        return False
    return True


def _box(key: str) -> SecretBox:
    return SecretBox(b64decode(key, validate=True))
