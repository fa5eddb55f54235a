"""A seller's brand colour, with a fallback, and a readable text colour to go on it."""

import re

PLAIN = "#1f4e5f"
BRIGHT = 150  # of 255: from here on dark letters are easier to read than white ones

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")


def brand_colours(wanted: str) -> tuple[str, str]:
    """The brand colour, or the default if it isn't a valid colour, and the text colour for it."""
    colour = wanted if _COLOUR.fullmatch(wanted) else PLAIN
    red, green, blue = (int(colour[at : at + 2], 16) for at in (1, 3, 5))
    brightness = (299 * red + 587 * green + 114 * blue) / 1000  # as the eye weighs them
    return colour, "#ffffff" if brightness < BRIGHT else "#16181a"
