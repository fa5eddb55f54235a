"""Where orders come from."""

from enum import StrEnum


class Channel(StrEnum):
    """Where the customer ordered."""

    WEB = "web"
    MOBILE = "mobile"
    CALL = "call"
    STORE = "store"
    MARKETPLACE = "marketplace"
    OTHER = "other"
