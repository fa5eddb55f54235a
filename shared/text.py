"""What a text may hold, and what is left of one that holds more."""

import re

# Control characters, line and paragraph separators, halves of surrogate pairs, and what is no character.
_NOT_IN_A_LINE = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\ufffe\uffff]+")


def one_line(text: str) -> str:
    """A text as one line: a space stands for what no line can hold."""
    return _NOT_IN_A_LINE.sub(" ", text).strip()
