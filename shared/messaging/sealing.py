"""What a push carries, closed for its listener: only its teller can have sealed it, and nobody else reads it.

The broker is trusted with nothing: whoever can write to it could tell of things that never happened, and
its file keeps what went through it. An event crosses it in a NaCl box (X25519, XSalsa20, Poly1305) of the
teller's private and the listener's public key.
"""

from base64 import b64decode, b64encode
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec
from nacl.exceptions import CryptoError
from nacl.public import Box, PrivateKey, PublicKey

from shared.settings import SettingsError


class NotBelieved(Exception):  # noqa: N818 - reads as what happened
    """An event does not come from the one who alone can tell it."""


class Sealer:
    """One service's way to seal what it tells, and to open what it is told.

    `private_keys` are its own, `public_keys` everybody's as `service=key`, all in base64. The first of a
    service seals and each opens, so that a key can be changed while both are in use. Raises SettingsError
    where they are no keys, or do not belong together.
    """

    def __init__(self, service: str, private_keys: Sequence[str], public_keys: Iterable[str]) -> None:
        self._service = service
        try:
            own = [PrivateKey(_decoded(key)) for key in private_keys]
            known: dict[str, list[PublicKey]] = defaultdict(list)
            for entry in public_keys:
                name, _, key = entry.partition("=")
                known[name].append(PublicKey(_decoded(key)))
        except (ValueError, CryptoError) as error:
            raise SettingsError(
                f"MESSAGE_KEYS and MESSAGE_PUBLIC_KEYS should be keys of X25519: {error}"
            ) from error
        if not own:
            raise SettingsError("MESSAGE_KEYS is not set")
        if [key.public_key for key in own] != known.pop(service, []):
            raise SettingsError(
                f"MESSAGE_PUBLIC_KEYS should have the keys of {service} as MESSAGE_KEYS has them"
            )
        self._boxes = {
            name: [Box(key, other) for key in own for other in keys] for name, keys in known.items()
        }

    def seal(self, listener: str, envelope: Mapping[str, Any]) -> str:
        """An envelope as a text that the listener alone can read."""
        sealed = self._boxes[listener][0].encrypt(msgspec.json.encode(envelope))
        return f"{self._service}.{b64encode(sealed).decode()}"

    def open(self, sealed: object) -> tuple[str, dict[str, Any]]:
        """Who sealed an envelope, and the envelope; raises NotBelieved if no other service did."""
        teller, _, text = sealed.partition(".") if isinstance(sealed, str) else ("", "", "")
        for box in self._boxes.get(teller, ()):
            try:
                envelope: dict[str, Any] = msgspec.json.decode(box.decrypt(b64decode(text, validate=True)))
            except (CryptoError, ValueError):
                continue
            return teller, envelope
        raise NotBelieved("it was sealed by no key of a service that tells us anything")


def _decoded(key: str) -> bytes:
    return b64decode(key, validate=True)
