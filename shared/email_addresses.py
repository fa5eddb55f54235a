"""What an e-mail address is, wherever one comes in or goes out."""

import re

LONGEST_EMAIL_ADDRESS = 254  # RFC 5321: what fits between the brackets of a path

# RFC 5321 without quoted parts and numbers for hosts, RFC 6531 for letters beyond ASCII.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
_LABEL = r"\w(?:[\w-]*\w)?"
_ADDRESS = re.compile(rf"{_ATOM}(?:\.{_ATOM})*@{_LABEL}(?:\.{_LABEL})*")
# RFC 2047: what begins so is an encoded word to whoever reads a header, and becomes whatever it hides.
_ENCODED_WORD = "=?"


def is_email_address(text: str) -> bool:
    """Whether a text is one address, and nothing that a mail program would read as something else."""
    return (
        len(text) <= LONGEST_EMAIL_ADDRESS
        and _ENCODED_WORD not in text
        and _ADDRESS.fullmatch(text) is not None
    )
