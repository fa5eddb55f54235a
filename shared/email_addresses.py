"""Validation of e-mail addresses, for input and output alike."""

import re

import idna

LONGEST_EMAIL_ADDRESS = 254  # RFC 5321: what fits between the brackets of a path

# RFC 5321 without quoted parts and numbers for hosts, RFC 6531 for letters beyond ASCII.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"\w(?:[\w-]*\w)?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
# RFC 2047: what begins so is an encoded word to whoever reads a header, and becomes whatever it hides.
_ENCODED_WORD = "=?"


def is_email_address(text: str) -> bool:
    """Whether a text is exactly one e-mail address with a valid domain, to every mail program."""
    return (
        len(text) <= LONGEST_EMAIL_ADDRESS
        and _ENCODED_WORD not in text
        and _ADDRESS.fullmatch(text) is not None
        and _has_a_domain(text)
    )


def on_the_wire(address: str) -> str:
    """An e-mail address as it goes over SMTP: the domain in ASCII, the local part unchanged."""
    local, at, domain = address.rpartition("@")
    # RFC 5891, after UTS 46 has made capitals small and full-width letters narrow, as browsers do.
    return address if domain.isascii() else f"{local}{at}{idna.encode(domain, uts46=True).decode()}"


def _has_a_domain(address: str) -> bool:
    try:
        return len(on_the_wire(address)) <= LONGEST_EMAIL_ADDRESS
    except idna.IDNAError:
        return False
