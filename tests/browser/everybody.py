"""What each page is held to: nothing is beside the window, however narrow it is, and axe finds nothing."""

from collections.abc import Iterator

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

BESIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


def at_widths(page: Page, about: str, widths: tuple[int, ...] = (320, 360, 1280)) -> Iterator[int]:
    """Show the page as wide as each of these, in pixels; all of it must be within the window."""
    for width in widths:
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate(BESIDE) <= 0, f"{about} at {width}"
        yield width


def is_within(page: Page, about: str, widths: tuple[int, ...] = (320, 360, 1280)) -> None:
    """All of the page is within the window, as wide as each of these."""
    assert len(list(at_widths(page, about, widths))) == len(widths)


def is_for_everybody(page: Page, about: str, widths: tuple[int, ...] = (320, 360, 1280)) -> None:
    """All of the page is within the window, as wide as each of these, and axe finds nothing at both ends."""
    for width in at_widths(page, about, widths):
        if width in {widths[0], widths[-1]}:
            axe_finds_nothing(page, f"{about} at {width}")


def axe_finds_nothing(page: Page, about: str = "") -> None:
    """Look at the page as it is shown now; in the dark only at what depends on it, the colours."""
    options = {"resultTypes": ["violations"]}
    if page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches"):
        options["runOnly"] = ["color-contrast"]
    found = Axe().run(page, options=options)
    assert found.violations_count == 0, f"{about}: {found.generate_report()}"
