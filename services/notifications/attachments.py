"""Fetching the papers that go with e-mails from documents, and checking that they are the right ones."""

import ssl
from collections.abc import Mapping
from functools import cache
from hashlib import sha256

import httpx2

TIMEOUT_SECONDS = 10


class Missing(Exception):  # noqa: N818 - reads as what happened
    """There is no such paper, or it is not the one that the event told of."""


def fetch(attachment: Mapping[str, str], documents_url: str, token: str) -> bytes:
    """The bytes of a stored paper.

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
        raise Missing(f"documents has no {attachment['filename']} any more")
    answer.raise_for_status()
    if sha256(answer.content).hexdigest() != attachment["sha256"]:
        raise Missing(f"{attachment['filename']} is not the paper that was announced: its SHA-256 differs")
    return answer.content


@cache
def _tls_context() -> ssl.SSLContext:
    """Made once a process: reading the authorities takes longer than fetching a paper."""
    return httpx2.create_ssl_context()
