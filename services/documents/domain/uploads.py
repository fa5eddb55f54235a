"""Which files may be uploaded, by their content, never by their name."""

import re
import unicodedata

LARGEST_UPLOAD = 10 << 20
MOST_BY_CUSTOMER = 20  # of one order: whoever has its link may not fill the disk
LONGEST_FILENAME = 120
LARGEST_LOGO = 1 << 20
LARGEST_LOGO_SIDE = 4_000  # pixels
KEPT_LOGO_SIDE = 1_000  # pixels: on paper, 15 mm

# What each type begins with, and what its files are called.
_BEGINNINGS = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
SUFFIXES = {"application/pdf": ".pdf", "image/png": ".png", "image/jpeg": ".jpg", "image/webp": ".webp"}
LOGO_TYPES = frozenset({"image/png", "image/jpeg"})


def content_type_of(content: bytes) -> str | None:
    """The content type detected from the bytes; None if it is not allowed."""
    for beginning, content_type in _BEGINNINGS:
        if content.startswith(beginning):
            return content_type
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "image/webp"
    return None


def clean_filename(given: str, content_type: str) -> str:
    """A file name that is safe in headers, on disk and on screen, with the extension of its type.

    Folders, control and invisible characters go; letters of any language stay.
    """
    name = unicodedata.normalize("NFC", given).replace("\\", "/").rpartition("/")[2]
    name = "".join(
        letter if unicodedata.category(letter)[0] in "LNM" else letter if letter in "-_. ()" else "-"
        for letter in name
    )
    stem = re.sub(r"\.[^.]*\Z", "", name)
    stem = re.sub(r"[\s-]+", "-", stem).strip("-. ") or "document"
    suffix = SUFFIXES[content_type]
    return stem[: LONGEST_FILENAME - len(suffix)].rstrip("-. ") + suffix
