"""The typefaces of documents: only bundled ones, so that documents look the same on every machine.

What they can't print is known beforehand: Pango would draw a box, and nobody would hear of it.
"""

import os
import re
import unicodedata
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from xml.sax.saxutils import escape

from fontTools.ttLib import TTFont
from weasyprint.text.fonts import FontConfiguration

from shared.text import legible

# fontTools dates each subset that it writes; papers must not tell when they were rendered.
os.environ["SOURCE_DATE_EPOCH"] = "0"

MARK = "\N{REPLACEMENT CHARACTER}"  # stands where no typeface has what was typed

# In the order in which they are asked for a character that Lato has not got. One weight of Chinese, Japanese
# and Korean is enough: it takes 19 MB.
_FAMILIES = ("Noto Sans", "Noto Sans CJK SC", "Noto Sans Symbols", "Noto Emoji")
# Chinese characters look as they do where the paper goes; Chinese ones elsewhere.
_HAN = re.compile("[\u2e80-\u2fdf\u3005-\u3007\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_HAN_FAMILIES = {
    "JP": "Noto Sans CJK JP",
    "KR": "Noto Sans CJK KR",
    "TW": "Noto Sans CJK TC",
    "HK": "Noto Sans CJK HK",
    "MO": "Noto Sans CJK HK",
}
_RIGHT_TO_LEFT = re.compile(
    "[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
# What would turn around the text of others: embeddings, overrides and isolates of its own.
_TURNS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_VARIATION_SELECTORS = (range(0xFE00, 0xFE10), range(0xE0100, 0xE01F0))


def _files_of(package: str, *patterns: str) -> list[Path]:
    spec = find_spec(package)
    if spec is None or spec.origin is None:
        raise ModuleNotFoundError(f"the package {package.replace('_', '-')} is not installed")
    folder = Path(spec.origin).parent
    return sorted(file for pattern in patterns for file in folder.glob(pattern))


LATO = _files_of("font_lato", "files/Lato-Regular.ttf", "files/Lato-Bold.ttf")
_OTHERS = [
    *(file for file in _files_of("manimgx_fonts", "*.ttf") if "Italic" not in file.name),
    *_files_of("noto_cjk_sans_otc", "*.ttc"),
]


def only_ours() -> FontConfiguration:
    """Use only the bundled fonts; those installed on the machine are ignored."""
    families = "".join(f"<family>{family}</family>" for family in _FAMILIES)
    folders = "".join(f"<dir>{escape(str(folder))}</dir>" for folder in sorted({f.parent for f in _OTHERS}))
    with TemporaryDirectory(prefix="waybill-fonts-") as scratch:
        config = Path(scratch) / "fonts.conf"
        config.write_text(
            f"<fontconfig>{folders}<cachedir>{escape(scratch)}</cachedir><rescan><int>0</int></rescan>"
            f"<alias binding='strong'><family>sans-serif</family><prefer>{families}</prefer></alias>"
            "</fontconfig>"
        )
        given = os.environ.get("FONTCONFIG_FILE")
        os.environ["FONTCONFIG_FILE"] = str(config)  # fontconfig can be told no other way
        try:
            return FontConfiguration()
        finally:
            if given is None:
                del os.environ["FONTCONFIG_FILE"]
            else:
                os.environ["FONTCONFIG_FILE"] = given


def han_family(text: str, country: str) -> str | None:
    """The typeface for Chinese characters in text for a country; None for the default."""
    family = _HAN_FAMILIES.get(country)
    return family if family and _HAN.search(text) else None


def unprintable(text: str) -> str:
    """The characters of a text that none of our typefaces has, each once."""
    strange = set(text) - _characters_of(tuple(LATO[:1]))
    if not strange:
        return ""
    lacking = strange - _characters_of(tuple(_OTHERS))
    return "".join(sorted(character for character in lacking if not _is_silent(character)))


def isolated(value: object) -> object:
    """A cleaned value for a template, isolated if it runs right to left, so that the text around it stays."""
    if type(value) is not str:  # what is marked up already was set apart as it was made
        return value
    value = legible(_TURNS.sub("", value))
    if not _RIGHT_TO_LEFT.search(value):
        return value
    lines = value.split("\n")
    return "\n".join(
        f"\N{FIRST STRONG ISOLATE}{line}\N{POP DIRECTIONAL ISOLATE}" if line else "" for line in lines
    )


@lru_cache(maxsize=2)
def _characters_of(files: tuple[Path, ...]) -> frozenset[str]:
    known: set[str] = set()
    for file in files:
        with TTFont(file, fontNumber=0, lazy=True) as font:
            known.update(map(chr, font.getBestCmap()))
    return frozenset(known)


def _is_silent(character: str) -> bool:
    """Whether a character has no glyph of its own: spaces, controls, selectors."""
    return unicodedata.category(character) in {"Cc", "Cf", "Zl", "Zp", "Zs"} or any(
        ord(character) in selectors for selectors in _VARIATION_SELECTORS
    )
