"""Encryption of pushed events: only the publisher can have sealed one, only the subscriber can read it.

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
    """An event does not come from the only service that may publish it."""


class Sealer:
    """Seals the events a service publishes, and opens those it receives.

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
                f"MESSAGE_KEYS and MESSAGE_PUBLIC_KEYS should be X25519 keys: {error}"
            ) from error
        if not own:
            raise SettingsError("MESSAGE_KEYS is not set")
        if [key.public_key for key in own] != known.pop(service, []):
            raise SettingsError(
                f"MESSAGE_PUBLIC_KEYS should contain the public keys for MESSAGE_KEYS under {service}"
            )
        self._boxes = {
            name: [Box(key, other) for key in own for other in keys] for name, keys in known.items()
        }

    def seal(self, listener: str, envelopes: Sequence[Mapping[str, Any]]) -> str:
        """Seal envelopes as a text that only the subscriber can read.

        One is sealed by itself, and not as a list: the release before knows no lists.
        """
        content = envelopes[0] if len(envelopes) == 1 else envelopes
        sealed = self._boxes[listener][0].encrypt(msgspec.json.encode(content))
        return f"{self._service}.{b64encode(sealed).decode()}"

    def open(self, sealed: object) -> tuple[str, list[dict[str, Any]]]:
        """The sender of sealed envelopes, and them; raises NotBelieved if no other service sealed them."""
        teller, _, text = sealed.partition(".") if isinstance(sealed, str) else ("", "", "")
        for box in self._boxes.get(teller, ()):
            try:
                content = msgspec.json.decode(box.decrypt(b64decode(text, validate=True)))
            except (CryptoError, ValueError):
                continue
            return teller, content if isinstance(content, list) else [content]
        raise NotBelieved("it was not sealed with the key of any service we subscribe to")


def _decoded(key: str) -> bytes:
    return b64decode(key, validate=True)
