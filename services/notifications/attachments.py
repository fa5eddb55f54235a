"""Fetches e-mail attachments from documents and verifies them."""

import ssl
from collections.abc import Mapping
from functools import cache
from hashlib import sha256

import httpx2

TIMEOUT_SECONDS = 10


class Missing(Exception):  # noqa: N818 - reads as what happened
    """The document does not exist, or differs from what the event announced."""


def fetch(attachment: Mapping[str, str], documents_url: str, token: str) -> bytes:
    """The file of a stored document.

    Raises Missing for one that is gone or whose SHA-256 is another than the event's, httpx2.HTTPError where
    documents can't be asked now.
    """
    answer = httpx2.get(
        f"{documents_url}/v1/documents/{attachment['document_id']}/content",
        headers={"Authorization": f"Bearer {token}"},
        timeout=TIMEOUT_SECONDS,
        verify=_tls_context(),
    )
    removed = answer.status_code == httpx2.codes.CONFLICT and answer.json().get("reason") == "removed"
    if removed or answer.status_code == httpx2.codes.NOT_FOUND:
        raise Missing(f"documents no longer has {attachment['filename']}")
    answer.raise_for_status()
    if sha256(answer.content).hexdigest() != attachment["sha256"]:
        raise Missing(f"{attachment['filename']} is not the document that was announced: its SHA-256 differs")
    return answer.content


@cache
def _tls_context() -> ssl.SSLContext:
    """Created once per process: loading the CA certificates takes longer than fetching a document."""
    return httpx2.create_ssl_context()
